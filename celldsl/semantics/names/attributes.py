"""Names with a dot.  In: `g.h`, `g.h'`.  Out: states of inner cells, or what was meant instead."""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix
from celldsl.semantics.messages.outward import seen_outside
from celldsl.semantics.names.meant import nearest_of
from celldsl.semantics.names.names import current
from celldsl.semantics.walk.scope import Binding, a_kind
from celldsl.semantics.walk.values import Tensor, Unknown, Value
from celldsl.semantics.walk.walk import Frame, Inner
from celldsl.syntax import ast

# What arrays have elsewhere.
ATTRIBUTES = {
    **dict.fromkeys(("shape", "size", "ndim"), "sizes are the dims of the cell: `H`"),
    "dtype": "the dtype is given when the cell is built",
    **dict.fromkeys(("data", "grad"), "gradients are Python's side; see `stop_gradient(v)`"),
    "weight": "name the array: `param W: [H, I]`",
    "bias": "name the array: `param b: [H]`",
}


def read_inner(f: Frame, e: ast.Attribute) -> Value:
    """`g.h` and `g.h'`."""
    inner = f.inner.get(e.owner)
    binding = f.find(e.owner)
    if inner is None or binding is None or binding.kind != "sub":
        known = binding is not None and not isinstance(binding.value, Unknown)
        if known or (binding is None and e.owner not in f.silenced):
            _no_inner_cell(f, e, binding)
        return Unknown()
    f.walk.notes.used.add(binding.span)
    state = inner.frame.find(e.id)
    if state is None or state.kind != "state":
        names_of = [n for s in inner.frame.scopes for n, b in s.items() if b.kind == "state"]
        near = nearest_of(f, e.id, names_of)
        told = f"`{inner.cell.name.id}` has no state `{e.id}`"
        better = f"{e.owner}.{near}" + "'" * e.primed
        f.error(
            "E0101",
            told,
            e.span,
            help=f"did you mean `{better}`?" if near else _output_help(inner, e),
            fix=Fix(e.span, better) if near else None,
        )
        return Unknown()
    if not e.primed:
        return current(f, seen_outside(inner, state.value))
    found = inner.frame.nexts.get(e.id)
    if found is None and inner.stepped is None:
        f.error(
            "E0103",
            f"`{e.owner}.{e.id}'` is read before `{e.owner}` is stepped",
            e.span,
            help=f"call `{e.owner}(…)` first, or read the old `{e.owner}.{e.id}`",
        )
    return Unknown() if found is None else current(f, seen_outside(inner, found))


def _output_help(inner: Inner, e: ast.Attribute) -> str | None:
    outputs = [n.id for s in inner.cell.body if isinstance(s, ast.Output) for n in s.names]
    return f"an output is what the step gives: `{e.id} = {e.owner}(…)`" if e.id in outputs else None


def _no_inner_cell(f: Frame, e: ast.Attribute, binding: Binding | None) -> None:
    """`g.h` where `g` is no inner cell; `W.T` and `x.shape` are of other languages."""
    help, fix = ATTRIBUTES.get(e.id), None
    if e.id in ("T", "mT"):
        better = f"transpose({e.owner})"
        help, fix = f"write `{better}`", Fix(e.span, better)
        value = None if binding is None else binding.value
        if isinstance(value, Tensor) and len(value.shape) == 1:
            help, fix = "a vector is no row and no column: write `outer(a, b)` or `dot(a, b)`", None
    if binding is None:
        told = f"there is no inner cell `{e.owner}`"
        f.error("E0101", told, e.span, _cells_help(f), help=help, fix=fix)
        return
    f.error(
        "E0101",
        f"`{e.owner}` is {a_kind(binding.kind)}, which has no `{e.id}`",
        e.span,
        "a dot is for the states of inner cells",
        help=help,
        fix=fix,
    )


def _cells_help(f: Frame) -> str:
    return f"inner cells here: {', '.join(f.inner)}" if f.inner else "`sub` declares one"
