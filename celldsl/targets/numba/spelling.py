"""Sizes and names of values in generated code.  In: Sizes, Programs.  Out: Python text.

size_code(3*H + @R)        "3*d_H + n_rows"
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import lcm

from celldsl.ir.program import Node, Origin, Program
from celldsl.ir.size import Size

EXTENTS = {"@R": "n_rows", "@B": "n_batch", "@S": "n_states", "@K": "n_kept", "@parts": "parts"}


def kernel_dim(name: str) -> str:
    """What kernels call a dim, or a number of rows."""
    return EXTENTS.get(name) or f"d_{name}"


def size_code(size: Size, spelled: Callable[[str], str] = kernel_dim) -> str:
    """An integer expression.  Quotients are taken last, so that they are exact."""
    divisor = Size.of(lcm(*(c.denominator for _, c in size.terms)) if size.terms else 1)
    for name in sorted(size.dims):
        lowest = min(dict(monomial).get(name, 0) for monomial, _ in size.terms)
        for _ in range(max(-lowest, 0)):
            divisor = divisor * Size.dim(name)
    if divisor == Size.of(1):
        return size.text(spelled)
    return f"({(size * divisor).text(spelled)}) // ({divisor.text(spelled)})"


def friendly_names(program: Program) -> dict[str, str]:
    """The user's own names for what equations define: `c'` is `c_next`.

    After optimisation the values of an equation are those of its nodes that no other of its nodes
    reads; where there are as many as targets they are named, in order.
    """
    groups: dict[Origin, list[Node]] = {}
    for node in program.nodes():
        if node.origin is not None and node.op not in ("number", "size"):
            groups.setdefault(node.origin, []).append(node)
    found: dict[str, str] = {}
    for origin, nodes in groups.items():
        read = {arg for node in nodes for arg in node.args}
        values = [node.name for node in nodes if node.name not in read]
        targets = re.findall(r"([A-Za-z]\w*)('?)\s*(?=[,=])", origin.text.split("=")[0] + "=")
        if len(values) == len(targets):
            for value, (name, prime) in zip(values, targets, strict=True):
                label = f"{name}{'_next' if prime else ''}"
                # The values of the backward program are called so.
                if label not in found.values() and not re.fullmatch(r"b\d+", label):
                    found[value] = label
    return found
