"""A small cell to try a class with.  In: a class and settings.  Out: a built cell.

    cell = sample_cell(GRU, {"activation": "relu"}, dtype="float64")

Sizes that are not set are small, and such that every `require` holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np

from celldsl.cli.output import CommandError
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.description import Dim

SIZES = (4, 3, 2, 6, 8, 5, 1, 12, 16)
TRIALS = 2000


def sample_cell(cls: type[Cell], settings: Mapping[str, Any], dtype: str = "float64") -> Cell:
    """Raises CommandError where settings are wrong or no small sizes will do."""
    cls = _decided(cls, settings)
    free = [d for d in cls.description.dims if d.name not in settings and d.fixed is None]
    problem: ValueError | None = None
    for sizes in _sizes(free):
        found = _tried(cls, {**settings, **sizes}, dtype)
        if not isinstance(found, ValueError):
            return found
        problem = found
    names = " ".join(f"--set {d.name}=…" for d in free)
    raise CommandError(f"{problem}" + (f"; give sizes with {names}" if free else ""), 2)


def _decided(cls: type[Cell], settings: Mapping[str, Any]) -> type[Cell]:
    """The class for the structure that is asked for, where there is no default one."""
    lacking: tuple[str, ...] = getattr(cls, "lacking", ())
    missing = [name for name in lacking if name not in settings]
    if missing:
        told = f"{cls.__name__} needs {', '.join(missing)}, which decides its structure"
        raise CommandError(f"{told}: {' '.join(f'--set {name}=…' for name in missing)}", 2)
    variant: Any = getattr(cls, "variant", None)
    found: type[Cell] = variant({name: settings[name] for name in lacking}) if lacking else cls
    return found


def _tried(cls: type[Cell], keywords: dict[str, Any], dtype: str) -> Cell | ValueError:
    """The cell, or what is wrong with its sizes.

    A module that stands alone has a Cell and an ArgumentError of its own; their bases are shared.
    """
    try:
        return _built(cls, keywords, dtype)
    except ValueError as error:
        if isinstance(error, TypeError):
            raise CommandError(str(error), 2) from None
        return error


def _sizes(free: list[Dim]) -> Iterator[dict[str, int]]:
    """Defaults first; then small sizes for all, different ones so that a mix-up shows."""
    needed = [d for d in free if d.default is None]
    different = {d.name: SIZES[i % 3] for i, d in enumerate(needed)}
    yield different
    for trial, sizes in enumerate(product(SIZES, repeat=len(free))):
        if trial == TRIALS:
            return
        yield {d.name: size for d, size in zip(free, sizes, strict=True)}


def _built(cls: type[Cell], keywords: dict[str, Any], dtype: str) -> Cell:
    random = np.random.default_rng(0)
    dims = {d.name: keywords[d.name] for d in cls.description.dims if d.name in keywords}
    missing = [c for c in cls.description.consts if not c.value and c.name not in keywords]
    if missing:
        for dim in cls.description.dims:
            if dim.name not in dims and dim.default is not None:
                dims[dim.name] = dim.default(**dims)
        for const in missing:
            shape = tuple(const.shape(**dims))
            keywords[const.name] = 0.3 * random.normal(size=shape).astype(dtype)
    return cls(**keywords, dtype=dtype)
