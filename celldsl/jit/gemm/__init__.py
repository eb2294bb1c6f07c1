"""Small dense products for compiled code."""
