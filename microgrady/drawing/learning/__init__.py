"""Pictures of models that learn: what they decide, how their loss falls, their weights and gradients.

What is given as `to` is written as a whole or not at all, and the same call writes the same file.
"""
