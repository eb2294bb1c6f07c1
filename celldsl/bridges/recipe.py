"""A built cell as a text, and back.  In: a cell, or the text.  Out: a Recipe.

    recipe = recipe_of(GRU(I=28, H=128))
    recipe.text                     # sources, structure, sizes and numbers, as JSON
    recipe_from(recipe.text)        # the same in any process

Graphs of other libraries (`torch.export`, XLA) name a cell by a text and nothing else.  It holds
all that kernels and plain code are made of: everything but the values of parameters and consts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from celldsl.api import open_sources
from celldsl.runtime.cell.cell_class import CellClass
from celldsl.runtime.description import Array, Description
from celldsl.runtime.errors import ArgumentTypeError

Settings = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Recipe:
    """`dims` and `hypers` are those of the built cell; `cls` is good for its structure."""

    cls: Any
    dims: dict[str, int]
    hypers: dict[str, Any]

    @property
    def described(self) -> Description:
        found: Description = self.cls.description
        return found

    @property
    def structure(self) -> dict[str, Any]:
        """What the code is made for: hyperparameters and sizes that are fixed in it."""
        return dict(self.described.structure)

    @property
    def numbers(self) -> list[float]:
        """The hyperparameters that kernels read when they run."""
        return [float(self.hypers[h.name]) for h in self.described.hypers if not h.fixed]

    @cached_property
    def main(self) -> int:
        """Which input says how many steps there are: the first that has a value for each."""
        lasting = [each.per for each in self.described.inputs]
        return lasting.index("step") if "step" in lasting else 0

    @cached_property
    def text(self) -> str:
        """Raises ArgumentTypeError for a class that does not carry its sources."""
        described = self.described
        if not described.sources:
            raise ArgumentTypeError(
                f"{described.name}: its module was written without the cell's source; "
                "load the cell from its file, celldsl.load(…)"
            )
        found = json.dumps(
            {
                "sources": described.sources,
                "cell": described.name,
                "structure": self.structure,
                "without": described.without,
                "dims": self.dims,
                "hypers": self.hypers,
                "observed": self.cls.observed,
            },
            separators=(",", ":"),
        )
        _KNOWN.setdefault(found, self)
        return found

    def with_numbers(self, numbers: Mapping[str, Any]) -> Recipe:
        """That of a cell with other numbers among its hyperparameters."""
        own = {name: np.asarray(value).item() for name, value in numbers.items()}
        return replace(self, hypers={**self.hypers, **own}) if own else self

    def cell(self, dtype: Any, params: Mapping[str, Any], consts: Mapping[str, Any]) -> Any:
        """A cell in NumPy over arrays of its own."""
        settings = {
            "dims": self.dims,
            "hypers": self.hypers,
            "dtype": np.dtype(dtype),
            "seed": 0,
            "given": dict.fromkeys(consts),
            "engine": "llvm",
        }
        return self.cls._rebuild(settings, 0, params, consts)

    def state(self, starts: Sequence[Any] | None) -> Any:
        """Start states as that cell takes them; None where none are given."""
        return None if starts is None else self.cls._state_structure.pack(starts)

    def __reduce__(self) -> tuple[Any, ...]:
        return recipe_from, (self.text,)


_KNOWN: dict[str, Recipe] = {}


def flows(described: Array) -> bool:
    """Whether an input is of real numbers of each step, as outputs are."""
    return described.kind == "real" and described.per == "step"


def recipe_of(cell: Any) -> Recipe:
    """That of a cell that somebody built."""
    cls = type(cell)
    if not isinstance(cls, CellClass):  # it has a runtime of its own
        described = cls.description
        made = dict(described.structure)
        cls = open_sources(described.sources, described.name, made, described.without)
    return Recipe(cls, dict(cell.dims), dict(cell.hypers))


def with_states(recipe: Recipe) -> Recipe:
    """That of the same cell with the states after every step behind its outputs."""
    described = recipe.described
    own = described.name, recipe.structure, described.without
    cls = open_sources(described.sources, *own, observed="states")
    return Recipe(cls, recipe.dims, recipe.hypers)


def recipe_from(text: str) -> Recipe:
    """The recipe of a text, which is compiled where this process does not have it yet."""
    found = _KNOWN.get(text)
    if found is None:
        told = json.loads(text)
        sources = tuple((name, content) for name, content in told["sources"])
        own = told["cell"], told["structure"], told["without"], told["observed"]
        cls = open_sources(sources, *own)
        found = _KNOWN[text] = Recipe(cls, told["dims"], told["hypers"])
    return found
