"""What a running cell asks the compiler.  In: the sources that a class carries.  Out: answers.

equations((("gru.cell", text),))        # the formatted text, without comments and docstrings
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.span import Source
from celldsl.syntax.format.format import format_equations


def equations(sources: Sequence[Sequence[str]]) -> str:
    """All files of a cell, laid out, without what only people read."""
    return "\n".join(_equations(str(name), str(text)) for name, text in sources)


def _equations(name: str, text: str) -> str:
    try:
        return format_equations(Source(name, text))
    except CellError:  # of a language that was another, or of a file that was changed by hand
        return text
