"""Declarations.  In: `input`, `state`, `param`, `const`.  Out: leaves, and names bound to them."""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Label
from celldsl.diagnostics.span import Span
from celldsl.ir.program import Rows
from celldsl.ir.size import Shape
from celldsl.ir.spec import ArraySpec
from celldsl.semantics.declarations.initial import fitted, targeting
from celldsl.semantics.declarations.parameters import (
    default_initial,
    fans,
    initial_value,
    parameter,
)
from celldsl.semantics.sizes import written_sizes
from celldsl.semantics.walk.pending import StateEntry, Target
from celldsl.semantics.walk.scope import Binding, Kind, a_kind
from celldsl.semantics.walk.values import Tensor, Unknown, Value
from celldsl.semantics.walk.walk import Frame
from celldsl.syntax import ast

KEPT = frozenset({"dtype", "seed", "state", "lengths", "training", "reverse", "T", "B"})
PUBLIC = ("dim", "hyper", "input", "state", "const")


def declare_name(f: Frame, name: ast.Declared | ast.Dim | ast.Hyper, kind: Kind) -> bool:
    """Whether the name is free; says where it was taken."""
    if name.id in KEPT and kind in PUBLIC:
        f.error(
            "E0104",
            f"`{name.id}` has a meaning in Python's interface and cannot be {a_kind(kind)}",
            name.span,
            help="batch and time are not written: the compiler adds them"
            if name.id in ("B", "T")
            else f"choose another name, such as `{name.id}_`",
        )
        return kind != "dim" and f.find(name.id) is None
    taken = f.find(name.id)
    if taken is None:
        return True
    f.error(
        "E0105" if taken.kind != kind else "E0102",
        f"`{name.id}` is {a_kind(taken.kind)} already",
        name.span,
        secondary=(Label(taken.span, "it is declared here"),),
    )
    return False


def bind(f: Frame, name: ast.Declared, kind: Kind, value: Value) -> None:
    f.scopes[-1][name.id] = Binding(kind, value, name.span, len(f.iterations))
    f.walk.notes.declared[name.span] = (kind, name.id)


def reasons(listing: ast.ListOf) -> tuple[Span, ...]:
    return tuple(item.span for item in listing.items)


def declare_input(f: Frame, name: ast.Declared, s: ast.Input) -> None:
    """An input; that of an inner cell is bound by whoever steps it."""
    shape = written_sizes.shape(f, s.shape, "the shape")
    if not declare_name(f, name, "input"):
        return
    if shape is None:
        bind(f, name, "input", Unknown())
        return
    if not f.prefix:
        f.walk.inputs.append(ArraySpec(name.id, _as_written(f, s.shape, shape)))
        leaf = f.walk.leaf("input", name.id, shape, Rows.STEP)
        bind(f, name, "input", Tensor(leaf, shape, reasons(s.shape)))
    else:
        bind(f, name, "input", Unknown())


def _as_written(f: Frame, listing: ast.ListOf, shape: Shape) -> Shape:
    """The declared shape in its own dims, before `require`s have made them one."""
    facts, kept = f.walk.facts, f.walk.facts.same
    facts.same = {n: v for n, v in kept.items() if v.constant is not None}
    try:
        found = written_sizes.shape(f, listing, "the shape")
    finally:
        facts.same = kept
    return found or shape


def declare_state(f: Frame, name: ast.Declared, s: ast.State) -> None:
    shape = written_sizes.shape(f, s.shape, "the shape")
    if not declare_name(f, name, "state"):
        return
    if shape is None:
        bind(f, name, "state", Unknown())
        f.nexts.setdefault(name.id, None)
        return
    w, public = f.walk, f.prefix + name.id
    leaf = w.leaf("state", public, shape, Rows.STEP)
    entry = StateEntry(public, shape, name.span)
    w.states[public] = entry
    if s.init is not None:
        w.origin(s.span)
        target = Target(shape)
        with targeting(f, target, "the start of a state"):
            entry.start = fitted(f, f.elaborate(s.init), s.init, target)
    bind(f, name, "state", Tensor(leaf, shape, reasons(s.shape)))
    f.nexts.pop(name.id, None)


def declare_array(f: Frame, name: ast.Declared, s: ast.Param | ast.Const) -> None:
    """A `param` or `const`."""
    kind: Kind = "param" if isinstance(s, ast.Param) else "const"
    shape = written_sizes.shape(f, s.shape, "the shape")
    if f.in_function and not f.base:
        f.error("E0403", f"a {kind} cannot be made here", s.span, "outside an equation")
        return
    if not declare_name(f, name, kind):
        return
    f.later.pop(name.id, None)
    bind(f, name, kind, Unknown())
    if shape is None:
        return
    public = f.base + ".".join([name.id, *map(str, f.iterations)])
    fan_in, fan_out = fans(shape)
    target = Target(shape, public, fan_in, fan_out)
    initial = _initial(f, s, target, name.span)
    leaf = parameter(f, public, shape, name.span, initial, kind)
    if leaf is not None:
        bind(f, name, kind, Tensor(leaf, shape, reasons(s.shape)))


def _initial(f: Frame, s: ast.Param | ast.Const, target: Target, span: Span) -> str | None:
    if s.init is not None:
        word = "param" if isinstance(s, ast.Param) else "const"
        return initial_value(f, s.init, target, f"the start of a {word}")
    return default_initial(f, target, span) if isinstance(s, ast.Param) else None
