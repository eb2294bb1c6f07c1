"""A cell as a program.  In: a checked file, a cell's name, a choice of structure.  Out: Lowered.

The nodes of one walk with that structure.  What depends on parameters alone stands in `before`,
as does the start of the states and what lasts a sequence; everything else in the step.

    dropout(h, rate)        0 <= rate < 1, checked when a cell is built and when `rate` changes

A rate that depends on what a cell reads is known only while it runs, and is not checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Span
from celldsl.ir.attributes import KIND
from celldsl.ir.notes import Notes
from celldsl.ir.ops.spelling import value_text
from celldsl.ir.program import Node, Program, Result, Rows, State
from celldsl.ir.size import Shape
from celldsl.ir.spec import ArraySpec, CellSpec, Condition, DimSpec, HyperSpec
from celldsl.semantics.cell import analyse_cell
from celldsl.semantics.check import Checked, merge
from celldsl.semantics.conditions import size_code
from celldsl.semantics.context import Context
from celldsl.semantics.conversions import as_tensor
from celldsl.semantics.environment import Real, Static, Tensor, Truth, Usage
from celldsl.semantics.pairs import stored
from celldsl.semantics.structure import Choices, Setting, kind_of, setting_of
from celldsl.structs import field, record, replace
from celldsl.syntax import ast


@record
class Seen:
    """A value that an equation defines: its public name (`v.0`, `g.r`, `h'`), and in the Program.

    `once` says that parameters alone decide it.
    """

    name: str
    value: str
    shape: Shape
    once: bool
    boolean: bool


@record
class Lowered:
    """`notes` say what authors called values, for pictures; `seen` are the values of all equations,
    where they were asked for.
    """

    program: Program
    spec: CellSpec
    notes: Notes = field(default_factory=Notes, compare=False)
    seen: tuple[Seen, ...] = ()


def lower(
    checked: Checked,
    cell_name: str,
    structure: Mapping[str, Setting],
    report: Report,
    *,
    seen: bool = False,
) -> Lowered | None:
    """The forward program of a cell, and what its user sees; None after errors.

    With `seen` the program holds the values of all equations, read or not.
    """
    cell, home = checked.module.cells[cell_name]
    choices = Choices(False, given=structure)
    context = analyse_cell(cell, home, choices, Usage())
    for name in sorted(choices.missing):
        context.report.add(
            "E0306",
            f"`{name}` decides the structure of `{cell_name}` and has no default",
            _place(cell, name),
            help=f"give it a value: `--set {name}=VALUE`",
        )
    merge(report, context.report)
    if context.report.has_errors:
        return None
    values = tuple(_seen(context)) if seen else ()
    program = _program(cell, context, {each.value for each in values})
    spec = _spec(cell, context)
    rates = rate_conditions(program)
    spec = replace(spec, conditions=(*spec.conditions, *rates))
    return Lowered(program, spec, context.notes, values)


def _seen(w: Context) -> Iterator[Seen]:
    """What equations define, in order; what is no number and no truth value is nothing to see."""
    for name, noted in w.noted.items():
        if isinstance(noted.value, Tensor | Static | Real | Truth):
            found = as_tensor(noted.environment, noted.value, noted.span)
            if found is not None:
                array = w.array(found.name)
                kind = w.builder.types[array]
                once = kind.rows == Rows.ONCE
                yield Seen(name, array, kind.shape, once, kind.boolean)


def _place(cell: ast.Cell, name: str) -> Span:
    named: tuple[ast.Dim | ast.Hyper, ...] = (*cell.dims, *cell.hyper)
    return next(each.span for each in named if each.id == name)


def _program(cell: ast.Cell, w: Context, seen: set[str]) -> Program:
    early = [node for node in w.builder.nodes if node.type.rows < Rows.STEP]
    late = [node for node in w.builder.nodes if node.type.rows == Rows.STEP]
    return Program(
        name=cell.name.id,
        dims=tuple(dim.id for dim in cell.dims),
        leaves=tuple(w.leaves.values()),
        before=tuple(_needed(early, w, late, seen)),
        step=tuple(late),
        after=(),
        states=tuple(_states(w)),
        results=tuple(Result("output", spec.name, value) for spec, value in w.outputs),
    )


def _needed(early: list[Node], w: Context, late: list[Node], seen: set[str]) -> list[Node]:
    """What is read: numbers that were folded away leave nodes that nobody needs."""
    wanted = {arg for node in late for arg in node.args} | seen
    wanted |= {value for _, value in w.outputs}
    wanted |= {v for s in w.states.values() for v in (s.start, s.next) if v is not None}
    kept: list[Node] = []
    for node in reversed(early):
        if node.name in wanted:
            kept.append(node)
            wanted |= set(node.args)
        elif w.pairs:
            w.notes.complex.unread[node.name] = node
    return kept[::-1]


def _states(w: Context) -> list[State]:
    """Own states first, then those of each inner cell, in order of declaration."""
    found: list[State] = []

    def visit(prefix: str) -> None:
        for name, entry in w.states.items():
            if name.rpartition(".")[0] == prefix.rstrip("."):
                assert entry.next is not None
                found.append(State(name, entry.start, entry.next))
        for inner in w.below.get(prefix, []):
            visit(inner)

    visit("")
    return found


def _spec(cell: ast.Cell, w: Context) -> CellSpec:
    entries = w.states.values()
    shapes = {e.name: stored(e.shape) if e.complex else e.shape for e in entries}
    return CellSpec(
        name=cell.name.id,
        doc=cell.docstring or "",
        text=cell.span.text.rstrip(),
        dims=tuple(_dim(dim, w) for dim in cell.dims),
        hypers=tuple(_hyper(hyper, w) for hyper in cell.hyper),
        inputs=tuple(w.inputs),
        outputs=tuple(spec for spec, _ in w.outputs),
        states=tuple(ArraySpec(s.name, shapes[s.name]) for s in _states(w)),
        params=tuple(w.params.values()),
        consts=tuple(w.consts.values()),
        initial=_initial(w),
        conditions=tuple(w.conditions),
    )


def _initial(w: Context) -> tuple[Node, ...]:
    """What parameters begin with.  One that several calls share is made by the first alone."""
    wanted = {spec.value for spec in (*w.params.values(), *w.consts.values())}
    kept: list[Node] = []
    for node in reversed(w.initial.nodes):
        if node.name in wanted:
            kept.append(node)
            wanted.update(node.args)
    return tuple(reversed(kept))


def _dim(dim: ast.Dim, w: Context) -> DimSpec:
    fixed = None
    if dim.id in w.choices.structural:
        fixed = w.constraints.same[dim.id].constant
    return DimSpec(dim.id, w.dim_defaults[dim.id], fixed)


def _hyper(hyper: ast.Hyper, w: Context) -> HyperSpec:
    value = w.choices.given.get(hyper.id, setting_of(hyper.default))
    fixed = hyper.id in w.choices.structural
    return HyperSpec(hyper.id, "real" if value is None else kind_of(value), value, fixed)


# ---------------------------------------------------------------- rates of masks

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
