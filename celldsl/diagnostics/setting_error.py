"""A setting that a cell does not take.  In: a sentence.  Out: SettingError."""

from __future__ import annotations


class SettingError(ValueError):
    """A setting that the cell does not have, or of another kind than it has."""
