"""One line of what is typeset.  In: nothing.  Out: the record."""

from __future__ import annotations

from celldsl.structs import record


@record
class Equation:
    """`left` has a symbol for each of `values`; `loops` are those it stands in."""

    left: tuple[str, ...]
    values: tuple[str, ...]
    right: str
    loops: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        names = ", ".join(self.left)
        left = names if len(self.left) == 1 else rf"\left({names}\right)"
        return f"{left} &= {self.right}"
