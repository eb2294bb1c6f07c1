"""Sizes and shapes of random cells.  In: dims.  Out: sums of dims that can be compared and written.

Width({"H": 2, "I": 1}).text        "I + 2*H"
"""

from __future__ import annotations

from collections.abc import Mapping

DIMS = ("I", "H", "N")


class Width(tuple[tuple[str, int], ...]):
    """How often each dim is in a sum; "1" stands for a number."""

    __slots__ = ()

    def __new__(cls, parts: Mapping[str, int]) -> Width:
        return super().__new__(cls, sorted((d, n) for d, n in parts.items() if n))

    def __add__(self, other: object) -> Width:
        assert isinstance(other, Width)
        mine, theirs = dict(self), dict(other)
        return Width({d: mine.get(d, 0) + theirs.get(d, 0) for d in {*mine, *theirs}})

    @property
    def text(self) -> str:
        words = [str(n) if d == "1" else d if n == 1 else f"{n}*{d}" for d, n in self]
        return " + ".join(words)

    @property
    def halves(self) -> Width | None:
        """Half of it, where that is one for all sizes."""
        even = all(n % 2 == 0 for _, n in self)
        return Width({d: n // 2 for d, n in self}) if even else None

    @property
    def first(self) -> Width | None:
        """A part of it that is shorter for all sizes."""
        d, n = self[0]
        if len(self) > 1:
            return Width({d: n})
        return Width({d: n - 1}) if n > 1 else None


Shape = tuple[Width, ...]
IN, H, N = (Width({d: 1}) for d in DIMS)


def shape_text(shape: Shape) -> str:
    return f"[{', '.join(width.text for width in shape)}]"
