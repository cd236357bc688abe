"""Expressions as text: one writer for pictures, animations, guards, messages, `formula` and `latex`."""
