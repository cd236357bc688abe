"""What an operation does to numbers: on floats, and in the instructions that a backend can write."""
