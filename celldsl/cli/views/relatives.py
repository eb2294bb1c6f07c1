"""The relatives of a cell.  In: a name or a file.  Out: a text, with what tells each apart."""

from __future__ import annotations

from collections.abc import Iterator

from celldsl.api import file_of
from celldsl.comparison.differences import differences
from celldsl.comparison.reading import Equations, all_equations, equations_of, nearest_to

COUNT, TOLD = 6, 4


def relatives_text(like: str) -> str:
    """Raises FileNotFoundError where there is no such cell or file."""
    one = equations_of(file_of(like))
    found = nearest_to(one, all_equations(), COUNT, like)
    if not found:
        return f"no cell that comes with celldsl has much in common with {one.cell}"
    return "\n".join(line for name, other in found for line in _told(one, name, other))


def _told(one: Equations, name: str, other: Equations) -> Iterator[str]:
    words = list(dict.fromkeys(found.words for found in differences(one, other)))
    if not words:
        yield f"{name}: the same equations"
        return
    yield f"{name}:"
    yield from (f"    {text}" for text in words[:TOLD])
    if len(words) > TOLD:
        yield f"    and {len(words) - TOLD} more: celldsl diff"
