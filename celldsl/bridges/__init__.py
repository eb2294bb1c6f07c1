"""What layers for other libraries have in common: cells by their sources, and plain code."""
