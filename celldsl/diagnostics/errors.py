"""Errors that users meet.  In: diagnostics, or a sentence.  Out: exceptions that say them."""

from __future__ import annotations

import os

from celldsl.diagnostics.diagnostic import Diagnostic
from celldsl.mistakes import Mistake


class CellError(Mistake, Exception):
    """A `.cell` file has errors.  `diagnostics` holds them; `str()` is the rendered report."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        self.diagnostics = diagnostics
        super().__init__(diagnostics)

    def _render_traceback_(self) -> list[str]:
        """What IPython and notebooks show: the report alone, since the mistake is in the cell."""
        # Both take colours, whatever their standard output is.
        color = not os.environ.get("NO_COLOR")
        from celldsl.diagnostics.render import render_text

        return [f"{render_text(d, color)}\n" for d in self.diagnostics]

    def __str__(self) -> str:
        # Where nothing is wrong nothing is rendered.
        from celldsl.diagnostics.render import render_text

        return "\n" + "\n".join(render_text(d) for d in self.diagnostics)


class UndecidedError(CellError):
    """Nothing is wrong with `cell`, but that `lacking` decide its structure and have no value."""

    def __init__(self, diagnostics: list[Diagnostic], cell: str, lacking: tuple[str, ...]) -> None:
        super().__init__(diagnostics)
        self.cell = cell
        self.lacking = lacking


class SettingError(ValueError):
    """A setting that the cell does not have, or of another kind than it has."""
