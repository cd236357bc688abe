"""The estimator: numeric derivatives with error bounds."""
