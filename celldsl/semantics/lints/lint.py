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
from celldsl.semantics.lints.gradients import Reach, leaves_below, reach
from celldsl.semantics.lints.inner import (
    ANY,
    separate_weights,
    states_read_around,
    steps_for_states,
)
from celldsl.semantics.lints.poles import Pole, old_names, poles
from celldsl.semantics.modules import Module
from celldsl.semantics.wording import short
from celldsl.syntax import ast

# Code, sentence, place, help, and what to put in the place.
Found = tuple[str, str, Span, str | None, str | None]
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
        *_poles(cell),
        *_everywhere(cell, home, contexts),
    ):
        fix = None if instead is None else Fix(span, instead)
        report.add(code, message, span, help=help, fix=fix)


def _inside(cell: ast.Cell, span: Span) -> bool:
    own = cell.span
    return span.source is own.source and own.start <= span.start and span.end <= own.end


def _unused(cell: ast.Cell, usage: Usage) -> Iterator[Found]:
    read = usage.used | steps_for_states(cell)
    for span, (kind, name) in usage.declared.items():
        if kind in UNUSED and span not in read and _inside(cell, span):
            yield "W0501", f"the {UNUSED[kind]} `{name}` is never used", span, None, None


def _old_state(cell: ast.Cell, usage: Usage) -> Iterator[Found]:
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
    own = old_names(nexts[name].value) if name in nexts else set()
    return any(
        other != name
        and {name, other} <= own
        and {name, other} <= old_names(s.value)
        and all(s.span.start <= read.start < s.span.end for read in later)
        for other, s in nexts.items()
    )


def _old_output(cell: ast.Cell, usage: Usage) -> Iterator[Found]:
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


def _sizes_as_hypers(cell: ast.Cell) -> Iterator[Found]:
    """`cell LSTM(I, H)`: the sizes of the inputs stand among the hyperparameters."""
    shapes = [s.shape for s in cell.body if isinstance(s, ast.Input | ast.State)]
    sizes = {item.id for shape in shapes for item in shape.items if isinstance(item, ast.Name)}
    found = [hyper for hyper in cell.hyper if hyper.id in sizes and hyper.default is None]
    dims = ", ".join([dim.id for dim in cell.dims] + [hyper.id for hyper in found])
    for hyper in found:
        message = f"`{hyper.id}` is a size and stands among the hyperparameters"
        help = f"write `cell {cell.name.id}[{dims}]`: dims are open until a cell is built"
        yield "W0508", message, hyper.span, help, None


def _poles(cell: ast.Cell) -> Iterator[Found]:
    """`where(x > 0, log(x), 0)`: the branch that is not chosen sends NaN back."""
    settings = frozenset({dim.id for dim in cell.dims} | {hyper.id for hyper in cell.hyper})
    for found in poles(cell.body, settings):
        whole, argument = found.whole.text, found.argument.text
        message = f"the gradient of `{whole}` is NaN where it is not chosen and `{argument}` is 0"
        if whole.startswith("log1p"):
            message = (
                f"the gradient of `{whole}` is NaN where it is not chosen and `{argument}` is -1"
            )
        help = f"choose inside as well: `{_replaced(found)}`"
        yield "W0510", message, found.argument, help, found.instead


def _replaced(found: Pole) -> str:
    start = found.argument.start - found.whole.start
    end = found.argument.end - found.whole.start
    return f"{found.whole.text[:start]}{found.instead}{found.whole.text[end:]}"


def _after(place: Span, reads: Iterable[Span]) -> list[Span]:
    return [span for span in reads if span.start > place.end]


def _line(span: Span) -> int:
    return span.source.line_column(span.start)[0]


def _everywhere(cell: ast.Cell, home: Module, contexts: list[Context]) -> Iterator[Found]:
    """What every walk finds in which its place exists."""
    found: Counter[Found] = Counter()
    there: Counter[Span] = Counter()
    for w in contexts:
        ways = reach(w)
        there.update(set(_places(w)))
        found.update({f for f in _in_walk(w, ways) if _inside(cell, f[2])})
    for warning, count in found.items():
        if count == there[warning[2]] and not _read_around(cell, home, warning):
            yield warning


def _read_around(cell: ast.Cell, home: Module, warning: Found) -> bool:
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


def _in_walk(w: Context, ways: Reach) -> Iterator[Found]:
    yield from _no_gradient(w, ways)
    yield from _states(w, ways)
    yield from _flat(w, ways)
    yield from _absorbed(w)
    yield from separate_weights(w)


def _no_gradient(w: Context, ways: Reach) -> Iterator[Found]:
    """Parameters that an output depends on, but not smoothly.

    What no output depends on is unused, and `step` and its like are told by themselves.  A loop
    makes several parameters at one place: all of them must be without gradient.
    """
    alive = {w.places[name] for name in w.params if name in ways.smoothly}
    told = {leaf for value, _ in _cutting(w, ways) for leaf in leaves_below(w, value)}
    stuck: dict[Span, list[str]] = {}
    for name in w.params:
        if name in ways.any and name not in told and w.places[name] not in alive:
            group = next((s for s, names in stuck.items() if _same_block(names[0], name)), None)
            stuck.setdefault(group or w.places[name], []).append(name)
    for place, names in stuck.items():
        listed = ", ".join(f"`{name}`" for name in names)
        what = "the parameter" if len(names) == 1 else "the parameters"
        help = "every way to an output stops gradients"
        if "." not in names[0]:
            help += ": make it a `const`, if that is meant"
        yield "W0502", f"the gradient of {what} {listed} is always zero", place, help, None


def _same_block(one: str, other: str) -> bool:
    """Whether two parameters are of one `linear` or norm."""
    return "." in one and one.rpartition(".")[0] == other.rpartition(".")[0]


def _states(w: Context, ways: Reach) -> Iterator[Found]:
    for state in w.states.values():
        if state.name not in ways.any:
            message = f"the state `{state.name}` never reaches an output"
            yield "W0503", message, state.span, "it is computed for nothing", None


def _cutting(w: Context, ways: Reach) -> Iterator[tuple[str, Span]]:
    """`step` and its like, where a gradient comes to them and parameters or states lie below.

    A `where` is one of them when it chooses by what is trained between values that are not, in no
    iteration of a loop.
    """
    there = [v for v in w.steps if v in ways.smoothly and v in w.builder.defined]
    nodes = {value: w.builder.defined[value] for value in there}
    wheres = [value for value in there if nodes[value].op == "where"]
    smooth = {w.steps[value] for value in wheres if _trained(w, nodes[value].args[1:])}
    for value in there:
        flat = nodes[value].args[:1] if value in wheres else nodes[value].args
        if w.steps[value] not in smooth and _trained(w, flat):
            yield value, w.steps[value]


def _trained(w: Context, values: Iterable[str]) -> bool:
    """Whether parameters or states lie below."""
    kinds = {w.leaves[name].kind for value in values for name in leaves_below(w, value)}
    return bool(kinds & {"param", "state"})


def _flat(w: Context, ways: Reach) -> Iterator[Found]:
    for _, span in _cutting(w, ways):
        name, text = span.text.lstrip("( ").partition("(")[0], short(span)
        yield (
            "W0505",
            f"`{name}` lets no gradient through",
            span,
            f"give it one: `surrogate({text}, …)`, or say `stop_gradient({text})`",
            None,
        )


def _absorbed(w: Context) -> Iterator[Found]:
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
