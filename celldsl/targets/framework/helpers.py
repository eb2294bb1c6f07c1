"""Functions and classes that generated files carry.  In: their text.  Out: each by its name."""

from __future__ import annotations

import re


def functions_of(text: str) -> dict[str, str]:
    """The functions of a text, which two empty lines part."""
    found = {}
    for piece in text.strip("\n").split("\n\n\n"):
        head = re.match(r"(?:def|class) (\w+)\(", piece)
        assert head is not None, f"no function: {piece}"
        found[head[1]] = piece
    return found
