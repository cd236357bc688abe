"""Random cases by the thousand: `python -m tests.fuzz` runs them, each campaign of one subject in a module of its own.

A campaign is a module with a function `case(chance)`: one case, made by a generator of random numbers and so by its
seed alone. It returns if all is well, and raises whatever says what is not.
"""
