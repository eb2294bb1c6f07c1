"""Functions made of several operations.  In: a walk and values of it.  Out: the value of the last.

They keep the axis that they work along as one of size 1 where the result meets the argument again.
"""

from __future__ import annotations

from celldsl.ir.size import Shape, Size
from celldsl.semantics.context import Context
from celldsl.semantics.pairs import NotComplex, power

ONE = Size.of(1)


def without(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])


def along(w: Context, reduced: str, axis: int, like: str) -> str:
    """A reduced value stretched over the axis that was dropped."""
    shape = w.shape(like)
    kept = (*shape[:axis], ONE, *shape[axis + 1 :])
    return w.op("broadcast", w.op("reshape", reduced, shape=kept), shape=shape)


def _size_along(w: Context, value: str, axis: int) -> str:
    size = w.shape(value)[axis]
    if size.constant is not None:
        return w.op("number", value=float(size.constant))
    return w.op("size", size=size)


def mean(w: Context, v: str, axis: int) -> str:
    found = w.op("div", w.op("sum", v, axis=axis), _size_along(w, v, axis))
    return w.composed(found, "mean", v, axis=axis)


def norm(w: Context, v: str, axis: int) -> str:
    """The Euclidean norm; its gradient at 0 is 0, since the root's argument is replaced there."""
    total = w.op("sum", power(w, w.pair(v)), axis=axis)
    empty = w.op("eq", total, 0.0)
    root = w.op("sqrt", w.op("where", empty, 1.0, total))
    return w.composed(w.op("where", empty, 0.0, root), "norm", v, axis=axis)


def _greatest(w: Context, v: str, axis: int) -> str:
    """The greatest element without gradient; 0 where that is infinite, so that inf - inf is not."""
    top = w.op("stop_gradient", w.op("amax", v, axis=axis))
    return w.op("where", w.op("lt", w.op("abs", top), float("inf")), top, 0.0)


def softmax(w: Context, v: str, axis: int) -> str:
    """Where all elements are -inf, all come out as 0."""
    grown = w.op("exp", w.op("sub", v, along(w, _greatest(w, v, axis), axis, v)))
    total = w.op("sum", grown, axis=axis)
    total = w.op("where", w.op("eq", total, 0.0), 1.0, total)
    found = w.op("div", grown, along(w, total, axis, v))
    return w.composed(found, "softmax", v, axis=axis)


def logsumexp(w: Context, v: str, axis: int) -> str:
    """-inf where all elements are, without a gradient there."""
    top = _greatest(w, v, axis)
    total = w.op("sum", w.op("exp", w.op("sub", v, along(w, top, axis, v))), axis=axis)
    empty = w.op("eq", total, 0.0)
    logarithm = w.op("log", w.op("where", empty, 1.0, total))
    found = w.op("where", empty, float("-inf"), w.op("add", logarithm, top))
    return w.composed(found, "logsumexp", v, axis=axis)


def normalised(w: Context, v: str, axis: int, eps: str, centre: bool) -> str:
    """v over the root of its mean square, less its mean first where `centre`."""
    name, whole = "standardise" if centre else "rms", v
    if w.is_complex(v):
        raise NotComplex(name)
    if centre:
        v = w.op("sub", v, along(w, mean(w, v, axis), axis, v))
    power = mean(w, w.op("square", v), axis)
    found = w.op("div", v, along(w, w.op("sqrt", w.op("add", power, eps)), axis, v))
    return w.composed(found, name, whole, eps, axis=axis)
