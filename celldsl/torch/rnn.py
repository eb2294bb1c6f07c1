"""Layers for sequences.  In: any cell.  Out: what takes the place of `nn.LSTM`.

layer = RNN(GRU, I=28, H=128, num_layers=2, bidirectional=True, dropout=0.1, batch_first=True)
output, state = layer(x)                # (B, T, 28) -> (B, T, 256), State(h=(4, B, 128))
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from inspect import Signature
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from celldsl.bridges.recipe import recipe_of
from celldsl.bridges.signatures import OwnSignature, by_name, layer_signature, tuple_of
from celldsl.runtime.arrays.options import asks_for_all, refuse_hidden, refuse_unknown
from celldsl.runtime.arrays.validation import check_flag, check_integer
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError, caller_level
from celldsl.torch.arguments import Arguments, Checked, packed_like, padded
from celldsl.torch.check import (
    ANSWERS,
    checked_dtype,
    given_settings,
    given_tensors,
    refuse_in_order,
    refuse_tracing,
)
from celldsl.torch.form import checked_form
from celldsl.torch.over_layers import Between, LayerOfStack, States, Watched, over_layers
from celldsl.torch.quick import Quick
from celldsl.torch.ready import LAYERED
from celldsl.torch.stack import build_stack, check_directions, check_residual, check_states
from celldsl.torch.values import pack_like, tell_pytree

Tensors = Sequence[torch.Tensor]
FIXED = ("num_layers", "bidirectional", "batch_first", "residual")  # as a layer was built
LAST: Literal["last"] = "last"  # the very object: what is passed may compare in its own way
KEYWORDS = ("state", "lengths", "resets", "states")
TRACE_KEYWORDS = ("names", "state", "lengths", "resets")


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
        *in_order: Any,
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
        refuse_in_order("RNN", in_order)
        layers = check_integer("num_layers", num_layers, 1)
        self.bidirectional = check_flag("bidirectional", bidirectional)
        self.batch_first = check_flag("batch_first", batch_first)
        self.residual = check_flag("residual", residual)
        self.dropout = dropout
        self.form_wanted = form
        dtype = checked_dtype(dtype)
        self._listed = isinstance(cell, list | tuple)
        directions = 2 if bidirectional else 1
        given = given_settings(settings, sizes)
        stack = build_stack(cell, given, layers, directions, dtype)
        self.num_layers = len(stack)
        if not self._listed:
            check_states(stack)
        if bidirectional:
            for own in stack:
                check_directions(own[0])
        if residual:
            check_residual(stack)
        self.layers = nn.ModuleDict()
        for number, own in enumerate(stack):
            for built, suffix in zip(own, ("", "_reverse"), strict=False):
                layer = LayerOfStack(recipe_of(built), built, dtype, device)
                self.layers[f"{number}{suffix}"] = layer
        self._describe()
        if self.dropout and self.num_layers == 1:
            told = "dropout: acts between layers, and there is one; its outputs stay as they are"
            warnings.warn(told, stacklevel=caller_level())

    __signature__ = OwnSignature(lambda layer: _signature(layer))

    def __setattr__(self, name: str, value: Any) -> None:
        if name in FIXED and name in vars(self):
            told = "stays as the layer was built; build another: RNN"
            raise ArgumentError(f"{name}: {told}(…, {name}={value!r})")
        if name == "form_wanted":
            value = checked_form(value)
        super().__setattr__(name, value)
        if name == "form_wanted" and "_quick" in vars(self):
            self._quick = self._made_quick()

    def _describe(self) -> None:
        recipes = [self._layer(number, 0)._recipe for number in range(self.num_layers)]
        directions = 2 if self.bidirectional else 1
        self._arguments = Arguments(recipes, self.batch_first, self._listed, directions)
        self._names = self._arguments.names
        self._recipes = recipes
        for each in recipes:
            tell_pytree(each)
        self._quick = self._made_quick()

    @property
    def dropout(self) -> float:
        """The rate between layers, from 0 to 1."""
        return float(self._dropout)

    @dropout.setter
    def dropout(self, rate: Any) -> None:
        # As a text: of a number `torch.compile(dynamic=True)` makes a variable, and compiles twice.
        self._dropout = repr(_rate(rate))

    def _made_quick(self) -> Quick | None:
        """For the only layer, where it is as most are."""
        plain = not (self.batch_first or self.bidirectional or self._listed or self.form_wanted)
        if self.num_layers > 1 or not plain:
            return None
        return self._layer(0, 0)._made_quick(LAYERED)

    def _layer(self, number: int, direction: int) -> LayerOfStack:
        name = f"{number}_reverse" if direction else f"{number}"
        found = self.layers._modules[name]
        assert isinstance(found, LayerOfStack)
        return found

    def forward(
        self,
        inputs: Any = None,
        state: Any = None,
        /,
        *,
        lengths: torch.Tensor | None = None,
        resets: torch.Tensor | None = None,
        states: Literal["last", "all"] = LAST,
        **named: Any,
    ) -> tuple[Any, Any]:
        """x (T, B, I), or a PackedSequence, to (output (T, B, H), last state).

        Several inputs are a mapping, a tuple, or keywords.  `state` has (layers·directions, B, …)
        each; `lengths` (B,) ends each sequence at its own length; before steps at which `resets`
        (T, B) is true a sequence goes back to its start.  With `batch_first` inputs, outputs and
        resets begin with (B, T).  With `states="all"` the states after every step come back
        instead of the last ones, (layers·directions, T, B, …) each, or (…, B, T, …), and zeros past
        a length.  `inspect.signature(layer)` has the names of the cell's own inputs.
        """
        quick = self._quick
        usual = not named and lengths is None and resets is None and states is LAST
        if quick is not None and usual and not torch.compiler.is_compiling():
            layers: Any = self._modules["layers"]  # as an attribute it takes longer to find
            layer = layers._modules["0"]
            found = None if layer._has_hooks() else quick.run(layer, inputs, state)
            if found is not None:
                return found
        refuse_tracing()
        refuse_hidden(inputs, self._names, KEYWORDS)
        if named:
            refuse_unknown("RNN.forward()", named, (*self._names, *KEYWORDS), ANSWERS)
            state = named.pop("state", state)
        every = asks_for_all(states)
        given = given_tensors(inputs, named, self._names)
        if any(isinstance(each, PackedSequence) for each in given):
            return self._packed(given, state, lengths, resets, every)
        return self._padded(given, state, lengths, resets, every)

    @torch.no_grad()
    def trace(
        self,
        inputs: Any = None,
        /,
        names: Sequence[str] | None = None,
        *,
        state: Any = None,
        lengths: torch.Tensor | None = None,
        resets: torch.Tensor | None = None,
        **named: Any,
    ) -> dict[str, torch.Tensor]:
        """Values of the layers' cells at every step, by name, as `cell.trace` gives them.

        Names are those of state dicts: `layers.0.r`, `layers.1_reverse.g.r`; `names` are those that
        the cells have, `["r", "g.r"]`, and every layer gives the ones that it knows; without, all.
        Tensors are (T, B, …), or (B, T, …) with `batch_first`.  It takes what `forward` takes, and
        runs as `eval()` does, without gradients.  Raises UnknownNameError.
        """
        refuse_hidden(inputs, self._names, TRACE_KEYWORDS)
        refuse_unknown("RNN.trace()", named, (*self._names, *TRACE_KEYWORDS), ANSWERS)
        given = given_tensors(inputs, named, self._names)
        if any(isinstance(each, PackedSequence) for each in given):
            given, lengths = self._padded_inputs(given, lengths, resets)
        checked = self._checked(given, state, lengths, resets)
        watched = Watched(self._recipes, names)
        was_training = self.training
        self.train(False)
        try:
            self._over_layers(checked, False, watched)
        finally:
            self.train(was_training)
        outward = self._arguments.outward
        return {name: outward(each, checked.alone) for name, each in watched.found.items()}

    def _packed(
        self, given: list[Any], state: Any, lengths: Any, resets: Any, every: bool
    ) -> tuple[Any, Any]:
        own, lengths = self._padded_inputs(given, lengths, resets)
        output, last = self._padded(own, state, lengths, None, every)
        like = given[self._arguments.main]
        if isinstance(output, torch.Tensor):
            return packed_like(like, output, self.batch_first), last
        several = [packed_like(like, each, self.batch_first) for each in output]
        return type(output)(*several), last

    def _padded_inputs(
        self, given: list[Any], lengths: Any, resets: Any
    ) -> tuple[list[Any], torch.Tensor]:
        """The tensors of packed sequences, and their lengths."""
        if lengths is not None or resets is not None:
            name = "resets" if lengths is None else "lengths"
            raise ArgumentTypeError(f"{name}: a PackedSequence is passed without them")
        found: list[Any] = []
        for number, (name, each) in enumerate(zip(self._names, given, strict=True)):
            if self._arguments.lasts(number) == isinstance(each, PackedSequence):
                told = "a value for each sequence: pass a tensor (B, …)"
                if not self._arguments.lasts(number):
                    told = "a value for each step: pass all such inputs as PackedSequence or none"
                raise ArgumentTypeError(f"{name}: this input has {told}")
            if isinstance(each, PackedSequence):
                each, lengths = padded(each, self.batch_first)
            found.append(each)
        return found, lengths

    def _padded(
        self, given: list[Any], state: Any, lengths: Any, resets: Any, every: bool
    ) -> tuple[Any, Any]:
        checked = self._checked(given, state, lengths, resets)
        outputs, states = self._over_layers(checked, every)
        found = [self._arguments.outward(each, checked.alone) for each in outputs]
        return self._named_outputs(found), self._named_states(states, checked.alone, every)

    def _checked(self, given: list[Any], state: Any, lengths: Any, resets: Any) -> Checked:
        like = next(iter(self._layer(0, 0)._tensors()), None)
        return self._arguments.check(given, state, lengths, resets, like)

    def _over_layers(
        self, checked: Checked, every: bool, watched: Watched | None = None
    ) -> tuple[Tensors, States]:
        ways = range(2 if self.bidirectional else 1)
        layers = [[self._layer(number, way) for way in ways] for number in range(self.num_layers)]
        between = Between(self.dropout, self.residual, self.form_wanted, self.training)
        return over_layers(layers, checked, between, every, watched)

    def _named_outputs(self, outputs: Tensors) -> Any:
        if len(outputs) == 1:
            return outputs[0]
        return pack_like(self._recipes[-1].cls._output_structure, outputs)

    def _named_states(self, states: States, alone: bool, every: bool) -> Any:
        groups = states if self._listed else [[end for ends in states for end in ends]]
        if every:  # (T, B, …)
            outward = self._arguments.outward
            groups = [[[outward(t, alone) for t in each] for each in ends] for ends in groups]
        found = []
        for number, ends in enumerate(groups):
            stacked = [_stacked(each, alone and not every) for each in zip(*ends, strict=True)]
            found.append(pack_like(self._recipes[number].cls._state_structure, stacked))
        return tuple(found) if self._listed else found[0]

    def form(self, inputs: Any = None, /, **named: Any) -> str:
        """Which form would run: "kernels", or "plain: …" with the reason."""
        refuse_unknown("RNN.form()", named, self._names, ANSWERS)
        given = given_tensors(inputs, named, self._names)
        tensors = [each.data if isinstance(each, PackedSequence) else each for each in given]
        self._arguments.check_kinds(tensors)
        return self._layer(0, 0)._told_form(tensors, self.form_wanted)

    def reset_parameters(self) -> None:
        """Draws all parameters anew, as the cells' initialisers say (`torch.manual_seed`)."""
        for layer in self.layers.values():
            assert isinstance(layer, LayerOfStack)
            layer._reset()

    def extra_repr(self) -> str:
        own = {"num_layers": (self.num_layers, 1), "bidirectional": (self.bidirectional, False),
               "dropout": (self.dropout, 0.0), "batch_first": (self.batch_first, False),
               "residual": (self.residual, False)}  # fmt: skip
        told = [f"{name}={value}" for name, (value, usual) in own.items() if value != usual]
        layers = range(self.num_layers if self._listed else 1)
        lines = [self._layer(number, 0)._told() for number in layers]
        return "\n".join([*([", ".join(told)] if told else []), *lines])


def _signature(layer: RNN) -> Signature:
    """What a call takes, with the names of the cell's inputs and the types of its tuples."""
    tensor = torch.Tensor | PackedSequence
    types = [each.cls._state_structure.type for each in layer._recipes]
    state = tuple_of(*types) if layer._listed else types[0]
    outputs = layer._recipes[-1].cls._output_structure.type
    single = len(layer._recipes[-1].described.outputs) == 1
    options = [by_name(name, torch.Tensor | None) for name in ("lengths", "resets")]
    options.append(by_name("states", Literal["last", "all"], "last"))
    found = tuple_of(tensor if single else outputs, state)
    return layer_signature(layer._names, tensor, state, options, found)


def _stacked(states: Tensors, alone: bool) -> torch.Tensor:
    """(layers·directions, B, …)."""
    found = states[0].unsqueeze(0) if len(states) == 1 else torch.stack(list(states))
    return found.squeeze(1) if alone else found


def _rate(dropout: Any) -> float:
    if isinstance(dropout, bool) or not isinstance(dropout, int | float):
        raise ArgumentTypeError(f"dropout: expected a number from 0 to 1, got {dropout!r}")
    if not 0.0 <= dropout <= 1.0:
        raise ArgumentError(f"dropout: expected a number from 0 to 1, got {dropout!r}")
    return float(dropout)
