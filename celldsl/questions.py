"""What a running cell asks the compiler.  In: the sources that a class carries.  Out: answers.

equations((("gru.cell", text),))        # the formatted text, without comments and docstrings
    first_not_finite(described, hypers, row, "float32", None)       # a Finding, or None
plain_source(sources, "GRU", (("activation", "tanh"),), digest, "jax")  # a module's text
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.span import Source
from celldsl.first_not_finite import Finding, Row, first_in_backward, first_in_forward
from celldsl.pipeline import Artefacts, front
from celldsl.semantics.lower import Lowered
from celldsl.structs import replace
from celldsl.syntax.format.format import format_equations
from celldsl.targets.table import TARGETS

Cotangents = tuple[Mapping[str, Any], Mapping[str, Any]]  # of outputs, of final states
__all__ = ["Row", "equations", "first_not_finite", "plain_source"]


def equations(sources: Sequence[Sequence[str]]) -> str:
    """All files of a cell, laid out, without what only people read."""
    return "\n".join(_equations(str(name), str(text)) for name, text in sources)


def _equations(name: str, text: str) -> str:
    try:
        return format_equations(Source(name, text))
    except CellError:  # of a language that was another, or of a file that was changed by hand
        return text


def first_not_finite(
    described: Any, hypers: Mapping[str, Any], row: Row, dtype: str, back: Cotangents | None
) -> Finding | None:
    """Where a value of a row stops being finite; with cotangents, one of the way back.

    `described` is the Description of the cell's class, which carries its sources.
    """
    lowered = _lowered(
        tuple((str(name), str(text)) for name, text in described.sources),
        described.name,
        tuple((h.name, h.value) for h in described.hypers if h.fixed)
        + tuple((d.name, d.fixed) for d in described.dims if d.fixed is not None),
    )
    program = lowered.program
    read = {leaf.name for leaf in program.leaves if leaf.kind == "hyper"}
    numbers = {name: np.float64(value) for name, value in hypers.items() if name in read}
    row = replace(row, leaves={**row.leaves, **numbers})
    if back is None:
        return first_in_forward(program, row, dtype)
    return first_in_backward(*Artefacts(lowered).differentiated, row, *back, dtype)


def plain_source(
    sources: tuple[tuple[str, str], ...],
    cell: str,
    structure: tuple[tuple[str, Any], ...],
    digest: str,
    target: str,
) -> str:
    """The text of a cell in a library's own operations, as `celldsl compile --target` writes it."""
    unit = Artefacts(_lowered(sources, cell, structure)).plain_unit(sources[0][0], digest)
    text: str = TARGETS[target].writer()(unit)
    return text


@cache
def _lowered(
    sources: tuple[tuple[str, str], ...], cell: str, structure: tuple[tuple[str, Any], ...]
) -> Lowered:
    """A cell as it was written, without a pass over it."""
    (name, text), *used = sources
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for each, content in used:
            (root / each).parent.mkdir(parents=True, exist_ok=True)
            (root / each).write_text(content, encoding="utf-8")
        source, report = Source(name, text), Report()
        return front(source, report, cell, dict(structure), root, root / name)
