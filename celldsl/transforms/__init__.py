"""Programs to Programs: differentiation, and one pass a file."""
