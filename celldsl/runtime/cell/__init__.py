"""What people hold: the class of a cell, how it is built and saved."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """What this name stood for when it was that of a file; pickles of cells hold it."""
    if name not in ("Cell", "Gradients", "rebuild_cell"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from celldsl.runtime.cell import cell

    return getattr(cell, name)
