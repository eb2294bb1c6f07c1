"""The body of a cell.  In: a cell and a environment.  Out: its declarations, then its equations.

Declarations come first, wherever they stand: equations may read a `param` that is written below
them, and an inner cell has its states before it is stepped.
"""

from __future__ import annotations

from collections.abc import Iterable

from celldsl.diagnostics.diagnostic import Fix, Label
from celldsl.semantics.conditions import require
from celldsl.semantics.context import Environment
from celldsl.semantics.conversions import number
from celldsl.semantics.declarations import KEPT, declare_array, declare_state
from celldsl.semantics.environment import Tensor, Unknown
from celldsl.semantics.inputs import declare_input
from celldsl.semantics.names import read
from celldsl.semantics.statements import branch, run, spell_later
from celldsl.semantics.unknown_names import value_meant
from celldsl.syntax import ast
from celldsl.syntax.hints.idioms import defined_names, timed_state


def declarations(f: Environment, cell: ast.Cell) -> None:
    """Requirements, then what is declared at the top level, in the order of the file."""
    f.later = spell_later(cell.body)
    arrays = [s for s in cell.body if isinstance(s, ast.Param | ast.Const)]
    f.later.update((name.id, name.span) for s in arrays for name in s.names)
    data = defined_names(cell.body)
    for s in cell.body:
        if isinstance(s, ast.Require):
            require(f, s, data)
    for s in cell.body:
        match s:
            case ast.Input(names):
                for name in names:
                    declare_input(f, name, s)
            case ast.State(names):
                for name in names:
                    declare_state(f, name, s)
            case ast.Param(names) | ast.Const(names):
                for name in names:
                    declare_array(f, name, s)
            case ast.If() if _declares(s):
                branch(f, s)


def _declares(s: ast.If) -> bool:
    """An `if` that holds declarations alone is one of them."""

    def alone(body: Iterable[ast.Statement]) -> bool:
        return all(
            isinstance(b, ast.Param | ast.Const) or (isinstance(b, ast.If) and _declares(b))
            for b in body
        )

    return alone(s.body) and alone(s.orelse or ())


def equations(f: Environment, cell: ast.Cell) -> list[Tensor | None]:
    """The rest of the body, and the values of the outputs."""
    declared = (ast.Input, ast.State, ast.Param, ast.Const, ast.Require, ast.Output)
    run(
        f,
        [
            s
            for s in cell.body
            if not isinstance(s, declared) and not (isinstance(s, ast.If) and _declares(s))
        ],
    )
    _check_states(f, cell)
    if cell.unread is None:
        _check_inner(f)
    return [_output(f, name) for name in _output_names(f, cell)]


def _check_states(f: Environment, cell: ast.Cell) -> None:
    """Exactly one next value for every state."""
    for s in cell.body:
        if not isinstance(s, ast.State):
            continue
        for name in s.names:
            binding = f.find(name.id)
            if name.id in f.nexts or binding is None or binding.span != name.span:
                continue
            if cell.unread is None:
                _no_next(f, cell, name)
            f.nexts[name.id] = None


def _no_next(f: Environment, cell: ast.Cell, name: ast.Declared) -> None:
    """A state without `h' = …`; an equation `h_t = …` or `new_h = …` may be meant to be that."""
    message, state = f"the state `{name.id}` has no next value", name.id
    for target, span in spell_later(cell.body).items():
        meant = timed_state(target, [state])
        if meant is not None and meant[1] != "old":
            f.error(
                "E0106",
                message,
                name.span,
                secondary=(Label(span, f"a value called `{target}` is not carried"),),
                help=f"write `{state}' = …`: the prime makes it the next value",
                fix=Fix(span, f"{state}'"),
            )
            return
    written = spell_later(cell.body).get(state)
    if written is not None:
        told = (Label(written, "it has one here, but not in every branch"),)
        help = f"add `{state}' = …` to the others; `{state}' = {state}` says that it stays"
        f.error("E0106", message, name.span, secondary=told, help=help)
        return
    bare = _bare(state)
    if bare is not None and any(_bare(target) == bare for target in spell_later(cell.body)):
        help = f"call the state `{bare}`: `{bare}` is what came in, and `{bare}' = …` goes out"
        f.error("E0106", message, name.span, help=help)
        return
    help = f"add `{state}' = …`; `{state}' = {state}` says that it stays"
    f.error("E0106", message, name.span, help=help)


def _bare(name: str) -> str | None:
    """The `h` of `h_prev` and `h_t`."""
    stem = name.partition("_")[0]
    return stem if timed_state(name, [stem]) else None


def _check_inner(f: Environment) -> None:
    for inner in f.all_inner:
        if inner.stepped is None and inner.name not in f.silenced:
            f.error(
                "E0309",
                f"the inner cell `{inner.name}` is never stepped",
                inner.span,
                help=f"step it once: `y = {inner.name}(…)`",
            )


def _output_names(f: Environment, cell: ast.Cell) -> tuple[ast.Name, ...]:
    lines = [s for s in cell.body if isinstance(s, ast.Output)]
    if not lines and cell.unread is not None:
        return ()
    if not lines:
        states = [n.id for s in cell.body if isinstance(s, ast.State) for n in s.names]
        help = f"add `output {states[0]}'`" if states else "add `output y`"
        f.error("E0108", f"`{cell.name.id}` has no output", cell.name.span, help=help)
        return ()
    for second in lines[1:]:
        first = Label(lines[0].span, "the first one")
        f.error(
            "E0108",
            "a cell has one `output` line",
            second.span,
            secondary=(first,),
            help="name all outputs in it: `output a, b`",
        )
    seen: dict[str, ast.Name] = {}
    for name in lines[0].names:
        if name.id in seen:
            first = Label(seen[name.id].span, "the first one")
            told = f"two outputs are called `{name.id}`"
            help = f"give one of them a name of its own: `old = {name.id}`"
            f.error("E0108", told, name.span, secondary=(first,), help=help)
        seen.setdefault(name.id, name)
    return lines[0].names


def _output(f: Environment, name: ast.Name) -> Tensor | None:
    if name.id in KEPT:
        told = f"`{name.id}` has a meaning in Python's interface and cannot be an output"
        f.error("E0104", told, name.span)
        return None
    shown = name.id + "'" * name.primed
    if f.find(name.id) is None and name.id not in f.hidden and name.id not in f.silenced:
        if name.id not in f.home.broken:
            help, fix = value_meant(f, name.id, name.span, name.primed)
            told = f"the output `{shown}` is never defined"
            add = f"add `{shown} = …`"
            f.error("E0107", told, name.span, help=help if fix else add, fix=fix)
        return None
    value = read(f, name)
    if isinstance(value, Tensor) and value.boolean:
        told, help = (
            f"`{shown}` is true or false, not a number",
            f"give `where({shown}, 1, 0)` a name",
        )
        label = "truth values are for `where`, `and`, `or` and `not` alone"
        f.error("E0211", told, name.span, label, help=help)
        return None
    return None if isinstance(value, Unknown) else number(f, value, name.span)
