"""Warnings (W05xx): what is allowed and hardly meant.  In: the contexts of a cell.  Out: warnings.

What depends on the branch is told only where it holds in every context that gets there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from celldsl.diagnostics.diagnostic import Fix, Report
from celldsl.diagnostics.span import Span
from celldsl.ir.program import Node
from celldsl.semantics.context import Context
from celldsl.semantics.environment import Usage
from celldsl.semantics.lints.gradients import Reach, flat, no_gradient, reach
from celldsl.semantics.lints.inner import (
    ANY,
    separate_weights,
    states_read_around,
    steps_for_states,
)
from celldsl.semantics.lints.poles import poles
from celldsl.semantics.modules import Module
from celldsl.semantics.wording import Warned
from celldsl.syntax import ast
from celldsl.syntax.walk import parts

UNUSED = {
    "value": "value",
    "input": "input",
    "param": "parameter",
    "const": "const",
    "hyper": "hyperparameter",
}


def lint(
    cell: ast.Cell, home: Module, contexts: list[Context], usage: Usage, report: Report
) -> None:
    for code, message, span, help, instead in (
        *_unused(cell, usage),
        *_old_state(cell, usage),
        *_old_output(cell, usage),
        *_sizes_as_hypers(cell),
        *poles(cell),
        *_everywhere(cell, home, contexts),
    ):
        fix = None if instead is None else Fix(span, instead)
        report.add(code, message, span, help=help, fix=fix)


def _inside(cell: ast.Cell, span: Span) -> bool:
    own = cell.span
    return span.source is own.source and own.start <= span.start and span.end <= own.end


def _unused(cell: ast.Cell, usage: Usage) -> Iterator[Warned]:
    read = usage.used | steps_for_states(cell)
    for span, (kind, name) in usage.declared.items():
        if kind in UNUSED and span not in read and _inside(cell, span):
            yield "W0501", f"the {UNUSED[kind]} `{name}` is never used", span, None, None


def _old_state(cell: ast.Cell, usage: Usage) -> Iterator[Warned]:
    """One equation reads `h` where all others after `h' = …` read `h'`."""
    nexts = {
        s.targets[0].id: s
        for s in cell.body
        if isinstance(s, ast.Equation) and len(s.targets) == 1 and s.targets[0].primed
    }
    for name, place in usage.nexts.items():
        later = _after(place, usage.old_reads.get(name, ()))
        new = _after(place, usage.new_reads.get(name, ()))
        if _is_pair(nexts, name, later):
            continue
        if len(later) == 1 and new and "." not in name and _line(later[0]) not in map(_line, new):
            message = f"this reads the old `{name}`, every other equation after it the new one"
            help = f"write `{name}'` if the new value is meant"
            yield "W0506", message, later[0], help, f"{name}'"


def _is_pair(nexts: Mapping[str, ast.Equation], name: str, later: list[Span]) -> bool:
    """`re' = a*re - b*im` and `im' = a*im + b*re`: both of a pair read both as they came in."""
    own = _old_names(nexts[name].value) if name in nexts else set()
    return any(
        other != name
        and {name, other} <= own
        and {name, other} <= _old_names(s.value)
        and all(s.span.start <= read.start < s.span.end for read in later)
        for other, s in nexts.items()
    )


def _old_names(expression: ast.Expr) -> set[str]:
    """The names without a prime that an expression reads."""
    own = {expression.id} if isinstance(expression, ast.Name) and not expression.primed else set()
    return own.union(*map(_old_names, parts(expression)))


def _old_output(cell: ast.Cell, usage: Usage) -> Iterator[Warned]:
    """An output `h` where no equation after `h' = …` reads the old value either."""
    for name in (n for s in cell.body if isinstance(s, ast.Output) for n in s.names):
        place = None if name.primed else usage.nexts.get(name.id)
        if place is not None and not _after(place, usage.old_reads.get(name.id, ())):
            message = f"this gives the old `{name.id}`, as it was before this step"
            help = (
                f"write `{name.id}'` for the new value; if the old one is meant, give it a name: "
                f"`old = {name.id}`"
            )
            yield "W0506", message, name.span, help, f"{name.id}'"


def _sizes_as_hypers(cell: ast.Cell) -> Iterator[Warned]:
    """`cell LSTM(I, H)`: the sizes of the inputs stand among the hyperparameters."""
    shapes = [s.shape for s in cell.body if isinstance(s, ast.Input | ast.State)]
    sizes = {item.id for shape in shapes for item in shape.items if isinstance(item, ast.Name)}
    found = [hyper for hyper in cell.hyper if hyper.id in sizes and hyper.default is None]
    dims = ", ".join([dim.id for dim in cell.dims] + [hyper.id for hyper in found])
    for hyper in found:
        message = f"`{hyper.id}` is a size and stands among the hyperparameters"
        help = f"write `cell {cell.name.id}[{dims}]`: dims are open until a cell is built"
        yield "W0508", message, hyper.span, help, None


def _after(place: Span, reads: Iterable[Span]) -> list[Span]:
    return [span for span in reads if span.start > place.end]


def _line(span: Span) -> int:
    return span.source.line_column(span.start)[0]


def _everywhere(cell: ast.Cell, home: Module, contexts: list[Context]) -> Iterator[Warned]:
    """What every walk finds in which its place exists."""
    found: Counter[Warned] = Counter()
    there: Counter[Span] = Counter()
    for w in contexts:
        ways = reach(w)
        there.update(set(_places(w)))
        found.update({f for f in _in_walk(w, ways) if _inside(cell, f[2])})
    for warning, count in found.items():
        if count == there[warning[2]] and not _read_around(cell, home, warning):
            yield warning


def _read_around(cell: ast.Cell, home: Module, warning: Warned) -> bool:
    """Whether a state that reaches no output is there for the cells around."""
    if warning[0] != "W0503":
        return False
    read = states_read_around(home)
    return any(warning[2].text in read.get(name, ()) for name in (cell.name.id, ANY))


def _places(w: Context) -> Iterator[Span]:
    yield from w.places.values()
    yield from w.steps.values()
    yield from (call.name_span for calls in w.weight_calls.values() for call in calls)
    yield from (state.span for state in w.states.values())


def _in_walk(w: Context, ways: Reach) -> Iterator[Warned]:
    yield from no_gradient(w, ways)
    yield from _states(w, ways)
    yield from flat(w, ways)
    yield from _absorbed(w)
    yield from separate_weights(w)


def _states(w: Context, ways: Reach) -> Iterator[Warned]:
    for state in w.states.values():
        if state.name not in ways.any:
            message = f"the state `{state.name}` never reaches an output"
            yield "W0503", message, state.span, "it is computed for nothing", None


def _absorbed(w: Context) -> Iterator[Warned]:
    """Two biases in one sum, and nowhere else: one of them does nothing that the other cannot."""
    readers = _readers(w)
    added = {arg for node in w.builder.nodes if node.op == "add" for arg in node.args}
    for node in w.builder.nodes:
        if node.op == "add" and (node.name not in added or readers[node.name] > 1):
            biases = [name for name in _terms(w, node, readers) if name in w.params]
            for name in biases[1:]:
                first = biases[0]
                message = f"the bias `{name}` adds to `{first}`: one of them is enough"
                yield "W0504", message, w.places[name], _without(first, name), None


def _without(first: str, second: str) -> str:
    """How one of two biases is left out: an option of `linear`, or the line of a `param`."""
    made = first if "." in first else second
    if "." not in made:
        return f"leave `{second}` out"
    option = f"write `bias=false` where `{made.rpartition('.')[0]}` is defined"
    return option if "." in second else f"{option}, or leave `{second}` out"


def _readers(w: Context) -> Counter[str]:
    """How often each value is read, by an equation or from outside."""
    found = Counter(arg for node in w.builder.nodes for arg in node.args)
    found.update(value for _, value in w.outputs)
    found.update(v for s in w.states.values() for v in (s.start, s.next) if v is not None)
    return found


def _terms(w: Context, total: Node, readers: Counter[str]) -> Iterator[str]:
    """The terms of a sum that nobody else reads, from left to right."""
    waiting = [*reversed(total.args)]
    while waiting:
        name = waiting.pop()
        node = w.builder.defined.get(name)
        if readers[name] > 1:
            continue
        if node is not None and node.op == "add":
            waiting += reversed(node.args)
        elif node is not None and node.op in ("broadcast", "reshape"):
            waiting.append(node.args[0])
        else:
            yield name
