"""Sums and products over a loop.  In: `sum(for k in 0..K: v[k])`.  Out: the values, folded.

The loop is unrolled, as those of statements are: `linear` in it makes parameters for each
iteration, `y.0.W_x`, `y.1.W_x`.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix, Label
from celldsl.ir.size import Size
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics import wording
from celldsl.semantics.broadcast import elementwise
from celldsl.semantics.context import Environment
from celldsl.semantics.declarations import declare_name
from celldsl.semantics.environment import Binding, Static, Tensor, Unknown, Value, a_kind
from celldsl.syntax import ast

FOLDS = {"sum": "add", "product": "mul", "max": "max", "min": "min"}


def over(f: Environment, e: ast.Over) -> Value:
    """The operation between the values of all iterations, from the first to the last."""
    low = written_sizes.integer(f, e.low, "a loop's bound")
    high = written_sizes.integer(f, e.high, "a loop's bound")
    known = _is_fold(f, e)
    if not declare_name(f, e.variable, "index") or not known or low is None or high is None:
        return Unknown()
    if low >= high:
        told = f"nothing is in `{low}..{high}`, and there is nothing to fold"
        f.error("E0124", told, e.low.span.until(e.high.span), "the end does not belong to it")
        return Unknown()
    total: Tensor | None = None
    for k in range(low, high):
        value = _iteration(f, e, k)
        if value is None:
            return Unknown()
        found = value if total is None else _joined(f, e, total, value)
        if not isinstance(found, Tensor):
            return Unknown()
        total = found
    assert total is not None
    return total


def _is_fold(f: Environment, e: ast.Over) -> bool:
    own = f.find(e.function)
    if e.function in FOLDS and own is None and e.function not in f.home.defs:
        return True
    told = f"`{e.function}` takes no loop"
    label = ""
    first = () if own is None else (Label(own.span, "it is defined here"),)
    if own is not None:
        label = f"it is {a_kind(own.kind)} here"
    elif e.function in f.home.defs:
        label = "it is a function of this file"
    names = ", ".join(f"`{name}`" for name in FOLDS)
    help, fix = f"{names} do", None
    if e.function == "mean":
        help += "; a mean is a sum over the number of them: `sum(for k in 0..K: …) / K`"
    if e.function in FOLDS:
        help = f"it hides the function: give it another name, such as `{e.function}_`"
    elif e.function == "prod":
        help, fix = "here it is `product`", Fix(e.name_span, "product")
    f.error("E0121", told, e.name_span, label, secondary=first, help=help, fix=fix)
    return False


def _iteration(f: Environment, e: ast.Over, k: int) -> Tensor | None:
    """The value for one `k`; its parameters are named after it too."""
    f.context.count_equation(e.span)
    iteration, f.iteration = f.iteration, object()
    place, f.place = f.place, f"{f.place}.{k}" if f.place else ""
    index = Binding("index", Static(Size.of(k)), e.variable.span, len(f.iterations))
    f.scopes.append({e.variable.id: index})
    try:
        with f.framed(f"{e.variable.id} = {k}"):
            return convert.tensor(f, e.body)
    finally:
        f.scopes.pop()
        f.place, f.iteration = place, iteration


def _joined(f: Environment, e: ast.Over, total: Tensor, value: Tensor) -> Value:
    if f.context.constraints.same_shape(total.shape, value.shape):
        return elementwise(f, FOLDS[e.function], e.span, (e.body, total), (e.body, value))
    f.error(
        "E0203",
        f"`{wording.short(e.body.span)}` has another shape in each iteration",
        e.body.span,
        f"{wording.told(f, total)}, and then {wording.told(f, value)}",
    )
    return Unknown()
