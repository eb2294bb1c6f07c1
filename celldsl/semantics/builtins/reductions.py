"""Reductions, scans and norms along an axis.  In: `sum(v)`, `layer_norm(v)`.  Out: their nodes.

Those made of several operations keep the axis that they work along as one of size 1 where the
result meets the argument again.
"""

from __future__ import annotations

from collections.abc import Callable

from celldsl.ir.ops.op import Op
from celldsl.ir.ops.table import OPS
from celldsl.ir.size import Shape, Size
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics.builtins.function import (
    Bound,
    Build,
    Function,
    axis,
    divided,
    flag,
    given,
    ranked,
)
from celldsl.semantics.context import Context, Environment
from celldsl.semantics.declarations import claim, claim_name, filled_initial, parameter
from celldsl.semantics.environment import Target, Tensor, Unknown, Value
from celldsl.semantics.pairs import NotComplex, power
from celldsl.syntax import ast

# ---------------------------------------------------------------- made of several operations

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


# ---------------------------------------------------------------- along an axis

SMALLEST = 1e-12
Along = Callable[[Context, str, int], str]


def _along(make: Along, keeps: bool) -> Build:
    """A function along the last axis or `axis=`; reductions drop it."""

    def build(f: Environment, e: ast.Call, a: Bound) -> Value:
        v = ranked(f, a, "v", 1, e)
        place = None if v is None else axis(f, a, len(v.shape))
        if v is None or place is None:
            return Unknown()
        name = make(f.context, v.name, place)
        why = v.why or (None,) * len(v.shape)
        return Tensor(name, f.context.shape(name), why if keeps else why[:place] + why[place + 1 :])

    return build


def _op(name: str) -> Along:
    return lambda w, v, place: w.op(name, v, axis=place)


def reduce_extreme(f: Environment, e: ast.Call, a: Bound, op: str) -> Value:
    return _along(_op(op), keeps=False)(f, e, a)


def _normalize(f: Environment, e: ast.Call, a: Bound) -> Value:
    """PyTorch's: a value over its norm, or over `eps` where that is greater."""
    v = ranked(f, a, "v", 1, e)
    place = None if v is None else axis(f, a, len(v.shape))
    eps = None if a["eps"] is None else convert.real(f, a["eps"], "`eps`")
    if v is None or place is None or (a["eps"] is not None and eps is None):
        return Unknown()
    w = f.context
    least = w.op("number", value=SMALLEST) if eps is None else eps.name
    length = w.op("max", norm(w, v.name, place), least)
    return Tensor(w.op("div", v.name, along(w, length, place, v.name)), v.shape, v.why)


def _entry(name: str, doc: str, make: Along, keeps: bool = False) -> Function:
    return Function(name, "v, axis=-1", doc, _along(make, keeps))


def _of_entry(entry: Op) -> Function:
    """The function of an operation: it drops the axis, or keeps it where it is a scan."""
    whole = {"reverse": False} if entry.name == "cumsum" else {}

    def make(w: Context, v: str, place: int) -> str:
        return w.op(entry.name, v, axis=place, **whole)

    return _entry(entry.function, entry.doc, make, keeps=entry.kind == "scan")


_ALONG = (
    *(
        _of_entry(entry)
        for entry in OPS.values()
        if entry.function and entry.kind in ("reduce", "scan")
    ),
    _entry("mean", "the mean along an axis", mean),
    _entry("norm", "the Euclidean norm along an axis; its gradient at 0 is 0", norm),
    _entry("logsumexp", "log(sum(exp(v))), without overflow", logsumexp),
    _entry("softmax", "exp(v) / sum(exp(v)), without overflow", softmax, keeps=True),
    Function("normalize", "v, axis=-1, eps=1e-12", "v / max(norm(v), eps)", _normalize),
)  # fmt: skip


# ---------------------------------------------------------------- layer_norm and rms_norm

EPS = 1e-5


def _norm(f: Environment, e: ast.Call, a: Bound, centre: bool) -> Value:
    v = ranked(f, a, "v", 1, e)
    eps = _eps(f, a["eps"])
    gain, bias = flag(f, a, "gain", True), centre and flag(f, a, "bias", True)
    if not claim(f, e.name_span, needs_place=bool(gain or bias)):
        return Unknown()
    if v is None or eps is None or gain is None or bias is None:
        return Unknown()
    found = _spread(f, e, a, v, eps, centre)
    if found is not None and gain:
        found = _affine(f, e, "gain", 1.0, "mul", found, v.shape)
    if found is not None and bias:
        found = _affine(f, e, "bias", 0.0, "add", found, v.shape)
    return Unknown() if found is None else Tensor(found, v.shape, v.why)


def _eps(f: Environment, written: ast.Expr | None) -> str | None:
    if written is None:
        return f.context.op("number", value=EPS)
    found = convert.real(f, written, "`eps`")
    return None if found is None else found.name


def _spread(f: Environment, e: ast.Call, a: Bound, v: Tensor, eps: str, centre: bool) -> str | None:
    """The value normalised over the last axis, or over each of the groups of it."""
    rank = len(v.shape)
    if a.get("groups") is None:
        return normalised(f.context, v.name, rank - 1, eps, centre)
    groups = written_sizes.positive_size(f, given(a, "groups"), "the number of groups")
    if groups is None:
        return None
    share = divided(f, v.shape[-1], groups, given(a, "groups"), "a group")
    if share is None:
        return None
    laid = f.context.op("reshape", v.name, shape=(*v.shape[:-1], groups, share))
    found = normalised(f.context, laid, rank, eps, centre)
    return f.context.op("reshape", found, shape=v.shape)


def _affine(
    f: Environment, e: ast.Call, name: str, start: float, op: str, value: str, shape: Shape
) -> str | None:
    width = (shape[-1],)
    public = f"{f.place}.{name}"
    if not claim_name(f, public, e.name_span):
        return None
    made = parameter(f, Target(width, public), e.span, filled_initial(f, start, width))
    if made is None:
        return None
    if len(shape) > 1:
        made = f.context.op("reshape", made, shape=(*(Size.of(1) for _ in shape[1:]), shape[-1]))
        made = f.context.op("broadcast", made, shape=shape)
    return f.context.op(op, value, made)


def _layer_norm(f: Environment, e: ast.Call, a: Bound) -> Value:
    return _norm(f, e, a, centre=True)


def _rms_norm(f: Environment, e: ast.Call, a: Bound) -> Value:
    return _norm(f, e, a, centre=False)


_NORMS = (
    Function("layer_norm", "v, gain=true, bias=true, eps=1e-5, groups=1", "v less its mean, over "
             "its standard deviation, along the last axis", _layer_norm),
    Function("rms_norm", "v, gain=true, eps=1e-5", "v over the root of its mean square", _rms_norm),
)  # fmt: skip


ENTRIES = (*_ALONG, *_NORMS)
