"""Compute equal values once.  In: a Program.  Out: each (op, arguments, attributes) at most once.

A node that the tape keeps stays, even if it equals another: the tape knows it by name.
"""

from __future__ import annotations

from celldsl.ir.builder import Builder
from celldsl.ir.program import Node, Program
from celldsl.transforms.rewrite import rewrite


def cse(p: Program) -> Program:
    first: dict[tuple[object, ...], str] = {}

    def rule(_: Builder, node: Node) -> str | None:
        name = first.setdefault((node.op, node.args, node.attributes.exact), node.name)
        return None if name == node.name else name

    return rewrite(p, rule)
