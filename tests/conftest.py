"""Lets pytest take the doctests of a compiled module from the .py beside it."""

import os

os.environ["PY_IGNORE_IMPORTMISMATCH"] = "1"  # else it minds that `import` found another file
