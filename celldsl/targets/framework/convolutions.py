"""Convolutions as libraries know them.  In: a Program.  Out: `conv` for a window and its product.

    w = window(x); einsum(w, K, "ikl,jik->jl")        conv(x, K)

`conv` is no operation of the table: the Program goes to a printer, and to nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping

from celldsl.ir.attributes import KERNEL, NONE, SPEC
from celldsl.ir.ops.contractions import spec_parts
from celldsl.ir.program import Node, Program, Rows, Type
from celldsl.structs import replace


def join_convolutions(program: Program) -> Program:
    types = program.types()
    windows = {node.name: node for node in program.nodes() if node.op == "window"}

    def joined(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(_convolution(node, windows, types) or node for node in nodes)

    regions = [joined(nodes) for nodes in (program.before, program.step, program.after)]
    read = {arg for nodes in regions for node in nodes for arg in node.args}
    unread = windows.keys() - read - set(program.wanted())
    return program.with_regions(
        *(tuple(node for node in nodes if node.name not in unread) for nodes in regions)
    )


def _convolution(node: Node, windows: Mapping[str, Node], types: Mapping[str, Type]) -> Node | None:
    """The node as a convolution, where it is one."""
    if node.op != "einsum" or node.args[0] not in windows:
        return None
    window, kernel = windows[node.args[0]], node.args[1]
    taps = window[KERNEL]
    seen, weight, out = spec_parts(node[SPEC])
    n = len(taps)
    channel, tapped, space = seen[0], seen[1 : n + 1], seen[n + 1 :]
    fits = weight[1:] == channel + tapped and out == weight[0] + space and len(space) == n
    if not fits or types[kernel].rows != Rows.ONCE:
        return None
    return replace(node, op="conv", args=(window.args[0], kernel), attributes=NONE)
