"""Programs: recorded, simplified, and put in other terms."""
