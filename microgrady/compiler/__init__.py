"""jit: machine code for recorded functions."""
