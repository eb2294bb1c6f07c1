"""Cells as LaTeX, as pictures and in colours, made of Programs and of what authors wrote."""
