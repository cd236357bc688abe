"""The command line: typed expressions, their values, derivatives, checks and pictures."""
