"""`layer_norm` and `rms_norm`.  In: a value.  Out: that over its spread, with gain and bias."""

from __future__ import annotations

from celldsl.ir.size import Shape, Size
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics.builtins import composites
from celldsl.semantics.builtins.function import Bound, Function, divided, flag, given, ranked
from celldsl.semantics.context import Environment
from celldsl.semantics.declarations import claim, claim_name, filled_initial, parameter
from celldsl.semantics.environment import Target, Tensor, Unknown, Value
from celldsl.syntax import ast

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
        return composites.normalised(f.context, v.name, rank - 1, eps, centre)
    groups = written_sizes.positive_size(f, given(a, "groups"), "the number of groups")
    if groups is None:
        return None
    share = divided(f, v.shape[-1], groups, given(a, "groups"), "a group")
    if share is None:
        return None
    laid = f.context.op("reshape", v.name, shape=(*v.shape[:-1], groups, share))
    found = composites.normalised(f.context, laid, rank, eps, centre)
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


ENTRIES = (
    Function("layer_norm", "v, gain=true, bias=true, eps=1e-5, groups=1", "v less its mean, over "
             "its standard deviation, along the last axis", _layer_norm),
    Function("rms_norm", "v, gain=true, eps=1e-5", "v over the root of its mean square", _rms_norm),
)  # fmt: skip
