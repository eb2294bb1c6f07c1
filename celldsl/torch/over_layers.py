"""Passes over layers, one upon the other.  In: checked tensors.  Out: outputs and states.

    outputs, states = over_layers(layers, checked, between, every=False)

`layers` are for each layer its cell in each direction.  Real inputs of each step are those of the
first layer alone: later ones get what the layer before gives.  All other inputs, integers, truth
values and what lasts a sequence, go to every layer that has an input of their name.

    watched = Watched(recipes, ["r"])
    over_layers(layers, checked, between, False, watched)
    watched.found                       # {"layers.0.r": tensor}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.modules.module import _has_any_global_hook

from celldsl.bridges.recipe import Recipe, flows
from celldsl.runtime.cell.trace import check_names, known_names
from celldsl.torch.arguments import Checked
from celldsl.torch.layer import CellLayer
from celldsl.torch.plain import Options
from celldsl.torch.values import flatten, pack_like

Tensors = Sequence[torch.Tensor]
States = list[list[Tensors]]


class Between(NamedTuple):
    """What acts on the way from layer to layer, and how all of them run."""

    dropout: float
    residual: bool
    form: str | None
    training: bool


class LayerOfStack(CellLayer):
    """One layer in one direction.  It is called, so that hooks of people run."""

    def forward(
        self,
        *inputs: torch.Tensor,
        starts: Tensors,
        options: Options,
        form: str | None,
        every: bool,
    ) -> tuple[Any, Any]:
        """Inputs (T, B, …), or (B, …), to the outputs and the states (B, …), as a cell has them.

        With `every` these are the states after every step.
        """
        run = self._pass_with_states if every else self._pass
        outputs, states = run(inputs, starts, options, form)
        cls = self._recipe.cls
        found = outputs[0] if len(outputs) == 1 else pack_like(cls._output_structure, outputs)
        return found, pack_like(cls._state_structure, states)

    def _has_hooks(self) -> bool:
        """Whether somebody wants to know of calls, of this module or of all."""
        own = self._forward_hooks or self._forward_pre_hooks or self._backward_hooks
        return bool(own or self._backward_pre_hooks or _has_any_global_hook())


def over_layers(
    layers: Sequence[Sequence[LayerOfStack]],
    checked: Checked,
    between: Between,
    every: bool,
    watched: Watched | None = None,
) -> tuple[Tensors, States]:
    """Outputs of the last layer, and for each layer the states of each direction.

    With `every` these are the states after every step.
    """
    resets, lengths = checked.resets, checked.lengths
    first = layers[0][0]._recipe
    named = dict(zip((each.name for each in first.described.inputs), checked.given, strict=True))
    passed = [named[each.name] for each in first.described.inputs if flows(each)]
    both = [resets, _other_way(resets, lengths) if len(layers[0]) > 1 else None]
    options = [Options(bool(way), lengths, own, between.training) for way, own in enumerate(both)]
    states: States = []
    for number, own in enumerate(layers):
        if number and between.dropout and between.training:
            passed = [nn.functional.dropout(each, between.dropout) for each in passed]
        given = _inputs_of(own[0]._recipe, passed, named)
        found: list[Tensors] = []
        ends: list[Tensors] = []
        for way, layer in enumerate(own):
            begin = [] if checked.starts is None else [s[way] for s in checked.starts[number]]
            if watched is not None:
                prefix = f"layers.{number}{'_reverse' if way else ''}"
                watched.add(prefix, layer, given, begin, options[way])
            outputs, last = layer(
                *given, starts=begin, options=options[way], form=between.form, every=every
            )
            found.append(list(flatten(outputs)))
            ends.append(list(flatten(last)))
        before, passed = passed, list(found[0])
        if len(own) > 1:
            passed = [torch.cat(pair, -1) for pair in zip(*found, strict=True)]
        if number and between.residual:
            passed = [new + old for new, old in zip(passed, before, strict=True)]
        states.append(ends)
    return passed, states


def _inputs_of(
    recipe: Recipe, passed: Tensors, named: dict[str, torch.Tensor]
) -> list[torch.Tensor]:
    """What a layer gets: in order what flows, by name what all layers have in common."""
    rest = iter(passed)
    return [next(rest) if flows(each) else named[each.name] for each in recipe.described.inputs]


def _other_way(resets: torch.Tensor | None, lengths: torch.Tensor | None) -> torch.Tensor | None:
    """Resets of the pass that goes backwards: an episode that begins at a step ends before it."""
    if resets is None:
        return None
    found = torch.cat([resets[1:], torch.zeros_like(resets[:1])])
    if lengths is None:
        return found
    steps = torch.arange(1, len(found) + 1, device=found.device)[:, None]
    return found & (steps < lengths.to(found.device))


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
