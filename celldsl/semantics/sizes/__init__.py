"""Sizes that are written, as whole numbers of dims."""
