"""Warnings: what is allowed and hardly meant.  In: the walks over a cell.  Out: W05xx.

What depends on the branch is told only where it holds in every walk that gets there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Span
from celldsl.semantics.reach import Reach, leaves_below, reach
from celldsl.semantics.walk import Notes, Walk
from celldsl.syntax import ast

Found = tuple[str, str, Span, str | None]
UNUSED = {
    "value": "value",
    "input": "input",
    "param": "parameter",
    "const": "const",
    "hyper": "hyperparameter",
}


def lint(cell: ast.Cell, walks: list[Walk], notes: Notes, report: Report) -> None:
    for code, message, span, help in (
        *_unused(cell, notes), *_old_state(notes), *_everywhere(cell, walks)
    ):  # fmt: skip
        report.add(code, message, span, help=help)


def _inside(cell: ast.Cell, span: Span) -> bool:
    own = cell.span
    return span.source is own.source and own.start <= span.start and span.end <= own.end


def _unused(cell: ast.Cell, notes: Notes) -> Iterator[Found]:
    for span, (kind, name) in notes.declared.items():
        if kind in UNUSED and span not in notes.used and _inside(cell, span):
            yield "W0501", f"the {UNUSED[kind]} `{name}` is never used", span, None


def _old_state(notes: Notes) -> Iterator[Found]:
    """One equation reads `h` where all others after `h' = …` read `h'`."""
    for name, place in notes.nexts.items():
        later = [s for s in notes.old_reads.get(name, ()) if s.start > place.end]
        new = [s for s in notes.new_reads.get(name, ()) if s.start > place.end]
        if len(later) == 1 and new and "." not in name and _line(later[0]) not in map(_line, new):
            message = f"this reads the old `{name}`, every other equation after it the new one"
            help = f"write `{name}'` if the new value is meant"
            yield "W0506", message, later[0], help


def _line(span: Span) -> int:
    return span.source.line_column(span.start)[0]


def _everywhere(cell: ast.Cell, walks: list[Walk]) -> Iterator[Found]:
    """What every walk finds in which its place exists."""
    found: Counter[Found] = Counter()
    there: Counter[Span] = Counter()
    for w in walks:
        ways = reach(w)
        there.update(set(_places(w)))
        found.update({f for f in _in_walk(w, ways) if _inside(cell, f[2])})
    for warning, count in found.items():
        if count == there[warning[2]]:
            yield warning


def _places(w: Walk) -> Iterator[Span]:
    yield from w.places.values()
    yield from w.steps.values()
    yield from (state.span for state in w.states.values())


def _in_walk(w: Walk, ways: Reach) -> Iterator[Found]:
    yield from _no_gradient(w, ways)
    yield from _states(w, ways)
    yield from _flat(w, ways)
    yield from _absorbed(w)


def _no_gradient(w: Walk, ways: Reach) -> Iterator[Found]:
    """Parameters that an output depends on, but not smoothly.

    What no output depends on is unused, and `step` and its like are told by themselves.  A loop
    makes several parameters at one place: all of them must be without gradient.
    """
    alive = {w.places[name] for name in w.params if name in ways.smoothly}
    told = {leaf for value, _ in _cutting(w, ways) for leaf in leaves_below(w, value)}
    for name in w.params:
        if name in ways.any and name not in told and w.places[name] not in alive:
            message = f"the gradient of the parameter `{name}` is always zero"
            yield "W0502", message, w.places[name], "make it a `const`, if that is meant"


def _states(w: Walk, ways: Reach) -> Iterator[Found]:
    for state in w.states.values():
        if state.name not in ways.any:
            message = f"the state `{state.name}` never reaches an output"
            yield "W0503", message, state.span, "it is computed for nothing"


def _cutting(w: Walk, ways: Reach) -> Iterator[tuple[str, Span]]:
    """`step` and its like, where a gradient comes to them and parameters or states lie below."""
    for value, span in w.steps.items():
        below = {w.leaves[name].kind for name in leaves_below(w, value)}
        if value in ways.smoothly and below & {"param", "state"}:
            yield value, span


def _flat(w: Walk, ways: Reach) -> Iterator[Found]:
    for _, span in _cutting(w, ways):
        name, text = span.text.partition("(")[0], span.text
        yield (
            "W0505",
            f"`{name}` lets no gradient through",
            span,
            f"give it one: `surrogate({text}, …)`, or say `stop_gradient({text})`",
        )


def _absorbed(w: Walk) -> Iterator[Found]:
    """Two biases in one sum: one of them does nothing that the other cannot."""
    added = {arg for node in w.builder.nodes if node.op == "add" for arg in node.args}
    for node in w.builder.nodes:
        if node.op == "add" and node.name not in added:
            biases = [name for name in _terms(w, node.name) if name in w.params]
            for name in biases[1:]:
                first = biases[0]
                message = f"the bias `{name}` adds to `{first}`: one of them is enough"
                yield "W0504", message, w.places[name], "leave one out: `bias=false`"


def _terms(w: Walk, value: str) -> Iterator[str]:
    """The terms of a sum, from left to right."""
    waiting = [value]
    while waiting:
        name = waiting.pop()
        node = w.builder.defined.get(name)
        if node is not None and node.op == "add":
            waiting += reversed(node.args)
        elif node is not None and node.op in ("broadcast", "reshape"):
            waiting.append(node.args[0])
        else:
            yield name
