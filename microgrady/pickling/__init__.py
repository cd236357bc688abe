"""Copies and pickles of Values, of graphs, and of functions over them."""
