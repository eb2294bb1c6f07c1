"""Which equation takes the time.  In: a learner.  Out: lines, one for each equation.

Operations of both directions are counted for each equation, products by what they multiply and
elementwise ones by what their entry says they cost; the time that an update took is divided so.  It
is an estimate: kernels join what stands in several equations.  Products are counted before they are
merged, each for its own equation, and what is computed once for a call or a sequence is left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from celldsl.cli.trial.learning import Learner
from celldsl.ir.attributes import SPEC
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node, Program, Rows
from celldsl.ir.size import Size, product

# A product reaches several times the rate of elementwise work.
ELEMENT = 3.0


def profile(each: Learner, name: str) -> Iterator[str]:
    shares = _shares(each, name)
    pace = each.seconds / max(each.updates, 1)
    total = sum(shares.values()) or 1.0
    yield f"of the {1e3 * pace:.2f} ms that an update of {each.name} takes, by operations counted:"
    for (line, text), amount in sorted(shares.items(), key=lambda item: -item[1]):
        yield f"  {amount / total:>6.1%}  line {line}: {text}"


def _shares(each: Learner, name: str) -> dict[tuple[int, str], float]:
    from celldsl.api import file_of
    from celldsl.diagnostics.diagnostic import Report
    from celldsl.pipeline import Artefacts, front
    from celldsl.syntax.limits import read_source

    cell = each.model.cell
    found_file = file_of(name)
    source = read_source(found_file, Report())
    path = Path(found_file) if isinstance(found_file, str | os.PathLike) else None
    assert source is not None, "it was compiled"
    root = None if path is None else path.parent
    lowered = front(source, Report(), cell.description.name, {}, root, path)
    found: dict[tuple[int, str], float] = {}
    for program in Artefacts(lowered, ("merge_products",)).optimised:
        types = program.types()
        for node in program.nodes():
            each_step = any(types[v].rows == Rows.STEP for v in (node.name, *node.args))
            if node.origin is not None and each_step:
                key = node.origin.line, node.origin.text
                found[key] = found.get(key, 0.0) + amount(node, program, cell.dims)
    return found


def amount(node: Node, program: Program, dims: Mapping[str, int]) -> float:
    """What a node costs for one row of one step."""
    entry, types = OPS[node.op], program.types()
    if entry.kind in ("contract", "rows") and SPEC in entry.attributes:
        operands = node[SPEC].partition("->")[0].split(",")
        sizes: dict[str, Size] = {}
        for letters, arg in zip(operands, node.args, strict=True):
            sizes.update(zip(letters, types[arg].shape, strict=True))
        return 2.0 * product(tuple(sizes.values())).evaluate(dims)
    return ELEMENT * entry.cost * product(node.type.shape).evaluate(dims)
