"""Layers for sequences.  In: any cell.  Out: what takes the place of `nn.LSTM`.

layer = RNN(GRU, I=28, H=128, num_layers=2, bidirectional=True, dropout=0.1, batch_first=True)
output, state = layer(x)                # (B, T, 28) -> (B, T, 256), State(h=(4, B, 128))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from celldsl.bridges.recipe import recipe_of
from celldsl.runtime.arrays.options import asks_for_all, refuse_unknown
from celldsl.runtime.arrays.shapes import shape_words
from celldsl.runtime.arrays.signature import make_slots
from celldsl.runtime.arrays.validation import check_flag, check_integer
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError
from celldsl.torch.check import (
    check_lengths,
    check_resets,
    check_shape,
    check_tensor,
    given_tensors,
)
from celldsl.torch.form import checked_form
from celldsl.torch.layer import CellLayer
from celldsl.torch.packing import packed_like, padded
from celldsl.torch.plain import Options
from celldsl.torch.quick import quick_pass
from celldsl.torch.stack import build_stack, check_directions, check_states
from celldsl.torch.states import pack_like, tell_pytree
from celldsl.torch.watched import Watched

Tensors = Sequence[torch.Tensor]
KEYWORDS = ("state", "lengths", "resets", "states")
TRACE_KEYWORDS = ("names", "state", "lengths", "resets")


class Checked(NamedTuple):
    """What a pass over layers begins with: (T, B, …), and whether the caller had no batch."""

    given: Tensors
    starts: list[list[Any]] | None
    lengths: Any
    resets: Any
    alone: bool


class Single:
    """The only layer of a module, how many outputs it has, the types of tuples, and whether it may
    draw masks."""

    __slots__ = ("count", "layer", "masks", "outputs", "states")

    def __init__(self, layer: CellLayer) -> None:
        cls = layer._recipe.cls
        self.layer, self.count = layer, layer._count
        self.outputs, self.states = cls._output_structure.type, cls._state_structure.type
        self.masks = bool(layer._recipe.described.masks)

    def __reduce__(self) -> tuple[Any, ...]:
        return Single, (self.layer,)


class RNN(nn.Module):
    """Any cell over sequences, layer upon layer, as `nn.LSTM` is used.

    `cell` is a class, `celldsl.load(…)`, or a path; sizes and hyperparameters go by keyword, or in
    `settings` where they are called as an argument here.  A list of classes or built cells makes a
    layer of each.  `dropout` acts between layers in training; `residual` adds its input to the
    output of every layer after the first.  `form` is "kernels" or "plain" where only that may run.

    State dicts have the cell's own names: `layers.0.r_u.W_x`, `layers.0_reverse.r_u.W_x`.

    Raises ArgumentError and ArgumentTypeError, which name the argument.
    """

    def __init__(
        self,
        cell: Any,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        batch_first: bool = False,
        residual: bool = False,
        settings: Mapping[str, Any] | None = None,
        form: str | None = None,
        device: Any = None,
        dtype: torch.dtype | None = None,
        **sizes: Any,
    ) -> None:
        super().__init__()
        self.num_layers = check_integer("num_layers", num_layers, 1)
        self.bidirectional = check_flag("bidirectional", bidirectional)
        self.batch_first = check_flag("batch_first", batch_first)
        self.residual = check_flag("residual", residual)
        self.dropout = _rate(dropout)
        self.form_wanted = checked_form(form)
        dtype = torch.get_default_dtype() if dtype is None else dtype
        self._listed = isinstance(cell, list | tuple)
        directions = 2 if bidirectional else 1
        given = {**(settings or {}), **sizes}
        stack = build_stack(cell, given, num_layers, directions, dtype)
        self.num_layers = len(stack)
        if not self._listed:
            check_states(stack)
        if bidirectional:
            for own in stack:
                check_directions(own[0])
        self.layers = nn.ModuleDict()
        for number, own in enumerate(stack):
            for built, suffix in zip(own, ("", "_reverse"), strict=False):
                layer = CellLayer(recipe_of(built), built, dtype, device)
                self.layers[f"{number}{suffix}"] = layer
        self._describe()

    def _describe(self) -> None:
        recipes = [self._layer(number, 0)._recipe for number in range(self.num_layers)]
        first = recipes[0]
        self._inputs = make_slots(first.described.inputs, first.dims)
        self._names = tuple(slot.name for slot in self._inputs)
        self._states = [make_slots(each.described.states, each.dims) for each in recipes]
        self._recipes = recipes
        for each in recipes:
            tell_pytree(each)
        self._single = self._one()
        if self.residual:
            self._check_residual()

    def _one(self) -> Single | None:
        """The layer, where there is one that is as most are."""
        layer = self._layer(0, 0)
        cls = layer._recipe.cls
        states, outputs = cls._state_structure, cls._output_structure
        plain = not (self.batch_first or self.bidirectional or self._listed or self.form_wanted)
        if self.num_layers > 1 or not (plain and layer._quick and states.flat and outputs.flat):
            return None
        return Single(layer)

    def _check_residual(self) -> None:
        """Raises where a layer's outputs have other shapes than its inputs."""
        directions = 2 if self.bidirectional else 1
        for number, recipe in enumerate(self._recipes[1:], 1):
            inputs, outputs = (
                [tuple(map(int, each.shape(**recipe.dims))) for each in arrays]
                for arrays in (recipe.described.inputs, recipe.described.outputs)
            )
            wide = [(*s[:-1], s[-1] * directions) if s else s for s in outputs]
            if inputs != wide:
                raise ArgumentError(
                    f"residual: layer {number} has inputs {inputs} and outputs {wide}, which "
                    "cannot be added"
                )

    def _layer(self, number: int, direction: int) -> CellLayer:
        name = f"{number}_reverse" if direction else f"{number}"
        found = self.layers._modules[name]
        assert isinstance(found, CellLayer)
        return found

    def forward(self, inputs: Any = None, state: Any = None, /, **named: Any) -> tuple[Any, Any]:
        """x (T, B, I), or a PackedSequence, to (output (T, B, H), last state).

        Several inputs are a mapping, a tuple, or keywords.  `state` has (layers·directions, B, …)
        each; `lengths` (B,) ends each sequence at its own length; before steps at which `resets`
        (T, B) is true a sequence goes back to its start.  With `batch_first` inputs, outputs and
        resets begin with (B, T).  With `states="all"` the states after every step come back
        instead of the last ones, (layers·directions, T, B, …) each, or (…, B, T, …), and zeros past
        a length.
        """
        if self._single is not None and not named and not torch.compiler.is_compiling():
            found = self._quickly(self._single, inputs, state)
            if found is not None:
                return found
        if named:
            refuse_unknown("RNN.forward()", named, (*self._names, *KEYWORDS))
            state = named.pop("state", state)
        every = asks_for_all(named.pop("states", "last"))
        lengths, resets = named.pop("lengths", None), named.pop("resets", None)
        given = given_tensors(inputs, named, self._names)
        if isinstance(given[0], PackedSequence):
            return self._packed(given, state, lengths, resets, every)
        return self._padded(given, state, lengths, resets, every)

    @torch.no_grad()
    def trace(self, inputs: Any = None, /, names: Any = None, **named: Any) -> dict[str, Any]:
        """Values of the layers' cells at every step, by name, as `cell.trace` gives them.

        Names are those of state dicts: `layers.0.r`, `layers.1_reverse.g.r`; `names` are those that
        the cells have, `["r", "g.r"]`, and every layer gives the ones that it knows; without, all.
        Tensors are (T, B, …), or (B, T, …) with `batch_first`.  It takes what `forward` takes, and
        runs as `eval()` does, without gradients.  Raises UnknownNameError.
        """
        refuse_unknown("RNN.trace()", named, (*self._names, *TRACE_KEYWORDS))
        state = named.pop("state", None)
        lengths, resets = named.pop("lengths", None), named.pop("resets", None)
        given = given_tensors(inputs, named, self._names)
        if isinstance(given[0], PackedSequence):
            own = [padded(each, self.batch_first) for each in given]
            given, lengths = [x for x, _ in own], own[0][1]
        ready = self._ready(given, state, lengths, resets)
        watched = Watched(self._recipes, names)
        was_training = self.training
        self.train(False)
        try:
            self._over_layers(ready, False, watched)
        finally:
            self.train(was_training)
        return {name: self._outward(each, ready.alone) for name, each in watched.found.items()}

    def _quickly(self, single: Single, x: Any, state: Any) -> tuple[Any, Any] | None:
        """The ordinary pass of one layer in one direction; None where there is more to do."""
        states, count = single.states, single.count
        if state is not None and type(state) is not states:
            return None
        if not isinstance(x, torch.Tensor) or (single.masks and self.training):
            return None
        found = quick_pass(single.layer, x, () if state is None else state, True, False)
        if found is None:
            return None
        if count == 1:
            return found[0], states._make(found[1:])
        return single.outputs._make(found[:count]), states._make(found[count:])

    def _packed(
        self, given: list[Any], state: Any, lengths: Any, resets: Any, every: bool
    ) -> tuple[Any, Any]:
        if lengths is not None or resets is not None:
            name = "resets" if lengths is None else "lengths"
            raise ArgumentTypeError(f"{name}: a PackedSequence is passed without them")
        if not all(isinstance(each, PackedSequence) for each in given):
            raise ArgumentTypeError("inputs: pass all as PackedSequence or none")
        own = [padded(each, self.batch_first) for each in given]
        output, last = self._padded([x for x, _ in own], state, own[0][1], None, every)
        if isinstance(output, torch.Tensor):
            return packed_like(given[0], output, self.batch_first), last
        several = [packed_like(given[0], each, self.batch_first) for each in output]
        return type(output)(*several), last

    def _padded(
        self, given: list[Any], state: Any, lengths: Any, resets: Any, every: bool
    ) -> tuple[Any, Any]:
        ready = self._ready(given, state, lengths, resets)
        outputs, states = self._over_layers(ready, every)
        named = self._named_outputs([self._outward(each, ready.alone) for each in outputs])
        return named, self._named_states(states, ready.alone, every)

    def _outward(self, tensor: torch.Tensor, alone: bool) -> torch.Tensor:
        """(T, B, …) as the caller has it."""
        if alone:
            return tensor.squeeze(1)
        return tensor.transpose(0, 1) if self.batch_first else tensor

    def _ready(self, given: list[Any], state: Any, lengths: Any, resets: Any) -> Checked:
        """What was passed, checked, and time-major with a batch."""
        steps, batch = self._check(given)
        alone = batch is None
        lead = ("B", "T") if self.batch_first else ("T", "B")
        size = (steps,) if batch is None else (batch, steps) if self.batch_first else (steps, batch)
        if resets is not None:
            resets = check_resets(resets, ("T",) if alone else lead, size)
        starts = None if state is None else self._unpacked(state, batch, given[0])
        if alone:
            given = [each.unsqueeze(1) for each in given]
            resets = None if resets is None else resets.unsqueeze(1)
        elif self.batch_first:
            given = [each.transpose(0, 1) for each in given]
            resets = None if resets is None else resets.T
        if lengths is not None:
            lengths = check_lengths(lengths, steps, 1 if batch is None else batch)
        return Checked(given, starts, lengths, resets, alone)

    def _check(self, given: list[Any]) -> tuple[int, int | None]:
        """T and B, None for a sequence without a batch.  Raises before anything runs."""
        lead: tuple[str, ...] = ("B", "T") if self.batch_first else ("T", "B")
        like = next(iter(self._layer(0, 0)._tensors()), None)
        sizes: tuple[int | None, ...] = (None, None)
        for slot, value in zip(self._inputs, given, strict=True):
            words = shape_words((*lead, *slot.axes), (None, None, *slot.shape))
            check_tensor(slot.name, value, like, words)
            if slot is self._inputs[0] and value.ndim == len(slot.shape) + 1:
                lead, sizes = ("T",), (None,)
            check_shape(slot.name, value, slot, lead, sizes)
            sizes = tuple(value.shape[: len(lead)])
        if len(sizes) == 1:
            return int(sizes[0] or 0), None
        first, second = sizes
        return (second, first) if self.batch_first else (first, second)  # type: ignore[return-value]

    def _unpacked(self, state: Any, batch: int | None, like: torch.Tensor) -> list[list[Any]]:
        """For each layer its states (directions, B, …)."""
        directions = 2 if self.bidirectional else 1
        if self._listed:
            if not isinstance(state, list | tuple) or len(state) != self.num_layers:
                raise ArgumentTypeError(
                    f"state: expected a tuple of {self.num_layers} states, one for each cell"
                )
            pairs = [(f"state[{k}]", each) for k, each in enumerate(state)]
        else:
            pairs = [("state", state)]
        found = []
        for number, (what, each) in enumerate(pairs):
            rows = directions if self._listed else directions * self.num_layers
            own = self._parts(number, what, each, rows, batch, like)
            layers = 1 if self._listed else self.num_layers
            found += [
                [t[k * directions : (k + 1) * directions] for t in own] for k in range(layers)
            ]
        return found

    def _parts(
        self, number: int, what: str, state: Any, rows: int, batch: int | None, like: torch.Tensor
    ) -> list[torch.Tensor]:
        slots = self._states[number]
        if isinstance(state, torch.Tensor) and len(slots) == 1:
            state = (state,)
        structure = self._recipes[number].cls._state_structure
        found = structure.unpack(what, state)
        lead = ("layers*directions", "B") if batch is not None else ("layers*directions",)
        sizes = (rows, batch) if batch is not None else (rows,)
        for slot, value in zip(slots, found, strict=True):
            name = f"{what}.{slot.name}"
            words = shape_words((*lead, *slot.axes), (*sizes, *slot.shape))
            check_tensor(name, value, like, words)
            check_shape(name, value, slot, lead, sizes)
        return found if batch is not None else [each.unsqueeze(1) for each in found]

    def _over_layers(
        self, ready: Checked, every: bool, watched: Watched | None = None
    ) -> tuple[Tensors, list[list[Tensors]]]:
        """Outputs of the last layer, and for each layer the states of each direction."""
        given, starts, lengths, resets, _ = ready
        states: list[list[Tensors]] = []
        backwards = _other_way(resets, lengths) if self.bidirectional else None
        for number in range(self.num_layers):
            if number and self.dropout and self.training:
                given = [nn.functional.dropout(each, self.dropout) for each in given]
            found, ends = [], []
            for direction in range(2 if self.bidirectional else 1):
                own = backwards if direction else resets
                options = Options(bool(direction), lengths, own, self.training)
                begin = [] if starts is None else [each[direction] for each in starts[number]]
                layer = self._layer(number, direction)
                if watched is not None:
                    prefix = f"layers.{number}{'_reverse' if direction else ''}"
                    watched.add(prefix, layer, given, begin, options)
                run = layer._pass_with_states if every else layer._pass
                outputs, last = run(given, begin, options, self.form_wanted)
                found.append(outputs)
                ends.append(last)
            before, given = given, found[0]
            if self.bidirectional:
                given = [torch.cat(pair, -1) for pair in zip(*found, strict=True)]
            if number and self.residual:
                given = [new + old for new, old in zip(given, before, strict=True)]
            states.append(ends)
        return given, states

    def _named_outputs(self, outputs: Tensors) -> Any:
        if len(outputs) == 1:
            return outputs[0]
        return pack_like(self._recipes[-1].cls._output_structure, outputs)

    def _named_states(self, states: list[list[Tensors]], alone: bool, every: bool) -> Any:
        groups = states if self._listed else [[end for ends in states for end in ends]]
        if every:  # (T, B, …)
            groups = [[[self._outward(t, alone) for t in each] for each in ends] for ends in groups]
        found = []
        for number, ends in enumerate(groups):
            stacked = [_stacked(each, alone and not every) for each in zip(*ends, strict=True)]
            found.append(pack_like(self._recipes[number].cls._state_structure, stacked))
        return tuple(found) if self._listed else found[0]

    def form(self, inputs: Any = None, /, **named: Any) -> str:
        """Which form would run: "kernels", or "plain: …" with the reason."""
        given = given_tensors(inputs, named, self._names)
        tensors = [each.data if isinstance(each, PackedSequence) else each for each in given]
        return self._layer(0, 0)._told_form(tensors, self.form_wanted)

    def reset_parameters(self) -> None:
        """Draws all parameters anew, as the cells' initialisers say (`torch.manual_seed`)."""
        for layer in self.layers.values():
            assert isinstance(layer, CellLayer)
            layer._reset()

    def extra_repr(self) -> str:
        own = {"num_layers": (self.num_layers, 1), "bidirectional": (self.bidirectional, False),
               "dropout": (self.dropout, 0.0), "batch_first": (self.batch_first, False),
               "residual": (self.residual, False)}  # fmt: skip
        told = [f"{name}={value}" for name, (value, usual) in own.items() if value != usual]
        layers = range(self.num_layers if self._listed else 1)
        lines = [self._layer(number, 0)._told() for number in layers]
        return "\n".join([*([", ".join(told)] if told else []), *lines])


def _stacked(states: Tensors, alone: bool) -> torch.Tensor:
    """(layers·directions, B, …)."""
    found = states[0].unsqueeze(0) if len(states) == 1 else torch.stack(list(states))
    return found.squeeze(1) if alone else found


def _other_way(resets: torch.Tensor | None, lengths: torch.Tensor | None) -> torch.Tensor | None:
    """Resets of the pass that goes backwards: an episode that begins at a step ends before it."""
    if resets is None:
        return None
    found = torch.cat([resets[1:], torch.zeros_like(resets[:1])])
    if lengths is None:
        return found
    steps = torch.arange(1, len(found) + 1, device=found.device)[:, None]
    return found & (steps < lengths.to(found.device))


def _rate(dropout: Any) -> float:
    if isinstance(dropout, bool) or not isinstance(dropout, int | float):
        raise ArgumentTypeError(f"dropout: expected a number from 0 to 1, got {dropout!r}")
    if not 0.0 <= dropout <= 1.0:
        raise ArgumentError(f"dropout: expected a number from 0 to 1, got {dropout!r}")
    return float(dropout)
