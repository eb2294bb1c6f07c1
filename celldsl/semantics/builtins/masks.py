"""Dropout and zoneout.  In: `dropout(v, rate, per=sequence)`.  Out: a mask of a site of its own.

A mask lasts a step or a sequence; one on parameters alone serves the whole call.  Numbers are no
parameters: `m = dropout(ones([H]), rate)` is a mask of its own for each step, to be shared by name.
"""

from __future__ import annotations

import math

from celldsl.diagnostics.diagnostic import Fix
from celldsl.diagnostics.span import Span
from celldsl.ir.ops.spelling import written_number
from celldsl.ir.program import Rows
from celldsl.ir.size import Shape
from celldsl.semantics import conversions as convert
from celldsl.semantics.broadcast import stretched, together
from celldsl.semantics.builtins.function import Bound, Function, given, tensor
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Tensor, Unknown, Value
from celldsl.semantics.structure import setting_of
from celldsl.syntax import ast


def _per(f: Environment, a: Bound) -> str | None:
    match a["per"]:
        case None:
            return "step"
        case ast.Name("step" | "sequence" as per, primed=False):
            return per
        case other:
            f.error("E0124", "`per` must be `step` or `sequence`", other.span)
            return None


def _rate(f: Environment, a: Bound, one: bool) -> Tensor | None:
    """The rate; `one` says whether it may be 1."""
    written = given(a, "rate")
    found = convert.real(f, written, "a rate")
    known = None if found is None else _known(f, found, written.span)
    if known is not None and not (0 <= known[0] < 1 or (one and known[0] == 1)):
        value, span = known
        told = f"a rate lies between 0 and 1, and {value:g} does not"
        if math.isnan(value):
            told = "a rate lies between 0 and 1, and this is no number"
        if value == 1:
            told = "a rate of dropout is below 1: with 1 nothing is left"
        share = f"{value / 100:g}" if 2 <= value < 100 else None
        fix = Fix(span, share) if share else None
        help = f"{value:g} percent is `{share}`" if share else None
        f.error("E0124", told, span, help=help, fix=fix)
        return None
    return found


def _known(f: Environment, rate: Tensor, span: Span) -> tuple[float, Span] | None:
    """The value of a rate that is known before a cell is built, and where it is written."""
    if rate.hyper is not None:
        default = f.context.hypers[rate.hyper].default
        setting = setting_of(default)
        if default is not None and isinstance(setting, int | float):
            return float(setting), default.span
    value = written_number(f.context.builder.defined, rate.name)
    return None if value is None else (value, span)


def _mask(f: Environment, kind: str, per: str, shape: Shape, rate: Tensor) -> str:
    site = f.context.mask_site(per)
    return f.context.op("mask", rate.name, site=site, kind=kind, per=per, shape=shape)


def _lifetime(f: Environment, e: ast.Call, per: str, *values: Tensor) -> str:
    """What one mask serves: a step, a sequence, or the whole call where it is on parameters."""
    if not all(_of_parameters(f, value.name) for value in values):
        return per
    if per == "step":
        f.error(
            "W0507",
            "a mask on parameters lasts the whole call",
            e.span,
            "one mask serves all steps and sequences",
            help="say so: `per=sequence`",
        )
    return "parameter"


def _of_parameters(f: Environment, value: str) -> bool:
    """Whether a value is made of parameters or consts, and no more than numbers beside them."""
    if f.context.type(value).rows != Rows.ONCE:
        return False
    nodes, pending = f.context.builder.defined, list(f.context.parts(value))
    seen = set(pending)
    while pending:
        name = pending.pop()
        if name not in nodes and f.context.leaves[name].kind in ("param", "const"):
            return True
        new = [arg for arg in nodes[name].args if arg not in seen] if name in nodes else []
        seen.update(new)
        pending += new
    return False


def _refuse(f: Environment, e: ast.Call) -> bool:
    if f.only_initial:
        f.error("E0403", f"`{e.function}` cannot stand in {f.only_initial}", e.span)
    return bool(f.only_initial)


def _dropout(f: Environment, e: ast.Call, a: Bound) -> Value:
    v, rate, per = tensor(f, a, "v"), _rate(f, a, False), _per(f, a)
    if v is None or rate is None or per is None or _refuse(f, e):
        return Unknown()
    mask = _mask(f, "dropout", _lifetime(f, e, per, v), v.shape, rate)
    return Tensor(f.context.op("mul", v.name, mask), v.shape, v.why)


def _zoneout(f: Environment, e: ast.Call, a: Bound) -> Value:
    new, old = tensor(f, a, "new"), tensor(f, a, "old")
    rate, per = _rate(f, a, True), _per(f, a)
    if new is None or old is None or rate is None or per is None or _refuse(f, e):
        return Unknown()
    joined = together(f, e.span, ((given(a, "new"), new), (given(a, "old"), old)))
    if joined is None:
        return Unknown()
    (fresh, kept), why = joined
    shape = f.context.shape(fresh)
    mask = _mask(f, "zoneout", _lifetime(f, e, per, new, old), shape, rate)
    one = stretched(f, Tensor(f.context.op("number", value=1.0), ()), shape)
    taken = f.context.op("mul", f.context.op("sub", one, mask), fresh)
    return Tensor(f.context.op("add", f.context.op("mul", mask, kept), taken), shape, why)


ENTRIES = (
    Function("dropout", "v, rate, per=step", "v with elements at zero with probability `rate` and "
             "the others scaled by 1/(1-rate); the identity at inference", _dropout),
    Function("zoneout", "new, old, rate, per=step", "`old` with probability `rate`, else `new`; "
             "their mean by `rate` at inference", _zoneout),
)  # fmt: skip
