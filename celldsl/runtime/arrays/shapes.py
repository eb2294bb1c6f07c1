"""Shapes in the cell's own words.  In: declared shapes and sizes.  Out: text.

declared_words("[2*H]", (256,))                         # (2*H=256,)
shape_words(("T", "B", "I"), (None, None, 28))          # (T, B, I=28)
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def axes_of(text: str) -> tuple[str, ...]:
    """`[2*H, I]` as its axes; `int[V]` has none."""
    inside = re.search(r"\[(.*)\]", text)
    if inside is None or text.startswith("int"):
        return ()
    return tuple(axis.strip() for axis in inside[1].split(",") if axis.strip())


def axis_words(name: str, size: int | None) -> str:
    """`I=28`, or `I` where the size is free, or `3`."""
    return name if size is None or name == str(size) else f"{name}={size}"


def shape_words(axes: Iterable[str], sizes: Iterable[int | None]) -> str:
    parts = [axis_words(axis, size) for axis, size in zip(axes, sizes, strict=True)]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def declared_words(text: str, shape: tuple[int, ...]) -> str:
    """A declared shape with its sizes."""
    return shape_words(axes_of(text), shape)
