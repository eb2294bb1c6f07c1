"""What a running cell asks the compiler.  In: the sources that a class carries.  Out: answers.

equations((("gru.cell", text),))        # the formatted text, without comments and docstrings
first_not_finite(described, hypers, row, "float32", None)       # a Finding, or None
observing(described, "states")          # the class that goes back from all states
values(described)                       # what equations define, and what that is the same as
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from celldsl.api import open_sources
from celldsl.carried_files import carried
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.span import Source
from celldsl.first_not_finite import Finding, Row, first_in_backward, first_in_forward
from celldsl.ir.program import Program
from celldsl.pipeline import Artefacts, Observed, front
from celldsl.semantics.lower import Lowered
from celldsl.structs import replace
from celldsl.syntax.format.format import format_equations
from celldsl.targets.reference import evaluate
from celldsl.transforms.observe import backward_with_states

Structure = tuple[tuple[str, Any], ...]
Cotangents = tuple[Mapping[str, Any], Mapping[str, Any]]  # of outputs, of final states
__all__ = [
    "Row", "equations", "first_not_finite", "lowered_of", "observing", "outputs_of", "values",
]  # fmt: skip


def equations(sources: Sequence[Sequence[str]]) -> str:
    """All files of a cell, laid out, without what only people read."""
    return "\n".join(_equations(str(name), str(text)) for name, text in sources)


def _equations(name: str, text: str) -> str:
    try:
        return format_equations(Source(name, text))
    except CellError:  # of a language that was another, or of a file that was changed by hand
        return text


def first_not_finite(
    described: Any,
    hypers: Mapping[str, Any],
    row: Row,
    dtype: str,
    back: Cotangents | None,
    every: bool = False,
) -> Finding | None:
    """Where a value of a row stops being finite; with cotangents, one of the way back.

    `described` is the Description of the cell's class, which carries its sources.  With `every` the
    states after each step are outputs too.
    """
    lowered = lowered_of(described)
    program = lowered.program
    row = replace(row, leaves={**row.leaves, **_numbers(program, hypers)})
    if back is None:
        return first_in_forward(program, row, dtype)
    forward, backward = Artefacts(lowered).differentiated
    if every:
        backward = backward_with_states(backward)
    return first_in_backward(forward, backward, row, *back, dtype)


def outputs_of(
    described: Any,
    hypers: Mapping[str, Any],
    leaves: Mapping[str, Any],
    dims: Mapping[str, int],
    steps: int,
) -> list[Any]:
    """What a cell gives out over some steps of one sequence, as the reference has it: (T, 1, …)."""
    program = lowered_of(described).program
    run = evaluate(program, {**leaves, **_numbers(program, hypers)}, dims, steps, 1)
    return [run.results["output", output.name] for output in described.outputs]


def _numbers(program: Program, hypers: Mapping[str, Any]) -> dict[str, Any]:
    """The hyperparameters that are numbers of a run."""
    read = {leaf.name for leaf in program.leaves if leaf.kind == "hyper"}
    return {name: np.float64(value) for name, value in hypers.items() if name in read}


def lowered_of(described: Any, seen: bool = False) -> Lowered:
    """The Program of a class, with what its author called its values, as it was written.

    With `seen` it holds the values of all equations.
    """
    return _lowered(*_written(described), seen)


def observing(described: Any, observed: Observed) -> Any:
    """The class of the same cell that has more outputs, as `observed` says."""
    sources, cell, structure = _written(described)
    return open_sources(sources, cell, dict(structure), described.without, observed)


class Value(NamedTuple):
    """What an equation defines.  `same` is ("output", "y") or ("next", "h") where it is that.

    `once` says that parameters alone decide it.
    """

    name: str
    same: tuple[str, str] | None
    once: bool
    boolean: bool


def values(described: Any) -> list[Value]:
    """What the equations of a cell define, in order."""
    lowered = lowered_of(described, seen=True)
    program = lowered.program
    same = {result.value: ("output", result.name) for result in program.results}
    same |= {state.next: ("next", state.name) for state in program.states}
    return [
        Value(each.name, same.get(each.value), each.once, each.boolean) for each in lowered.seen
    ]


def _written(described: Any) -> tuple[tuple[tuple[str, str], ...], str, Structure]:
    """The sources of a cell, its name, and the structure that its code is good for."""
    sources = tuple((str(name), str(text)) for name, text in described.sources)
    return sources, described.name, described.structure


@cache
def _lowered(
    sources: tuple[tuple[str, str], ...], cell: str, structure: Structure, seen: bool = False
) -> Lowered:
    """A cell as it was written, without a pass over it; with `seen` all that equations define."""
    name, text = sources[0]
    root = carried(sources)
    return front(Source(name, text), Report(), cell, dict(structure), root, root / name, seen)
