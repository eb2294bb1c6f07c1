"""What came of learning.  In: learners.  Out: curves, a table, a sentence; what takes the time.

    curves(learners, width=72)              # lines of a plot
    table(learners)                         # and of a table
    verdict(learners)                       # a sentence
    profile(learners[0], "gru.cell")        # a line for each equation

For a profile, operations of both directions are counted for each equation, products by what they
multiply and elementwise ones by what their entry says they cost; the time that an update took is
divided so.  It is an estimate: kernels join what stands in several equations.  Products are counted
before they are merged, each for its own equation, and what is computed once for a call or a
sequence is left out.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from celldsl.cli.output import write_figure
from celldsl.cli.trial.learning import Learner
from celldsl.ir.attributes import SPEC
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node, Program, Rows
from celldsl.ir.size import Size, product

MARKS, HEIGHT = "●▲■◆○△□◇", 12


def _by_name(learners: Sequence[Learner]) -> dict[str, list[Learner]]:
    found: dict[str, list[Learner]] = {}
    for each in learners:
        found.setdefault(each.name, []).append(each)
    return found


def curves(learners: Sequence[Learner], width: int) -> Iterator[str]:
    """A plot of scores over updates, of the first seed of each cell."""
    first = [group[0] for group in _by_name(learners).values()]
    points = [(k, p) for k, each in enumerate(first) for p in each.curve if math.isfinite(p.score)]
    if not points:
        return
    scores = [p.score for _, p in points]
    low, high = min(scores), max(scores)
    log = low > 0 and high / low > 20
    scale = np.log if log else float
    bottom, top = float(scale(low)), float(scale(high))
    last = max(p.updates for _, p in points) or 1
    grid = [[" "] * width for _ in range(HEIGHT)]
    for k, p in points:
        column = round((width - 1) * p.updates / last)
        share = (float(scale(p.score)) - bottom) / ((top - bottom) or 1)
        grid[HEIGHT - 1 - round((HEIGHT - 1) * share)][column] = MARKS[k % len(MARKS)]
    task = first[0].model.task
    yield f"{task.unit}{' (log)' if log else ''}"
    for number, row in enumerate(grid):
        edge = high if number == 0 else low if number == HEIGHT - 1 else None
        yield f"{'' if edge is None else f'{edge:.3g}':>8} │{''.join(row).rstrip()}"
    yield f"{'':8} └{'─' * width}"
    yield f"{'':9} 0{f'{last:,} updates':>{width - 1}}"
    yield "  ".join(f"{MARKS[k % len(MARKS)]} {each.name}" for k, each in enumerate(first))


def table(learners: Sequence[Learner]) -> Iterator[str]:
    groups = _by_name(learners)
    wide = max(len(name) for name in groups)
    unit = learners[0].model.task.unit
    yield f"{'':{wide}}    H  parameters  updates  ms/update  {unit:>22}  learned after"
    for name, group in groups.items():
        model = group[0].model
        updates = int(np.median([each.updates for each in group]))
        pace = 1e3 * sum(e.seconds for e in group) / max(sum(e.updates for e in group), 1)
        yield (
            f"{name:{wide}}  {model.hidden:>3}  {model.parameters:>10,}  {updates:>7,}  "
            f"{pace:>9.2f}  {_spread(group):>22}  {_after(group)}"
        )


def _spread(group: Sequence[Learner]) -> str:
    scores = np.array([each.score for each in group])
    if not np.isfinite(scores).all():
        return "stopped"
    if len(scores) == 1:
        return f"{scores[0]:.4g}"
    return f"{scores.mean():.4g} ± {scores.std(ddof=1):.2g} ({len(scores)} seeds)"


def _after(group: Sequence[Learner]) -> str:
    known = [each.learned.updates for each in group if each.learned is not None]
    if not known:
        return "not learned"
    told = f"{int(np.median(known)):,} updates"
    return told if len(known) == len(group) else f"{told} ({len(known)} of {len(group)} seeds)"


def verdict(learners: Sequence[Learner]) -> str:
    """One sentence on the first cell, and how others compare."""
    groups = _by_name(learners)
    (name, own), *others = groups.items()
    task = own[0].model.task
    said = [_said(group) for _, group in others]
    if any(each.stopped for each in own):
        first = next(each for each in own if each.stopped)
        return f"{name} does not learn {task.name}: {first.stopped}."
    known = [each.learned.updates for each in own if each.learned is not None]
    beside = f", {' and '.join(said)}" if said else ""
    if 2 * len(known) <= len(own):
        return (
            f"{name} does not learn {task.name} in {own[0].updates:,} updates ({_score(own)}; "
            f"learned is {task.bar}){beside}."
        )
    return f"{name} learns {task.name} in {int(np.median(known)):,} updates{beside}."


def _score(group: Sequence[Learner]) -> str:
    return f"{group[0].model.task.unit} {np.mean([each.score for each in group]):.3g}"


def _said(group: Sequence[Learner]) -> str:
    known = [each.learned.updates for each in group if each.learned is not None]
    if any(each.stopped for each in group) or 2 * len(known) <= len(group):
        return f"{group[0].name} does not ({_score(group)})"
    return f"{group[0].name} does in {int(np.median(known)):,}"


def draw(learners: Sequence[Learner], path: Path) -> None:
    """The curves of all seeds as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
    task = learners[0].model.task
    for number, (name, group) in enumerate(_by_name(learners).items()):
        for each in group:
            x, y = [p.updates for p in each.curve], [p.score for p in each.curve]
            axes.plot(x, y, color=f"C{number}", label=name if each is group[0] else None,
                      alpha=1 if each is group[0] else 0.4)  # fmt: skip
    axes.axhline(task.learned, color="#888", linestyle=":", label="learned")
    axes.set(xlabel="updates", ylabel=task.unit, title=task.name)
    if task.better < 0:
        axes.set_yscale("log")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    write_figure(figure, path, dpi=120)
    plt.close(figure)


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
