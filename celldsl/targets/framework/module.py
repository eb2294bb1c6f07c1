"""The text of a module.  In: a lowered cell, a dialect, the functions that are a library's own.

Out: header, helpers that are called, tuples, functions.  Convolutions are as libraries know them:

    w = window(x); einsum(w, K, "ikl,jik->jl")        conv(x, K)

`conv` is no operation of the table: the Program goes to a printer, and to nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from celldsl.ir.attributes import KERNEL, NONE, SPEC
from celldsl.ir.ops.contractions import spec_parts
from celldsl.ir.program import Node, Program, Rows, Type
from celldsl.ir.size import shape_text
from celldsl.ir.spec import CellSpec
from celldsl.structs import record, replace
from celldsl.targets.docstrings import in_docstring
from celldsl.targets.framework.dialect import Dialect
from celldsl.targets.framework.initial import Initial, initial_source
from celldsl.targets.framework.names import Names, nest_of
from celldsl.targets.framework.parts import split
from celldsl.targets.framework.public import Cell


@record
class Unit:
    """`source` is the name of the file, `digest` its text's, `version` ours."""

    spec: CellSpec
    program: Program
    source: str
    digest: str
    version: str


# Names that every generated file uses.
RESERVED = (
    "params", "constants", "settings", "lead", "times", "state", "lengths", "reverse", "masks",
    "live", "steps", "key", "dtype", "device", "math", "zlib", "NamedTuple", "SETTINGS",
    "prepare", "project", "advance", "initial_state", "draw_masks", "initial_values", "step",
    "forward", "check", "no_steps", "self", "training", "like", "order", "body", "now", "t",
    "resets", "begin", "fresh",
)  # fmt: skip


def cell_of(unit: Unit, dialect: Dialect) -> tuple[Cell, Initial]:
    """All pieces of a module but its text."""
    spec = unit.spec
    if spec.products:
        # The cotangent of a product is a factor of its gradients' products.
        dialect = replace(dialect, product="round_gradient({0})")
    names = Names((*RESERVED, *dialect.reserved, *dialect.helpers))
    parts = split(join_convolutions(unit.program), spec, dialect, names)
    several = len(spec.outputs) > 1
    outputs = nest_of("Output", [o.name for o in spec.outputs], names) if several else None
    apart = Names((*RESERVED, *dialect.reserved, *dialect.helpers))
    return Cell(spec, dialect, parts, outputs), initial_source(spec, dialect, apart)


def header(unit: Unit, dialect: Dialect, target: str, usage: Sequence[str]) -> str:
    """The docstring of the module."""
    spec, source = unit.spec, in_docstring(unit.source)
    lines = [
        f'"""{spec.name} in {dialect.title}\'s own operations.',
        "",
        f"Made by celldsl {unit.version} from {source} (sha256 {unit.digest}…) with",
        f"`celldsl compile {source} --target {target}`; it needs {dialect.title} alone.",
        "",
        *(f"    {in_docstring(line)}".rstrip() for line in spec.text.splitlines()),
        "",
        *usage,
    ]
    for title, items in (("Parameters", spec.params), ("Constants", spec.consts)):
        if items:
            lines += ["", f"{title}:", *(f"    {i.name}: {shape_text(i.shape)}" for i in items)]
    fixed = [f"{h.name}={h.value}" for h in spec.hypers if h.fixed]
    fixed += [f"{d.name}={d.fixed}" for d in spec.dims if d.fixed is not None]
    if fixed:
        lines += ["", f"Its structure is fixed: {', '.join(fixed)}."]
    return "\n".join([*lines, '"""'])


def settings_source(spec: CellSpec, told: Iterable[str]) -> str:
    """The run-time hyperparameters with their defaults."""
    values = [
        f'"{h.name}": {h.value!r}' for h in spec.hypers if not h.fixed and h.value is not None
    ]
    sizes = list(told)
    note = f"  # and the sizes {', '.join(sizes)}, which no array tells" if sizes else ""
    return f"SETTINGS = {{{', '.join(values)}}}{note}"


def tuples_source(cell: Cell, array: str) -> list[str]:
    """The classes of states and outputs."""
    shapes = {s.name: shape_text(s.shape) for s in cell.spec.states}
    found = cell.parts.values.nest.classes(array, shapes)
    if cell.outputs is not None:
        shapes = {o.name: shape_text(o.shape) for o in cell.spec.outputs}
        found += cell.outputs.classes(array, shapes)
    return found


def with_helpers(pieces: Sequence[str], helpers: Mapping[str, str]) -> list[str]:
    """The helpers that the pieces call, and those that these call, in their own order."""
    wanted: set[str] = set()
    pending = list(pieces)
    while pending:
        text = pending.pop()
        for name in re.findall(r"(?<![\w.])(\w+)(?=\(|\.apply)", text):
            if name in helpers and name not in wanted:
                wanted.add(name)
                pending.append(helpers[name])
    return [text for name, text in helpers.items() if name in wanted]


def imports(lines: Mapping[str, str], text: str) -> str:
    """The imports of which the name is used; `lines` are statements by the name."""
    return "\n".join(line for name, line in lines.items() if re.search(rf"\b{name}\b", text))


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
