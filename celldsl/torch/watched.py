"""Values of layers over time, gathered as a pass goes.  In: layers and what they get.  Out: a dict.

watched = Watched(recipes, ["r"])
watched.add("layers.0", layer, [x], [], Options())
watched.found                       # {"layers.0.r": tensor}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from celldsl.bridges.recipe import Recipe
from celldsl.runtime.cell.trace import check_names, known_names
from celldsl.torch.layer import CellLayer
from celldsl.torch.plain import Options

Tensors = Sequence[torch.Tensor]


class Watched:
    """`names` are those that cells have; None: all.  Every layer gives the ones that it knows.

    Raises UnknownNameError for one that no layer knows.
    """

    def __init__(self, recipes: Sequence[Recipe], names: Any) -> None:
        known = {name: None for each in recipes for name in known_names(each.described)}
        self.names = None if names is None else check_names(names, list(known))
        self.found: dict[str, torch.Tensor] = {}

    def add(
        self, prefix: str, layer: CellLayer, given: Tensors, starts: Tensors, options: Options
    ) -> None:
        """A layer that is about to run."""
        own = self.names
        if own is not None:
            known = known_names(layer._recipe.described)
            own = [name for name in own if name in known]
        found = layer._values(given, starts, options, own)
        self.found |= {f"{prefix}.{name}": value for name, value in found.items()}
