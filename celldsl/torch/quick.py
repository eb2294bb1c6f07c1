"""A pass in the ordinary case, quickly.  In: plain tensors of a shape that was seen before.

    quick = Quick(recipe, LAYERED)
    found = quick.run(layer, x, state)              # as the layer gives them, or None: the long way
    found = quick_pass(layer, x, starts, reverse, WHOLE)        # outputs, then last states, or None

A small pass is shorter than the checks that any tensor may need.  So what was found out for a shape
is kept (`Ready`), and here is seen only whether it still holds: the same parameters, of the same
dtype, plain and contiguous on the CPU, nothing that traces or transforms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.autograd import forward_ad

from celldsl.bridges.recipe import Recipe
from celldsl.runtime.threads.thread_count import THREADS
from celldsl.torch.eager import quick_apply
from celldsl.torch.group import CHANGES
from celldsl.torch.kernels import DTYPES, kernels_of
from celldsl.torch.ready import Axes, Call, Ready
from celldsl.torch.weights import KEPT_SHAPES, Packed

Tensors = Sequence[torch.Tensor]
_PLAIN_TYPES = {torch.Tensor, torch.nn.Parameter}
_transforms = torch._C._functorch.peek_interpreter_stack
_modes = torch._C._len_torch_dispatch_stack
_tracing = torch._C._get_tracing_state
_strided = torch.strided
_autocast = torch._C._is_any_autocast_enabled
_is_wrapped = torch._C._functorch.is_functorch_wrapped_tensor
_threads = torch.get_num_threads
_wants_gradients = torch.is_grad_enabled
_Places = list[tuple[dict[str, Any], str]]


class Quick:
    """What calls of a cell have in common whose states and outputs are flat: the types of their
    tuples, how many outputs there are, and whether masks may be drawn."""

    __slots__ = ("axes", "count", "masks", "outputs", "recipe", "states")

    def __init__(self, recipe: Recipe, axes: Axes) -> None:
        cls = recipe.cls
        self.recipe, self.axes, self.count = recipe, axes, len(recipe.described.outputs)
        self.outputs, self.states = cls._output_structure.type, cls._state_structure.type
        self.masks = bool(recipe.described.masks)

    def __reduce__(self) -> tuple[Any, ...]:
        return Quick, (self.recipe, self.axes)

    def run(self, layer: Any, x: Any, state: Any) -> tuple[Any, Any] | None:
        """Outputs and last state of a `CellLayer`; None where there is more to do."""
        states, count = self.states, self.count
        if (state is not None and type(state) is not states) or (self.masks and layer.training):
            return None
        found = quick_pass(layer, x, () if state is None else state, False, self.axes)
        if found is None:
            return None
        if count == 1:
            return found[0], states._make(found[1:])
        return self.outputs._make(found[:count]), states._make(found[count:])


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


def quick_pass(
    layer: Any, x: Any, starts: Sequence[Any], reverse: bool, axes: Axes
) -> Sequence[torch.Tensor] | None:
    """Outputs, then last states, of a `CellLayer` with one input and without masks that act.

    None where the long way must be gone.
    """
    if (
        type(x) not in _PLAIN_TYPES or not x.is_cpu or _is_wrapped(x) or _modes() or _autocast()
        or _transforms() is not None or forward_ad._current_level >= 0 or _tracing() is not None
        or x.layout is not _strided or x.is_nested or x.is_neg() or x._is_zerotensor()
    ):  # fmt: skip
        return None
    memo: Memo = layer._memo
    weights = _weights(layer, memo)
    if weights is None:
        return None
    dtype = x.dtype
    for each in weights:
        if each.dtype is not dtype or not each.is_cpu or not each.is_contiguous():
            return None
    ready = memo.ready.get((x.shape, dtype, reverse, bool(starts), axes))
    if ready is None or ready.threads != (THREADS.number, _threads()):
        ready = _made_ready(layer, memo, x, bool(starts), reverse, axes)
    if ready is None or (starts and not _fit(starts, ready, dtype)):
        return None
    packed = memo.packed
    if [each.shape for each in weights] != ready.kernels.weights.shapes:
        return None
    if packed is None or packed.dtype is not dtype or not packed.holds(weights):
        packed = memo.packed = ready.kernels.pack(None, weights)
    tensors = (x, *starts, *weights)
    if _wants_gradients() and any(each.requires_grad for each in tensors):
        found: tuple[torch.Tensor, ...] = quick_apply(Call(ready, packed), *tensors)
        return found
    at_once = ready.run_at_once(packed, x, starts)
    if at_once is not None:
        return at_once
    outputs, finals, _ = Call(ready, packed).run(tensors, False)
    return [*outputs, *finals]


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
    """Whether it is no class of its own, nothing that a transform has left behind, and no view that
    has yet to be computed."""
    if type(tensor) not in _PLAIN_TYPES or _is_wrapped(tensor):
        return False
    return not (tensor.is_neg() or tensor._is_zerotensor())


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
    layer: Any, memo: Memo, x: torch.Tensor, given: bool, reverse: bool, axes: Axes
) -> Ready | None:
    recipe = layer._recipe
    shape = tuple(map(int, recipe.described.inputs[0].shape(**recipe.dims)))
    lead = 1 if axes.step else 2
    if x.ndim != lead + len(shape) or x.shape[lead:] != shape or x.dtype not in DTYPES:
        return None
    if len(memo.ready) >= KEPT_SHAPES:
        memo.ready = {}
    kernels = kernels_of(recipe.text, x.dtype)
    found = Ready(recipe, kernels, tuple(x.shape), given, reverse, axes)
    memo.ready[x.shape, x.dtype, reverse, given, axes] = found
    return found


def _fit(starts: Sequence[Any], ready: Ready, dtype: torch.dtype) -> bool:
    """Whether states are plain tensors of the right shapes."""
    if len(starts) != len(ready.state_shapes):
        return False
    for each, shape in zip(starts, ready.state_shapes, strict=True):
        if not _is_plain(each) or each.dtype is not dtype or not each.is_cpu:
            return False
        if each.shape != shape:
            return False
    return True
