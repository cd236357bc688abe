"""What type checkers tell a user, which the same lines prove when they run."""
