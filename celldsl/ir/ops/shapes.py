"""Operations that move elements.  In: nothing.  Out: their entries of the table.

`window` lays what a convolution sees before the last axes, zeros beyond the border; `fold`, its
adjoint, adds it back:

    window(x: [C, L], kernel=(3,))        [C, 3, L]
    window(x: [C, Y, X], kernel=(3, 5))   [C, 3, 5, Y, X]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from celldsl.ir.attributes import (
    AFTER,
    AXIS,
    BEFORE,
    KERNEL,
    PERM,
    PLACES,
    SHAPE,
    START,
    STOP,
    Attribute,
    Attributes,
)
from celldsl.ir.ops.element import Count, Gather, Value, apply, where, within
from celldsl.ir.ops.op import (
    Gradient,
    Op,
    Term,
    TypeMismatch,
    View,
    axis_of,
    formula,
    formula_with,
    never,
    rows_of,
    with_axis,
)
from celldsl.ir.program import Node, Type
from celldsl.ir.size import Shape, Size, contiguous, product, shape_text

ONE, ZERO = Size.of(1), Size.of(0)
Infer = Callable[[Sequence[Type], Attributes], Type]


def _as(kind: Type, shape: Shape) -> Type:
    return Type(shape, kind.rows, kind.boolean, kind.integer)


def _infer_slice(types: Sequence[Type], attributes: Attributes) -> Type:
    (x,) = types
    axis = axis_of(x.shape, attributes)
    start, stop = attributes[START], attributes[STOP]
    bounds = [start.constant, (stop - start).constant, (x.shape[axis] - stop).constant]
    if any(b is not None and b < 0 for b in bounds):
        raise TypeMismatch(f"{start}:{stop} is not within {x.shape[axis]}")
    return _as(x, with_axis(x.shape, axis, stop - start))


def _infer_concat(types: Sequence[Type], attributes: Attributes) -> Type:
    axis = axis_of(types[0].shape, attributes)
    rest = with_axis(types[0].shape, axis)
    for t in types:
        if len(t.shape) != len(types[0].shape) or with_axis(t.shape, axis) != rest:
            raise TypeMismatch(f"{shape_text(t.shape)} does not join {shape_text(types[0].shape)}")
        if t.boolean != types[0].boolean:
            raise TypeMismatch("numbers and booleans do not join")
    total = sum((t.shape[axis] for t in types), Size.of(0))
    return Type(with_axis(types[0].shape, axis, total), rows_of(types), types[0].boolean)


def _infer_reshape(types: Sequence[Type], attributes: Attributes) -> Type:
    shape = attributes[SHAPE]
    if product(shape) != product(types[0].shape):
        raise TypeMismatch(f"{shape_text(types[0].shape)} does not fit {shape_text(shape)}")
    return _as(types[0], shape)


def _infer_transpose(types: Sequence[Type], attributes: Attributes) -> Type:
    perm, shape = attributes[PERM], types[0].shape
    if sorted(perm) != list(range(len(shape))):
        raise TypeMismatch(f"{perm} does not permute the axes of {shape_text(shape)}")
    return _as(types[0], tuple(shape[axis] for axis in perm))


def _infer_broadcast(types: Sequence[Type], attributes: Attributes) -> Type:
    source, target = types[0].shape, attributes[SHAPE]
    if source and (
        len(source) != len(target)
        or any(s not in (ONE, t) for s, t in zip(source, target, strict=True))
    ):
        raise TypeMismatch(f"{shape_text(source)} does not stretch to {shape_text(target)}")
    return _as(types[0], target)


def _infer_roll(types: Sequence[Type], attributes: Attributes) -> Type:
    axis_of(types[0].shape, attributes)
    return types[0]


def _infer_pad(types: Sequence[Type], attributes: Attributes) -> Type:
    axis = axis_of(types[0].shape, attributes)
    if types[0].boolean:
        raise TypeMismatch("needs numbers, not booleans")
    size = types[0].shape[axis] + attributes[BEFORE] + attributes[AFTER]
    return _as(types[0], with_axis(types[0].shape, axis, size))


def _kernel(rank: int, attributes: Attributes) -> tuple[int, ...]:
    kernel = attributes[KERNEL]
    if any(k % 2 == 0 for k in kernel) or len(kernel) > rank:
        raise TypeMismatch(f"a kernel has odd sizes, one for each of the last axes, not {kernel}")
    return kernel


def _infer_window(types: Sequence[Type], attributes: Attributes) -> Type:
    shape = types[0].shape
    kernel = _kernel(len(shape), attributes)
    lead = len(shape) - len(kernel)
    return _as(types[0], (*shape[:lead], *map(Size.of, kernel), *shape[lead:]))


def _infer_fold(types: Sequence[Type], attributes: Attributes) -> Type:
    shape = types[0].shape
    kernel = _kernel(len(shape) // 2, attributes)
    lead = len(shape) - 2 * len(kernel)
    if shape[lead : lead + len(kernel)] != tuple(map(Size.of, kernel)):
        raise TypeMismatch(f"{shape_text(shape)} has no axes for the kernel {kernel}")
    return _as(types[0], (*shape[:lead], *shape[lead + len(kernel) :]))


def _slice_gradient(node: Node, x: Term, y: Term, d: Term) -> list[Term | None]:
    axis, start, stop = node[AXIS], node[START], node[STOP]
    return [d.op("pad", axis=axis, before=start, after=x.shape[axis] - stop)]


def _pad_gradient(node: Node, x: Term, y: Term, d: Term) -> list[Term | None]:
    axis, before = node[AXIS], node[BEFORE]
    return [d.op("slice", axis=axis, start=before, stop=before + x.shape[axis])]


def _concat_gradient(node: Node, *terms: Term) -> list[Term | None]:
    *parts, _, d = terms
    axis = node[AXIS]
    found: list[Term | None] = []
    start = Size.of(0)
    for part in parts:
        stop = start + part.shape[axis]
        found.append(d.op("slice", axis=axis, start=start, stop=stop))
        start = stop
    return found


def _transpose_gradient(node: Node, x: Term, y: Term, d: Term) -> list[Term | None]:
    perm = node[PERM]
    return [d.op("transpose", perm=tuple(perm.index(axis) for axis in range(len(perm))))]


def _broadcast_gradient(x: Term, y: Term, d: Term) -> list[Term | None]:
    """Sums over the axes that were stretched, the last first, so that the others keep theirs."""
    shape = x.shape
    for axis in reversed(range(len(d.shape))):
        if not shape or shape[axis] != y.shape[axis]:
            d = d.op("sum", axis=axis)
    return [d if d.shape == shape else d.op("reshape", shape=shape)]


def _roll_gradient(node: Node, x: Term, y: Term, d: Term) -> list[Term | None]:
    k = node[PLACES]
    return [d.op("roll", axis=node[AXIS], k=-k)]


# ---------------------------------------------------------------- where elements lie

Strided = tuple[Shape, Size]


def _slice_view(node: Node, shape: Shape, strides: Shape) -> Strided:
    start, axis = node[START], node[AXIS]
    return strides, start * strides[axis]


def _transpose_view(node: Node, shape: Shape, strides: Shape) -> Strided:
    perm = node[PERM]
    return tuple(strides[axis] for axis in perm), ZERO


def _broadcast_view(node: Node, shape: Shape, strides: Shape) -> Strided:
    target = node.type.shape
    if not shape:
        return (ZERO,) * len(target), ZERO
    axes = zip(shape, strides, target, strict=True)
    return tuple(step if size == wide else ZERO for size, step, wide in axes), ZERO


def _reshape_view(node: Node, shape: Shape, strides: Shape) -> Strided | None:
    """Axes of size 1 come and go anywhere; anything else needs a value in one piece."""
    target = node.type.shape
    if _squeezed(shape) == _squeezed(target):
        steps = [step for size, step in zip(shape, strides, strict=True) if size != ONE]
        return tuple(ZERO if size == ONE else steps.pop(0) for size in target), ZERO
    axes = zip(shape, strides, contiguous(shape), strict=True)
    if all(step == whole for size, step, whole in axes if size != ONE):
        return contiguous(target), ZERO
    return None


def _squeezed(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != ONE)


def _rolled(g: Gather) -> Value:
    axis, k = g.at[AXIS], g.at[PLACES]
    moved = list(g.indices)
    moved[axis] = apply("mod", apply("sub", moved[axis], k), Count(g.source[axis]))
    return g.read(moved)


def _flip_view(node: Node, shape: Shape, strides: Shape) -> Strided:
    """From the last element backwards."""
    axis = node[AXIS]
    step = strides[axis]
    return (*strides[:axis], step * -1, *strides[axis + 1 :]), (shape[axis] - 1) * step


def _padded(g: Gather) -> Value:
    axis, before = g.at[AXIS], g.at[BEFORE]
    moved = list(g.indices)
    moved[axis] = apply("sub", moved[axis], Count(before))
    return where(within(moved[axis], Count(g.source[axis])), g.read(moved), 0.0)


def _windowed(g: Gather) -> Value:
    """Element [c, k…, l…] is the source at [c, l + k - reach…], zero beyond the border."""
    kernel = g.at[KERNEL]
    rank = len(kernel)
    lead = len(g.indices) - 2 * rank
    taps, places = g.indices[lead : lead + rank], g.indices[lead + rank :]
    seen = [
        apply("sub", apply("add", place, tap), size // 2)
        for place, tap, size in zip(places, taps, kernel, strict=True)
    ]
    bounds = [within(at, Count(size)) for at, size in zip(seen, g.source[lead:], strict=True)]
    inside = bounds[0]
    for bound in bounds[1:]:
        inside = apply("and", inside, bound)
    return where(inside, g.read((*g.indices[:lead], *seen)), 0.0)


def _moved(
    name: str, doc: str, infer: Infer, value: str, gradient: Gradient, view: View,
    *attributes: Attribute[Any],
) -> Op:  # fmt: skip
    """An operation that looks at its argument's memory in another way."""
    loop: Literal["own", "none"] = "own" if name == "reshape" else "none"
    return Op(name, "shape", 1, doc, infer, value, gradient, cost=0, view=view, loop=loop,
              attributes=attributes)  # fmt: skip


def _gathered(
    name: str, doc: str, infer: Infer, value: str, gradient: Gradient,
    gather: Callable[[Gather], Value] | None, *attributes: Attribute[Any],
    again: Callable[[Node], bool] | None = never,
) -> Op:  # fmt: skip
    """An operation that reads its argument at other indices; None: it adds elements up instead."""
    return Op(name, "shape", 1, doc, infer, value, gradient, cost=0, gather=gather, loop="own",
              again=again, attributes=attributes)  # fmt: skip


ENTRIES = (
    _moved("slice", "elements `start` to `stop` of an axis", _infer_slice,
           "numerics.cut({0}, {axis}, {start}, {stop})", formula_with(_slice_gradient),
           _slice_view, AXIS, START, STOP),
    Op("concat", "shape", None, "the arguments one after the other along an axis", _infer_concat,
       "numerics.concat([{args}], {axis}, {rank})", formula_with(_concat_gradient), cost=0,
       loop="none", again=never, attributes=(AXIS,)),
    _moved("reshape", "the same elements in order, in another shape", _infer_reshape,
           "numerics.reshape({0}, {rank}, {shape})",
           formula(lambda x, y, d: [d.op("reshape", shape=x.shape)]), _reshape_view,
           SHAPE),
    _moved("transpose", "axis i of the value is axis perm[i] of the argument", _infer_transpose,
           "numerics.transpose({0}, {perm})", formula_with(_transpose_gradient), _transpose_view,
           PERM),
    _moved("broadcast", "stretched from [], or along axes of size 1", _infer_broadcast,
           "numerics.broadcast({0}, {rank}, {shape})", formula(_broadcast_gradient),
           _broadcast_view, SHAPE),
    _moved("flip", "the elements of an axis from the last to the first", _infer_roll,
           "np.flip({0}, axis={axis})",
           formula_with(lambda node, x, y, d: [d.op("flip", axis=node[AXIS])]), _flip_view, AXIS),
    _gathered("roll", "element i is element i - k, around the end", _infer_roll,
              "np.roll({0}, {k}, axis={axis})", formula_with(_roll_gradient), _rolled, AXIS,
              PLACES),
    _gathered("pad", "zeros before and after along an axis", _infer_pad,
              "numerics.pad({0}, {axis}, {before}, {after})", formula_with(_pad_gradient), _padded,
              AXIS, BEFORE, AFTER),
    _gathered("window", "what a kernel sees at each place, zeros beyond the border", _infer_window,
              "numerics.window({0}, {kernel})",
              formula_with(lambda node, x, y, d: [d.op("fold", kernel=node[KERNEL])]), _windowed,
              KERNEL, again=None),
    _gathered("fold", "the adjoint of window: adds each element to where it was seen", _infer_fold,
              "numerics.fold({0}, {kernel})",
              formula_with(lambda node, x, y, d: [d.op("window", kernel=node[KERNEL])]), None,
              KERNEL),
)  # fmt: skip
