"""Programs as machine code and as C."""
