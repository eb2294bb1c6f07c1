"""Who reads whom in a cell.  In: a syntax tree.  Out: its values in columns, from left to right.

    flow = flow_of(cell)
    flow.columns        [[x, h], [r u], [c], [h']]

A value stands to the right of all that it reads; inputs and states that came in begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from celldsl.structs import record
from celldsl.syntax import ast

PRODUCTS = ("linear", "group_linear", "conv", "dot", "outer")
Kind = Literal["input", "state", "value", "product", "next"]


@record
class Box:
    """What is drawn for an input, a state or an equation; `reads` are names of other boxes."""

    names: tuple[str, ...]
    kind: Kind
    text: str
    reads: tuple[str, ...]


@record
class Flow:
    """`outputs` are names; `states` lead from what goes out of a step to what comes in."""

    columns: tuple[tuple[Box, ...], ...]
    outputs: tuple[str, ...]
    states: tuple[tuple[str, str], ...]


def flow_of(cell: ast.Cell) -> Flow:
    boxes = list(_boxes(cell.body))
    known = {name for box in boxes for name in box.names}
    depth: dict[str, int] = {}
    columns: dict[int, list[Box]] = {}
    for box in boxes:
        place = 1 + max((depth[name] for name in box.reads if name in depth), default=-1)
        depth.update((name, place) for name in box.names if name not in depth)
        columns.setdefault(place, []).append(box)
    outputs = tuple(
        _label(name.id, name.primed)
        for statement in cell.body
        if isinstance(statement, ast.Output)
        for name in statement.names
    )
    states = [name for box in boxes if box.kind == "state" for name in box.names]
    pairs = tuple((f"{name}'", name) for name in states if f"{name}'" in known)
    return Flow(tuple(tuple(columns[k]) for k in sorted(columns)), outputs, pairs)


def _boxes(body: Iterable[ast.Statement]) -> Iterator[Box]:
    for statement in body:
        match statement:
            case ast.Input(names=declared):
                yield from (Box((n.id,), "input", "", ()) for n in declared)
            case ast.State(names=declared):
                yield from (Box((n.id,), "state", "", ()) for n in declared)
            case ast.Equation(targets=targets, value=value):
                names = tuple(_label(t.id, t.primed) for t in targets)
                text = " ".join(value.span.text.split())
                reads = tuple(dict.fromkeys(_reads(value)))
                yield Box(names, _kind(targets, value), text, reads)
            case ast.For(body=inner):
                yield from _boxes(inner)
            case ast.If(body=inner, orelse=other):
                yield from _boxes((*inner, *(other or ())))


def _kind(targets: tuple[ast.Target, ...], value: ast.Expr) -> Kind:
    if any(target.primed for target in targets):
        return "next"
    return "product" if any(_is_product(e) for e in _inside(value)) else "value"


def _is_product(e: ast.Expr) -> bool:
    match e:
        case ast.Call(function=name):
            return name in PRODUCTS
        case ast.Binary(op=op):
            return op == "@"
    return False


def _reads(value: ast.Expr) -> Iterator[str]:
    for e in _inside(value):
        match e:
            case ast.Name(id=name, primed=primed):
                yield _label(name, primed)
            case ast.Attribute(owner=owner, id=name, primed=primed):
                yield _label(f"{owner}.{name}", primed)


def _label(name: str, primed: bool) -> str:
    return f"{name}'" if primed else name


def _inside(e: ast.Expr | ast.Range | None) -> Iterator[ast.Expr]:
    """An expression and all those in it."""
    match e:
        case None:
            return
        case ast.Range(low=low, high=high):
            parts: tuple[ast.Expr | ast.Range | None, ...] = (low, high)
        case ast.Unary(operand=operand):
            parts = (operand,)
        case ast.Binary(left=left, right=right):
            parts = (left, right)
        case ast.Call(args=args, keywords=keywords):
            parts = (*args, *(k.value for k in keywords))
        case ast.ListOf(items=items):
            parts = items
        case ast.Index(value=value, items=items):
            parts = (value, *items)
        case _:
            parts = ()
    if not isinstance(e, ast.Range):
        yield e
    for part in parts:
        yield from _inside(part)
