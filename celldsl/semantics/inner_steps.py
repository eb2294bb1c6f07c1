"""Steps of inner cells.  In: `g(x)`.  Out: the outputs of `g`.

The body of the inner cell is elaborated in the place of the call, with the names of its states
and parameters behind `g.`.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Label
from celldsl.semantics.builtins.arguments import bind
from celldsl.semantics.context import Environment, Inner
from celldsl.semantics.environment import Several, Tensor, Unknown, Value
from celldsl.semantics.inputs import give_input
from celldsl.semantics.subcells import inside
from celldsl.semantics.wording import seen_outside
from celldsl.syntax import ast


def step_inner(f: Environment, inner: Inner, e: ast.Call) -> Value:
    """`g(x)`: one step of the inner cell."""
    if f.only_initial:
        f.error("E0403", f"`{inner.name}` cannot be stepped in {f.only_initial}", e.span)
        return Unknown()
    if inner.stepped is not None:
        first = Label(inner.stepped, "the first time")
        f.error(
            "E0309",
            f"`{inner.name}` is stepped twice in one step",
            e.span,
            secondary=(first,) if inner.stepped != e.span else (),
            help="an inner cell steps exactly once; declare a second one",
        )
        return Unknown()
    inner.stepped = e.span
    if not _inputs(f, inner, e):
        return Unknown()
    f.context.cells.append(inner.cell)
    outputs: list[Tensor | None] = []
    inside(
        f, inner, lambda: outputs.extend(f.context.callbacks.equations(inner.env, inner.cell)), e
    )
    f.context.cells.pop()
    f.context.origin(e.span)
    values: tuple[Value, ...] = tuple(Unknown() if o is None else o for o in outputs)
    if not values:
        return Unknown()
    told = tuple(seen_outside(inner, value) for value in values)
    return told[0] if len(told) == 1 else Several(told)


def _inputs(f: Environment, inner: Inner, e: ast.Call) -> bool:
    """Bind the inputs of the inner cell to the arguments."""
    declared = [(name, s) for s in inner.cell.body if isinstance(s, ast.Input) for name in s.names]
    signature = ", ".join(name.id for name, _ in declared)
    own = "its states are its own, and start where they are declared; they are not passed"
    bound = bind(f, e, signature, inner.name, own)
    if bound is None:
        return False
    fine = True
    for name, s in declared:
        written = bound[name.id]
        assert written is not None
        fine &= give_input(f, inner, name, s, written)
    return fine
