"""The version of celldsl, in one place."""

__version__ = "0.1.0"
