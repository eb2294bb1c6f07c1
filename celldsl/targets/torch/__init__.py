"""Cells as modules in PyTorch's own operations."""
