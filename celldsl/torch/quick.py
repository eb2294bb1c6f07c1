"""A pass in the ordinary case, quickly.  In: plain tensors of a shape that was seen before.

    found = quick_pass(layer, x, starts, reverse)       # (outputs, finals), or None: the long way

A small pass is shorter than the checks that any tensor may need.  So what was found out for a shape
is kept (`Ready`), and here is seen only whether it still holds: the same parameters, of the same
dtype, plain and contiguous on the CPU, nothing that traces or transforms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.autograd import forward_ad

from celldsl.bridges.recipe import Recipe
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.exec.batch_layout import dense_layout
from celldsl.runtime.exec.executor import Engine
from celldsl.runtime.threads.thread_count import THREADS
from celldsl.torch.eager import quick_apply, wanted_of
from celldsl.torch.group import CHANGES
from celldsl.torch.kernels import DTYPES, Kernels, kernels_of, tape_of
from celldsl.torch.plain import Options
from celldsl.torch.weights import Packed

Tensors = Sequence[torch.Tensor]
KEPT_SHAPES = 64
_PLAIN_TYPES = {torch.Tensor, torch.nn.Parameter}
_transforms = torch._C._functorch.peek_interpreter_stack
_modes = torch._C._len_torch_dispatch_stack
_tracing = torch._C._get_tracing_state
_strided = torch.strided
_autocast = torch._C._is_any_autocast_enabled
_is_wrapped = torch._C._functorch.is_functorch_wrapped_tensor
_threads = torch.get_num_threads
_from_numpy = torch.from_numpy
_wants_gradients = torch.is_grad_enabled
_Places = list[tuple[dict[str, Any], str]]


class Memo:
    """What a layer remembers between passes, which no copy and no pickle of it has."""

    __slots__ = ("changes", "ids", "others", "packed", "places", "ready", "root", "weights")

    def __init__(self) -> None:
        self.packed: Packed | None = None
        self.others: dict[str, Packed] = {}  # of recipes with the same parameters, by their text
        self.ready: dict[Any, Ready] = {}
        self.places: _Places = []
        self.changes = -1
        self.root: Any = None
        self.ids: list[int] = []
        self.weights: list[torch.Tensor] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return Memo, ()


class Ready:
    """What passes over inputs of one shape have in common."""

    __slots__ = (
        "engine", "given", "kept", "kernels", "once", "options", "outputs", "recipe", "sizes",
        "state_shapes", "threads",
    )  # fmt: skip

    def __init__(
        self, recipe: Recipe, kernels: Kernels, shape: tuple[int, ...], given: bool, reverse: bool
    ) -> None:
        steps, batch = shape[:2]
        engine = kernels.engine
        parts = kernels.layout(steps, batch, None, reverse, None).parts
        layout = dense_layout(steps, batch, parts, reverse)
        self.recipe, self.kernels, self.engine, self.given = recipe, kernels, engine, given
        self.options = Options(reverse)
        self.threads = THREADS.number, _threads()
        self.once = layout.plan(0, steps, False, given)
        self.kept = layout.plan(0, steps, True, given)
        self.sizes = engine.sizes_of(self.kept)
        self.outputs = len(engine.output_shapes)
        self.state_shapes = [(batch, *each) for each in engine.state_shapes]


class Call:
    """One pass: `layers` says whether states have an axis of layers, of size 1, in front."""

    __slots__ = ("layers", "packed", "ready")
    key = None

    def __init__(self, ready: Ready, packed: Packed, layers: bool) -> None:
        self.ready, self.packed, self.layers = ready, packed, layers

    @property
    def recipe(self) -> Recipe:
        return self.ready.recipe

    @property
    def options(self) -> Options:
        return self.ready.options

    def run(self, tensors: Tensors, keep: bool) -> Any:
        """Outputs, last states and the tape."""
        ready, packed = self.ready, self.packed
        engine = ready.engine
        starts: Sequence[Values] = engine.no_starts
        if ready.given:
            starts = [_array(each) for each in tensors[1 : 1 + len(ready.state_shapes)]]
        run = engine.forward(
            ready.kept if keep else ready.once, (_array(tensors[0]),), starts, packed.numbers,
            packed.fixed,
        )  # fmt: skip
        packed.fixed = run.fixed
        finals = [each[None] for each in run.finals] if self.layers else run.finals
        tape = tape_of(run) if keep else None
        return map(_from_numpy, run.outputs), map(_from_numpy, finals), tape

    def back(
        self,
        tensors: Tensors,
        tape: torch.Tensor,
        cotangents: Sequence[torch.Tensor | None],
        wants: Sequence[bool],
    ) -> list[torch.Tensor | None]:
        """The gradients of inputs, start states and parameters."""
        ready = self.ready
        given = len(ready.state_shapes) if ready.given else 0
        wanted = wanted_of(wants, 1, given)
        engine: Engine = ready.engine
        count = ready.outputs
        ahead = [
            np.zeros(shape, engine.dtype) if each is None else _array(each)
            for each, shape in zip(cotangents[:count], ready.sizes.outputs, strict=True)
        ]
        ends = [None if each is None else _array(each) for each in cotangents[count:]]
        run = ready.kernels.kept_run(ready.kept, tape, self.packed.numbers)
        found, slopes = ready.kernels.gradients(run, (_array(tensors[0]),), ahead, ends, wanted)
        back: list[torch.Tensor | None] = [_from_numpy(found.inputs[0]) if wanted.inputs else None]
        if ready.given:
            own = [each[None] for each in found.starts] if self.layers else found.starts
            back += map(_from_numpy, own)
        back += slopes
        return back


def _array(tensor: torch.Tensor) -> Values:
    if tensor.requires_grad:
        tensor = tensor.detach()
    found: Values = (tensor if tensor.is_contiguous() else tensor.contiguous()).numpy()
    return found


def quick_pass(
    layer: Any, x: torch.Tensor, starts: Sequence[Any], layers: bool, reverse: bool
) -> Any:
    """Outputs, then last states, of a `CellLayer` with one input and without masks that act.

    States are (B, …), or (1, B, …) where `layers` says so.  None where the long way must be gone.
    """
    dtype = x.dtype
    if (
        type(x) not in _PLAIN_TYPES or not x.is_cpu or _is_wrapped(x) or _modes() or _autocast()
        or _transforms() is not None or forward_ad._current_level >= 0
        or x.layout is not _strided or x.is_nested or _tracing() is not None
    ):  # fmt: skip
        return None
    memo: Memo = layer._memo
    weights = _weights(layer, memo)
    if weights is None:
        return None
    wants = _wants_gradients()
    learns = wants and x.requires_grad
    for each in weights:
        if each.dtype is not dtype or not each.is_cpu or not each.is_contiguous():
            return None
        learns = learns or (wants and each.requires_grad)
    ready = memo.ready.get((x.shape, dtype, reverse, bool(starts)))
    if ready is None or ready.threads != (THREADS.number, _threads()):
        ready = _made_ready(layer, memo, x, bool(starts), reverse)
    if ready is None or (starts and not _fit(starts, ready, dtype, layers)):
        return None
    packed = memo.packed
    if packed is None or packed.dtype is not dtype or not packed.holds(weights):
        packed = memo.packed = ready.kernels.pack(None, weights)
    call = Call(ready, packed, layers)
    tensors = (x, *starts, *weights)
    if learns or (wants and any(each.requires_grad for each in starts)):
        return quick_apply(call, *tensors)
    outputs, finals, _ = call.run(tensors, False)
    return (*outputs, *finals)


def _weights(layer: Any, memo: Memo) -> list[torch.Tensor] | None:
    """Parameters and consts as they are now, all plain; None where one is computed."""
    if memo.changes != CHANGES[0] or memo.root is not layer._parameters:
        memo.places = _places_of(layer)
        memo.changes, memo.root = CHANGES[0], layer._parameters
    try:
        weights = [table[name] for table, name in memo.places]
    except KeyError:  # a parametrisation is in its place
        memo.changes = -1
        return None
    ids = list(map(id, weights))
    if memo.ids != ids:
        if not all(map(_is_plain, weights)):
            return None
        memo.ids, memo.weights = ids, weights
    return weights


def _is_plain(tensor: Any) -> bool:
    """Whether it is no class of its own, and nothing that a transform has left behind."""
    return type(tensor) in _PLAIN_TYPES and not _is_wrapped(tensor)


def _places_of(layer: Any) -> _Places:
    found: _Places = []
    for path in layer._paths:
        module: Any = layer
        for part in path[:-1]:
            module = module._modules[part]
        table = module._buffers if path[-1] in module._buffers else module._parameters
        found.append((table, path[-1]))
    return found


def _made_ready(
    layer: Any, memo: Memo, x: torch.Tensor, given: bool, reverse: bool
) -> Ready | None:
    recipe = layer._recipe
    shape = tuple(map(int, recipe.described.inputs[0].shape(**recipe.dims)))
    if x.ndim != 2 + len(shape) or x.shape[2:] != shape or x.dtype not in DTYPES:
        return None
    if len(memo.ready) >= KEPT_SHAPES:
        memo.ready = {}
    kernels = kernels_of(recipe.text, x.dtype)
    found = Ready(recipe, kernels, tuple(x.shape), given, reverse)
    memo.ready[x.shape, x.dtype, reverse, given] = found
    return found


def _fit(starts: Sequence[Any], ready: Ready, dtype: torch.dtype, layers: bool) -> bool:
    """Whether states are plain tensors of the right shapes."""
    if len(starts) != len(ready.state_shapes):
        return False
    for each, shape in zip(starts, ready.state_shapes, strict=True):
        if not _is_plain(each) or each.dtype is not dtype or not each.is_cpu:
            return False
        if each.shape != ((1, *shape) if layers else shape):
            return False
    return True
