"""Functions and their derivatives as curves, contours, arrows and errors.

What is given as `to` is written as a whole or not at all, and the same call writes the same file. Outside of notebooks
a figure that has been written to a file is closed: `pyplot.show()` does not show it besides.
"""
