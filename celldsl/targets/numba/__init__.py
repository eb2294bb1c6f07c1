"""Plans as modules of compiled functions."""
