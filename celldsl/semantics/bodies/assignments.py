"""The left side of equations.  In: a target and its value.  Out: a bound name or a next state.

a = …        a value, once; in a loop, a new value for a name from before it
h' = …       the next state
y[k] = …     a slice of what the loop over `k` fills
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Label
from celldsl.ir.size import shape_text
from celldsl.semantics.bodies.next_states import assign_next
from celldsl.semantics.bodies.redefinitions import refuse, twice
from celldsl.semantics.bodies.stacks import assign_slice
from celldsl.semantics.tensors import convert
from celldsl.semantics.walk.scope import Binding
from celldsl.semantics.walk.values import Unknown, Value
from celldsl.semantics.walk.walk import Frame
from celldsl.syntax import ast


def assign(f: Frame, s: ast.Equation, target: ast.Target, value: Value) -> None:
    if target.index is not None:
        assign_slice(f, s, target, value)
    elif target.primed:
        assign_next(f, s, target, value)
    else:
        _assign_value(f, s, target, value)


def _assign_value(f: Frame, s: ast.Equation, target: ast.Target, value: Value) -> None:
    old = f.find(target.id)
    if old is None:
        binding = Binding("value", value, target.span, len(f.iterations), f.iteration)
        f.scopes[-1][target.id] = binding
        f.walk.notes.declared[target.span] = ("value", target.id)
        f.hidden.pop(target.id, None)
        return
    if old.kind != "value":
        refuse(f, target, old)
        return
    if old.depth >= len(f.iterations) or old.rebound is f.iteration:
        twice(f, target, old.span)
        return
    f.walk.notes.declared[target.span] = ("value", target.id)
    _rebind(f, s, target, old, value)


def _rebind(f: Frame, s: ast.Equation, target: ast.Target, old: Binding, value: Value) -> None:
    """A new value for a name from before the loop, of the same shape."""
    old.rebound = f.iteration
    before = convert.as_tensor(f, old.value, target.span)
    after = convert.as_tensor(f, value, s.value.span)
    if before is None or after is None:
        old.value = Unknown()
        return
    if not f.walk.facts.same_shape(before.shape, after.shape):
        f.error(
            "E0212",
            f"`{target.id}` is {shape_text(before.shape)} before the loop and "
            f"{shape_text(after.shape)} in it",
            target.span,
            secondary=(Label(old.span, f"{shape_text(before.shape)} here"),),
            help="a loop keeps the shape; give the new value another name",
        )
        old.value = Unknown()
        return
    if before.boolean != after.boolean:
        f.error("E0212", f"`{target.id}` is a number on one side of the loop alone", target.span)
        after = None
    old.value = after or Unknown()
    old.span = target.span
