"""The command line of the benchmarks: `python -m tests.benchmarks NAME`."""

from __future__ import annotations

import argparse
import importlib

# name, module with `add_arguments(parser)` and `run(options)`, what it measures
BENCHMARKS = (
    ("checkers", "checkers", "gradient checkers side by side: false alarms, misses, evaluations, time"),
    ("compiled", "compiled", "what the calls of a compiled function cost, against numba, CasADi, AADC, heyoka and JAX"),
    ("batch", "batch", "what batches of points cost, against heyoka, numba, JAX, AADC and NumPy, and their memory"),
    ("training", "training", "what steps of training cost, against PyTorch, JAX and micrograd; first steps; accuracy"),
    ("first-call", "first_call", "what the stages of the first call of a compiled function cost, by operation"),
    ("eager", "eager", "what a value and a gradient cost, against plain floats, micrograd, PyTorch and autograd"),
    ("pictures", "pictures", "what pictures of graphs cost, and how much of their page is boxes"),
    ("hard", "hard_functions", "minima, steps, bent slopes, cusps, lost digits: false alarms and misses of ours"),
    ("estimates", "random_functions", "how honest the bounds of numeric_derivative are, on random functions"),
)


def main() -> None:
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measurements of microgrady.")
    names = parser.add_subparsers(title="benchmarks", metavar="NAME", required=True)
    for name, module_name, summary in BENCHMARKS:
        module = importlib.import_module(f"tests.benchmarks.{module_name}")
        chosen = names.add_parser(name, help=summary, description=module.__doc__)
        module.add_arguments(chosen)
        chosen.set_defaults(run=module.run)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
