"""The two passes as operators of PyTorch.  In: tensors, the text of a recipe.  Out: tensors.

    *outputs, *finals, tape = torch.ops.celldsl.forward(tensors, lengths, resets, key, text, False)

What `torch.compile`, `torch.export` and `torch.func` put into their graphs.  `tensors` are inputs,
start states (all or none), parameters and consts, all of one dtype; `key` is an integer that masks
are drawn from.
A graph has the cell's sources in `text`, and needs nothing else to run in another process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from celldsl.bridges.recipe import recipe_from
from celldsl.runtime.arrays.signature import make_slots
from celldsl.runtime.exec.phase_code import Wanted
from celldsl.torch.check import check_known_lengths, check_range
from celldsl.torch.kernels import Back, kernels_of
from celldsl.torch.plain import Groups, Options, refuse_masks, second_pullback
from celldsl.torch.values import lead_of
from celldsl.torch.weights import Packed

Tensors = Sequence[torch.Tensor]
KEPT = 16
# Packed weights by recipe, dtype and where the first of them lie.
_packed: dict[Any, Packed] = {}


@torch.library.custom_op("celldsl::forward", mutates_args=())
def forward_op(
    tensors: Sequence[torch.Tensor],
    lengths: torch.Tensor | None,
    resets: torch.Tensor | None,
    key: torch.Tensor | None,
    recipe: str,
    reverse: bool,
    keep: bool,
) -> list[torch.Tensor]:
    made = _Pass(recipe, tensors, lengths, resets, key, reverse)
    done = made.forward(keep and made.is_dense)
    tape = tensors[0].new_empty(0) if done.tape is None else done.tape
    return [*done.outputs, *done.finals, tape]


@forward_op.register_fake
def _(
    tensors: Tensors,
    lengths: Any,
    resets: Any,
    key: Any,
    recipe: str,
    reverse: bool,
    keep: bool,
) -> list[torch.Tensor]:
    like, known = tensors[0], recipe_from(recipe)
    kernels = kernels_of(recipe, like.dtype)
    steps, batch = lead_of(known, Groups.cut(known, tensors).inputs)
    engine = kernels.engine
    outputs = [like.new_empty((steps, batch, *shape)) for shape in engine.output_shapes]
    finals = [like.new_empty((batch, *shape)) for shape in engine.state_shapes]
    kept = keep and lengths is None and resets is None
    tape = like.new_empty(kernels.tape_length(steps, batch) if kept else 0)
    return [*outputs, *finals, tape]


@torch.library.custom_op("celldsl::backward", mutates_args=())
def backward_op(
    tensors: Sequence[torch.Tensor],
    tape: torch.Tensor,
    cotangents: Sequence[torch.Tensor],
    lengths: torch.Tensor | None,
    resets: torch.Tensor | None,
    key: torch.Tensor | None,
    recipe: str,
    reverse: bool,
    of_inputs: bool,
    of_params: bool,
) -> list[torch.Tensor]:
    """Gradients of inputs, start states and parameters: zeros of integers, and tensors without an
    element of inputs or parameters whose gradients are not asked for."""
    made = _Pass(recipe, tensors, lengths, resets, key, reverse)
    if not made.is_dense:
        kept = made.forward(True).tape
        assert kept is not None
        tape = kept
    back = made.backward(tape, cotangents, Wanted(of_inputs, of_params))
    none = tensors[0].new_empty(0)
    pairs = zip(back.inputs, made.groups.inputs, strict=True)
    slopes = [torch.zeros_like(value) if each is None else each for each, value in pairs]
    if not of_inputs:
        slopes = [none.clone() for _ in slopes]
    params = [none.clone() if each is None else each for each in back.params]
    return [*slopes, *(back.starts if made.groups.starts else ()), *_own(params)]


@backward_op.register_fake
def _(
    tensors: Tensors,
    tape: Any,
    cotangents: Any,
    lengths: Any,
    resets: Any,
    key: Any,
    recipe: str,
    reverse: bool,
    of_inputs: bool,
    of_params: bool,
) -> list[torch.Tensor]:
    groups = Groups.cut(recipe_from(recipe), tensors)

    def like(tensors: Tensors, wanted: bool) -> list[torch.Tensor]:
        if not wanted:
            return [each.new_empty(0) for each in tensors]
        return [torch.empty_like(each, memory_format=torch.contiguous_format) for each in tensors]

    return [
        *like(groups.inputs, of_inputs),
        *like(groups.starts, True),
        *like(groups.params, of_params),
    ]


def _own(tensors: Tensors) -> list[torch.Tensor]:
    """Results of an operator share no memory."""
    return [each.clone(memory_format=torch.contiguous_format) for each in tensors]


class _Pass:
    """A pass over the tensors of an operator's call."""

    def __init__(
        self,
        text: str,
        tensors: Tensors,
        lengths: torch.Tensor | None,
        resets: torch.Tensor | None,
        key: torch.Tensor | None,
        reverse: bool,
    ) -> None:
        self.recipe = recipe_from(text)
        own = [each.detach().contiguous() for each in tensors]
        self.groups = Groups.cut(self.recipe, own)
        self.kernels = kernels_of(text, tensors[0].dtype)
        self.packed = self._pack(text)
        self.key = None if key is None else int(key)
        self.is_dense = lengths is None and resets is None
        self.lead = steps, batch = lead_of(self.recipe, self.groups.inputs)
        self._check(lengths)
        self.layout = self.kernels.layout(
            steps,
            batch,
            None if lengths is None else lengths.numpy(),
            reverse,
            None if resets is None else resets.contiguous().numpy(),
        )

    def _check(self, lengths: torch.Tensor | None) -> None:
        """What decides where kernels read was not known when a graph was made."""
        if lengths is not None:
            check_known_lengths(lengths, self.lead[0])
        described = self.recipe.described.inputs
        if any(each.kind == "int" for each in described):
            slots = make_slots(described, self.recipe.dims)
            for slot, value in zip(slots, self.groups.inputs, strict=True):
                check_range(slot, value)

    def _pack(self, text: str) -> Packed:
        """The packed weights, kept by where the parameters are."""
        tensors = [*self.groups.params, *self.groups.consts]
        place = text, tensors[0].dtype if tensors else None, tuple(t.data_ptr() for t in tensors)
        found = _packed[place] = self.kernels.pack(_packed.pop(place, None), tensors)
        while len(_packed) > KEPT:
            _packed.pop(next(iter(_packed)), None)
        return found

    def forward(self, keep: bool) -> Any:
        groups = self.groups
        starts = groups.starts or None
        given = self.packed, self.layout, self.lead, groups.inputs, starts
        return self.kernels.forward(*given, self.key, keep)

    def backward(self, tape: torch.Tensor, cotangents: Tensors, wanted: Wanted) -> Back:
        given = [each.detach().contiguous() for each in cotangents]
        groups = self.groups
        return self.kernels.backward(
            self.packed, self.layout, self.lead, groups.inputs, bool(groups.starts),
            tape.contiguous(), given, self.key, wanted,
        )  # fmt: skip


def _setup(ctx: Any, inputs: Any, output: Tensors) -> None:
    tensors, lengths, resets, key, recipe, reverse, _ = inputs
    ctx.save_for_backward(*tensors, lengths, resets, key, output[-1])
    ctx.recipe, ctx.reverse = recipe, reverse
    ctx.shapes = [each.shape for each in output[:-1]]


def _go_back(ctx: Any, cotangents: Sequence[torch.Tensor | None]) -> tuple[Any, ...]:
    *tensors, lengths, resets, key, tape = ctx.saved_tensors
    like = tensors[0]
    given = [
        like.new_zeros(shape) if each is None else each
        for each, shape in zip(cotangents[:-1], ctx.shapes, strict=True)
    ]
    wants: Any = ctx.needs_input_grad[0]
    groups = Groups.cut(recipe_from(ctx.recipe), wants)
    of_inputs, of_params = any(groups.inputs), any(groups.params)
    options = lengths, resets, key, ctx.recipe, ctx.reverse, of_inputs, of_params
    found = backward_op(tensors, tape, given, *options)
    found = [each if want else None for each, want in zip(found, wants, strict=False)]
    none: list[Any] = [None] * (len(tensors) - len(found))
    return [*found, *none], None, None, None, None, None, None


forward_op.register_autograd(_go_back, setup_context=_setup)


def _setup_twice(ctx: Any, inputs: Any, output: Tensors) -> None:
    tensors, _, cotangents, lengths, resets, key, recipe, reverse, *_ = inputs
    ctx.save_for_backward(*tensors, *cotangents, lengths, resets)
    ctx.count, ctx.recipe, ctx.masked = len(tensors), recipe, key is not None
    ctx.reverse = reverse


def _go_back_twice(ctx: Any, seconds: Sequence[torch.Tensor | None]) -> tuple[Any, ...]:
    *values, lengths, resets = ctx.saved_tensors
    recipe = recipe_from(ctx.recipe)
    refuse_masks(recipe, ctx.masked)
    tensors, cotangents = values[: ctx.count], values[ctx.count :]
    options = Options(ctx.reverse, lengths, resets)
    # Those that were not asked for came back without an element.
    seconds = [
        None if each is None or each.shape != tensor.shape else each
        for each, tensor in zip(seconds, tensors, strict=False)
    ]
    first, second = second_pullback(recipe, tensors, options, cotangents, seconds)
    return first, None, second, None, None, None, None, None, None, None


backward_op.register_autograd(_go_back_twice, setup_context=_setup_twice)
