"""Steps of inner cells.  In: `g(x)`.  Out: the outputs of `g`.

The body of the inner cell is elaborated in the place of the call, with the names of its states
and parameters behind `g.`.
"""

from __future__ import annotations

from collections.abc import Callable

from celldsl.diagnostics.diagnostic import Label, Report
from celldsl.ir.size import shape_text
from celldsl.record import replace
from celldsl.semantics.functions.binding import bind
from celldsl.semantics.messages import wording
from celldsl.semantics.messages.fitting import elaborate_beside, has_shape
from celldsl.semantics.messages.outward import seen_outside
from celldsl.semantics.sizes import written_sizes
from celldsl.semantics.tensors import convert
from celldsl.semantics.walk.scope import Binding
from celldsl.semantics.walk.values import Several, Tensor, Unknown, Value
from celldsl.semantics.walk.walk import Frame, Inner, Walk
from celldsl.syntax import ast

MAX_LABELS = 4


def step_inner(f: Frame, inner: Inner, e: ast.Call) -> Value:
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
    f.walk.cells.append(inner.cell)
    outputs: list[Tensor | None] = []
    inside(f, inner, lambda: outputs.extend(f.walk.knots.equations(inner.frame, inner.cell)), e)
    f.walk.cells.pop()
    f.walk.origin(e.span)
    values: tuple[Value, ...] = tuple(Unknown() if o is None else o for o in outputs)
    if not values:
        return Unknown()
    told = tuple(seen_outside(inner, value) for value in values)
    return told[0] if len(told) == 1 else Several(told)


def inside(f: Frame, inner: Inner, act: Callable[[], None], at: ast.Node) -> None:
    """Do something in the inner cell; what goes wrong there says where it is used."""
    w: Walk = f.walk
    outer, w.report = w.report, Report()
    try:
        act()
    finally:
        muted, w.report = w.report, outer
        used = Label(at.span, f"in the inner cell `{inner.name}`")
        for d in muted.diagnostics:
            # A circle is the same wherever it is met, and far outside nothing is explained.
            more = () if d.code == "E0307" or len(d.secondary) >= MAX_LABELS else (used,)
            w.report.diagnostics.append(replace(d, secondary=(*d.secondary, *more)))


def _inputs(f: Frame, inner: Inner, e: ast.Call) -> bool:
    """Bind the inputs of the inner cell to the arguments."""
    declared = [
        (name, s.shape) for s in inner.cell.body if isinstance(s, ast.Input) for name in s.names
    ]
    signature = ", ".join(name.id for name, _ in declared)
    own = "its states are its own, and start where they are declared; they are not passed"
    bound = bind(f, e, signature, inner.name, own)
    if bound is None:
        return False
    fine = True
    for name, shape in declared:
        written = bound[name.id]
        assert written is not None
        wanted = written_sizes.shape(inner.frame, shape, "the shape")
        fits = f.fits if wanted is None else has_shape(f, wanted)
        found = convert.number(f, elaborate_beside(f, written, fits), written.span)
        if found is None or wanted is None:
            fine = False
        elif not f.walk.facts.same_shape(found.shape, wanted):
            fine = False
            f.error(
                "E0203",
                f"the input `{name.id}` of `{inner.name}` is {shape_text(wanted)}",
                written.span,
                f"`{wording.short(written.span)}` is {shape_text(found.shape)}",
                secondary=(Label(shape.span, "it is declared here"),),
            )
        else:
            inner.frame.scopes[0][name.id] = Binding("input", found, name.span)
    return fine
