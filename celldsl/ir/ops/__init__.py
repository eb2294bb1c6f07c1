"""Every operation, in one table."""
