"""Elementwise builtins.  In: arguments of shapes that broadcast.  Out: one operation each."""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix
from celldsl.diagnostics.span import Span
from celldsl.ir.ops.op import Op
from celldsl.ir.ops.table import OPS
from celldsl.semantics import conversions as convert
from celldsl.semantics.broadcast import elementwise, stretched, together
from celldsl.semantics.builtins.function import Bound, Build, Function, given, tensor
from celldsl.semantics.builtins.reductions import reduce_extreme
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Tensor, Unknown, Value
from celldsl.syntax import ast


def _unary(entry: Op) -> Build:
    def build(f: Environment, e: ast.Call, a: Bound) -> Value:
        v = tensor(f, a, "v")
        if v is None:
            return Unknown()
        found = elementwise(f, entry.name, e.span, (given(a, "v"), v))
        if entry.flat and isinstance(found, Tensor) and not f.context.computing_initial:
            f.context.steps.setdefault(f.context.parts(found.name)[0], f.called or e.span)
        return found

    return build


def _several(op: str, *names: str) -> Build:
    def build(f: Environment, e: ast.Call, a: Bound) -> Value:
        operands = [(given(a, name), tensor(f, a, name)) for name in names]
        known = [(expression, v) for expression, v in operands if v is not None]
        if len(known) < len(operands):
            return Unknown()
        return elementwise(f, op, e.span, *known)

    return build


def _extreme(op: str) -> Build:
    """`max(a, b)` is elementwise, `max(v)` and `max(v, axis=0)` reduce."""

    def build(f: Environment, e: ast.Call, a: Bound) -> Value:
        if isinstance(a["a"], ast.ListOf) and len(a["a"].items) == 2 and len(e.args) == 1:
            better = f"{op}({', '.join(item.span.text for item in a['a'].items)})"
            told = f"`{op}` takes one value, or two, not a list"
            f.error("E0124", told, e.span, help=f"write `{better}`", fix=Fix(e.span, better))
            return Unknown()
        if a["b"] is None:
            return reduce_extreme(f, e, {"v": a["a"], "axis": a["axis"]}, f"a{op}")
        if a["axis"] is not None:
            f.error("E0123", f"`{op}` of two values has no axis", given(a, "axis").span)
            return Unknown()
        return _several(op, "a", "b")(f, e, a)

    return build


def _clip(f: Environment, e: ast.Call, a: Bound) -> Value:
    v, low, high = (_is_number(given(a, name)) for name in ("v", "low", "high"))
    if v and low and not high:
        better = f"clip({', '.join(given(a, n).span.text for n in ('high', 'v', 'low'))})"
        told = "`clip` takes the value first and its bounds after it"
        f.error("E0125", told, e.span, help=f"write `{better}`", fix=Fix(e.span, better))
        return Unknown()
    return _several("clip", "v", "low", "high")(f, e, a)


def _is_number(e: ast.Expr) -> bool:
    return isinstance(e.operand if isinstance(e, ast.Unary) else e, ast.Number)


def _where(f: Environment, e: ast.Call, a: Bound) -> Value:
    condition = convert.boolean(f, given(a, "condition"))
    one, other = tensor(f, a, "a"), tensor(f, a, "b")
    if condition is None or one is None or other is None:
        return Unknown()
    operands = ((given(a, "condition"), condition), (given(a, "a"), one), (given(a, "b"), other))
    found = elementwise(f, "where", e.span, *operands)
    if isinstance(found, Tensor) and not f.context.computing_initial:
        f.context.steps.setdefault(f.context.parts(found.name)[0], f.called or e.span)
    return found


def _leaky_relu(f: Environment, e: ast.Call, a: Bound) -> Value:
    v = tensor(f, a, "v")
    slope = _slope(f, a["slope"])
    if v is None or slope is None:
        return Unknown()
    span: Span = e.span
    found = together(f, span, ((given(a, "v"), v), (a["slope"] or e, slope)))
    if found is None:
        return Unknown()
    (value, factor), why = found
    shape = f.context.shape(value)
    zero = stretched(f, Tensor(f.context.op("number", value=0.0), ()), shape)
    below = f.context.op("mul", factor, value)
    result = f.context.op("where", f.context.op("lt", zero, value), value, below)
    return Tensor(result, shape, why)


def _slope(f: Environment, written: ast.Expr | None) -> Tensor | None:
    if written is None:
        return Tensor(f.context.op("number", value=0.01), ())
    return convert.tensor(f, written)


ENTRIES = (
    *(
        Function(entry.function, "v", entry.doc, _unary(entry), elementwise=True)
        for entry in OPS.values()
        if entry.function and entry.kind == "elementwise"
    ),
    Function("leaky_relu", "v, slope=0.01", "v where it is positive, else slope * v", _leaky_relu,
             elementwise=True),
    Function("mod", "a, b", "the remainder, with the sign of b", _several("mod", "a", "b")),
    Function("max", "a, b=, axis=-1", "the greater of two; of one value, the greatest along an "
             "axis", _extreme("max")),
    Function("min", "a, b=, axis=-1", "the lesser of two; of one value, the least along an axis",
             _extreme("min")),
    Function("clip", "v, low, high", "v kept between low and high", _clip),
    Function("where", "condition, a, b", "a where the condition holds, else b", _where),
)  # fmt: skip
