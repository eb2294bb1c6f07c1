"""Cells whose structure has no default.  In: what is lacking.  Out: a class that asks for it.

    Deep = load("deep.cell")            # cell Deep[H](depth): … for k in 0..depth: …
    cell = Deep(H=16, depth=3)          # compiled now, for three layers

There is no code before the structure is known, and so no description either.  What is built is of
the class for its structure.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.cell.saving import read_weights, saved_settings
from celldsl.runtime.errors import ArgumentTypeError

Variant = Callable[[Mapping[str, Any]], type[Cell]]


def undecided_class(name: str, lacking: tuple[str, ...], text: str, variant: Variant) -> type[Cell]:
    """A class of this name; `variant` gives the one for a structure."""
    example = ", ".join(f"{each}=…" for each in lacking)

    class Undecided(Cell):
        lacking: ClassVar[tuple[str, ...]]
        variant: ClassVar[Variant]

        # What it makes is of the class for its structure.
        def __new__(cls, /, *arguments: Any, **keywords: Any) -> Cell:  # type: ignore[misc]
            if arguments:
                raise ArgumentTypeError(f"sizes go by name: {name}({example}, …)")
            missing = [each for each in lacking if each not in keywords]
            if missing:
                raise ArgumentTypeError(
                    f"{name}() needs {', '.join(missing)}, which decides its structure: "
                    f"{name}({example}, …)"
                )
            made: Cell = variant({each: keywords[each] for each in lacking})(**keywords)
            return made

        @classmethod
        def from_file(cls, path: str | os.PathLike[str]) -> Cell:
            _, metadata = read_weights(path)
            settings = saved_settings(name, metadata, path)
            return variant({each: settings[each] for each in lacking}).from_file(path)

    Undecided.lacking = lacking
    Undecided.variant = staticmethod(variant)
    Undecided.__name__ = Undecided.__qualname__ = name
    Undecided.__doc__ = f"{text.strip()}\n\nBuild one with {name}({example}, …).\n"
    return Undecided
