"""Cells as functions in JAX's own operations."""
