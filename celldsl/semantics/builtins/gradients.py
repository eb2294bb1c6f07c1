"""What changes gradients alone.  In: `stop_gradient(v)`, `surrogate(value, path)`.  Out: nodes.

`clip_gradient(v, low, high)` acts on the gradient of one example at one step.  What is no value of
a step has none: the gradient of a parameter is a sum over all of them.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix
from celldsl.ir.ops.spelling import written_number
from celldsl.ir.program import Rows
from celldsl.semantics import conversions as convert
from celldsl.semantics import wording
from celldsl.semantics.broadcast import elementwise
from celldsl.semantics.builtins.function import Bound, Function, given, tensor
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Tensor, Unknown, Value
from celldsl.syntax import ast


def _stop_gradient(f: Environment, e: ast.Call, a: Bound) -> Value:
    v = tensor(f, a, "v")
    if v is None:
        return Unknown()
    return elementwise(f, "stop_gradient", e.span, (given(a, "v"), v))


def _surrogate(f: Environment, e: ast.Call, a: Bound) -> Value:
    value, path = tensor(f, a, "value"), tensor(f, a, "path")
    if value is None or path is None:
        return Unknown()
    return elementwise(f, "surrogate", e.span, (given(a, "value"), value), (given(a, "path"), path))


def _clip_gradient(f: Environment, e: ast.Call, a: Bound) -> Value:
    v = tensor(f, a, "v")
    bounds = [convert.real(f, given(a, name), f"`{name}`") for name in ("low", "high")]
    if v is None or bounds[0] is None or bounds[1] is None or not _of_step(f, e, v):
        return Unknown()
    if not _around_zero(f, e, bounds[0], bounds[1]):
        return Unknown()
    low, high = ((given(a, n), b) for n, b in zip(("low", "high"), bounds, strict=True) if b)
    return elementwise(f, "clip_gradient", e.span, (given(a, "v"), v), low, high)


def _of_step(f: Environment, e: ast.Call, v: Tensor) -> bool:
    """Whether the value has a gradient of its own in every step."""
    if f.only_initial:
        f.error("E0403", f"`{e.function}` cannot stand in {f.only_initial}", e.span)
        return False
    if f.context.type(v.name).rows == Rows.STEP:
        return True
    f.error(
        "E0124",
        f"`{e.function}` takes a value of the step, and `{wording.short(e.args[0].span)}` is the "
        "same in all of them",
        e.args[0].span,
        "its gradient is a sum over steps and sequences",
        help="clip what is computed with it, or the gradients that `backward` gives, in Python",
    )
    return False


def _around_zero(f: Environment, e: ast.Call, low: Tensor, high: Tensor) -> bool:
    """Bounds that are known have 0 between them: else there is a gradient where there is none."""
    known = [written_number(f.context.builder.defined, bound.name) for bound in (low, high)]
    if (known[0] or 0.0) <= 0.0 <= (known[1] or 0.0):
        return True
    told = "0 lies between the bounds of a gradient"
    label = f"these are {known[0]:g} and {known[1]:g}" if None not in known else ""
    text = [arg.span.text for arg in e.args]
    turned = known[0] is not None and known[1] is not None and known[1] <= 0.0 <= known[0]
    better = f"{e.function}({text[0]}, {text[2]}, {text[1]})" if turned else None
    f.error("E0124", told, e.span, label, help=f"write `{better}`" if better else None,
            fix=Fix(e.span, better) if better else None)  # fmt: skip
    return False


def _scale_gradient(f: Environment, e: ast.Call, a: Bound) -> Value:
    v, factor = tensor(f, a, "v"), tensor(f, a, "a")
    if v is None or factor is None:
        return Unknown()
    return elementwise(f, "scale_gradient", e.span, (given(a, "v"), v), (given(a, "a"), factor))


ENTRIES = (
    Function("clip_gradient", "v, low, high", "v, whose gradient is kept between low and high",
             _clip_gradient),
    Function("scale_gradient", "v, a", "v, whose gradient is a times as large", _scale_gradient),
    Function("stop_gradient", "v", "v, which lets no gradient through", _stop_gradient),
    Function("surrogate", "value, path", "the value of the first, the gradient of the second",
             _surrogate),
)  # fmt: skip
