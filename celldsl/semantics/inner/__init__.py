"""Cells in cells: their declarations, what they are given, their steps."""
