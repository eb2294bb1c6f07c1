"""Cells in JAX."""
