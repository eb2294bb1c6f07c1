"""Meaning: names, shapes, structure, and the program of a cell."""
