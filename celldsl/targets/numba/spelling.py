"""Names and sizes in generated code.  In: Sizes, values, arrays.  Out: Python text.

    size_code(3*H + @R)        "3*d_H + n_rows"
    value_name("%12")          "v_12"

Names of a `.cell` file never stand in generated code as they are: `d_` begins a dim, `v_` a value,
`m_` a pointer to one, `at_` the beginning of a buffer, `in_`, `out_`, `dout_`, `start_` … an array.
"""

from __future__ import annotations

import re
from math import lcm

from celldsl.ir.program import Node, Origin, Program
from celldsl.ir.size import Size

EXTENTS = {"@R": "n_rows", "@B": "n_batch", "@S": "n_states", "@K": "n_kept", "@parts": "parts"}
PREFIXES = {
    "in": "in_",
    "out": "out_",
    "d_out": "dout_",
    "d_in": "din_",
    "state_in": "start_",
    "state_out": "final_",
    "d_final": "dfinal_",
    "d_start": "dstart_",
}
# Both directions call theirs so.
ROLES = {"forward_work": "work", "backward_work": "work", "backward_fixed": "fixed"}


def size_code(size: Size) -> str:
    """An integer expression.  Quotients are taken last, so that they are exact."""
    divisor = Size.of(lcm(*(c.denominator for _, c in size.terms)) if size.terms else 1)
    for name in sorted(size.dims):
        lowest = min(dict(monomial).get(name, 0) for monomial, _ in size.terms)
        for _ in range(max(-lowest, 0)):
            divisor = divisor * Size.dim(name)
    if divisor == Size.of(1):
        return _named(str(size))
    return f"({_named(str(size * divisor))}) // ({_named(str(divisor))})"


def factor_code(size: Size) -> str:
    """As `size_code`, in brackets where it must stand beside `*`."""
    code = size_code(size)
    return code if re.fullmatch(r"\w+", code) else f"({code})"


def _named(text: str) -> str:
    return re.sub(r"@?[A-Za-z_]\w*", lambda m: EXTENTS.get(m[0], f"d_{m[0]}"), text)


def value_name(value: str, friendly: dict[str, str] | None = None) -> str:
    if friendly and value in friendly:
        return friendly[value]
    return "v_" + re.sub(r"\W+", "_", value).strip("_")


def array_name(array: str) -> str:
    """The kernel argument of an array: `in:x` is `in_x`."""
    role, _, name = array.partition(":")
    # A state of an inner cell, `g.h`, may stand beside one that is called `g_h`.
    return PREFIXES[role] + name.replace(".", "__") if name else ROLES.get(array, array)


def friendly_names(program: Program) -> dict[str, str]:
    """The user's own names for what equations define: `c'` is `v_c_next`.

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
                label = f"v_{name}{'_next' if prime else ''}"
                # The values of the backward program are called so.
                if label not in found.values() and not re.fullmatch(r"v_b\d+", label):
                    found[value] = label
    return found
