"""Rates of masks that are made of hyperparameters.  In: a program.  Out: conditions on them.

    dropout(h, rate)        0 <= rate < 1, checked when a cell is built and when `rate` changes

A rate that depends on what a cell reads is known only while it runs, and is not checked.
"""

from __future__ import annotations

from celldsl.ir.attributes import KIND
from celldsl.ir.ops.spelling import value_text
from celldsl.ir.program import Node, Program
from celldsl.ir.spec import Condition
from celldsl.semantics.conditions import size_code

RANGES = {"dropout": "0 <= {} < 1", "zoneout": "0 <= {} <= 1"}


def rate_conditions(program: Program) -> list[Condition]:
    """One for each rate that only hyperparameters and sizes decide."""
    nodes = {node.name: node for node in program.nodes()}
    hypers = {leaf.name for leaf in program.leaves if leaf.kind == "hyper"}
    found: dict[str, Condition] = {}
    for node in nodes.values():
        if node.op == "mask":
            kind, rate = node[KIND], node.args[0]
            code = _code(rate, nodes, hypers)
            if code is not None and "v[" in code:
                text = RANGES[kind].format(_text(rate, nodes, hypers))
                why = f"a rate of {kind} lies between 0 and 1"
                found[f"{kind} {code}"] = Condition(RANGES[kind].format(code), text, why)
    return list(found.values())


def _code(value: str, nodes: dict[str, Node], hypers: set[str]) -> str | None:
    """A value as Python over `v`; None where more than hyperparameters decides it."""
    if value in hypers:
        return f'v["{value}"]'
    node = nodes.get(value)
    if node is None or node.type.shape or node.op in ("mask", "draw"):
        return None
    args = [_code(arg, nodes, hypers) for arg in node.args]
    known = [arg for arg in args if arg is not None]
    if len(known) < len(args):
        return None
    return f"({value_text(node, known, [0] * len(known), size_code)})"


def _text(value: str, nodes: dict[str, Node], hypers: set[str]) -> str:
    """The hyperparameters by their names, which a message gives the values of."""
    if value in hypers:
        return value
    read, pending = [], [value]
    while pending:
        name = pending.pop()
        read += [name] if name in hypers else []
        pending += nodes[name].args if name in nodes else []
    return f"f({', '.join(dict.fromkeys(read))})"
