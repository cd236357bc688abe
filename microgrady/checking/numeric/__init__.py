"""The estimator: numeric derivatives with error bounds."""

from microgrady.checking.numeric.derivative import numeric_derivative

__all__ = ["numeric_derivative"]
