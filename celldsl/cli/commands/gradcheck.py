"""`celldsl gradcheck FILE`.  In: a cell.  Out: how far its gradients are off, for every array.

Where differences disagree with `backward` a complex step decides.  Where there is none, because
masks are drawn, an error within the differences' own doubt is no verdict.
"""

from __future__ import annotations

import math
import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from celldsl.cli.options import (
    Setting,
    add_choice,
    not_negative,
    parse_settings,
    refuse_wrong,
    whole,
)
from celldsl.cli.output import CommandError, on_terminal
from celldsl.diagnostics.suggest import nearest

if TYPE_CHECKING:
    from celldsl.cli.complex_step import ComplexStep
    from celldsl.runtime.cell.cell import Cell
    from celldsl.runtime.gradcheck import Checked

EXAMPLE = (
    "celldsl gradcheck gru.cell --set H=8\n"
    "  celldsl gradcheck ltc.cell --range dt=0.1:1        values far from a pole"
)
TOLERANCE = 1e-7
OK, UNSURE, WRONG, NAN = "ok", "unsure", "WRONG", "NaN"
RUNS = ("lengths", "reverse", "carried", "resets")
MOST_EQUATIONS = 3


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .cell file, or a cell that comes along")
    add_choice(parser)
    parser.add_argument("--steps", type=whole(), default=5, metavar="T", help="(default: 5)")
    parser.add_argument("--batch", type=whole(), default=3, metavar="B", help="(default: 3)")
    parser.add_argument("--seed", type=whole(0), default=0)
    parser.add_argument(
        "--range",
        action="append",
        default=[],
        metavar="NAME=LOW:HIGH",
        help="what an input or a state is drawn from (default: a normal distribution)",
    )
    parser.add_argument(
        "--tolerance", type=not_negative, default=TOLERANCE, help=f"(default: {TOLERANCE})"
    )


def run(arguments: Namespace) -> int:
    from celldsl.api import load

    settings = parse_settings(arguments.set)
    refuse_wrong(arguments.file, arguments.cell, arguments.root, settings)
    return _check(load(arguments.file, arguments.cell, arguments.root), settings, arguments)


def _check(cls: type[Cell], settings: dict[str, Setting], arguments: Namespace) -> int:
    import numpy as np

    from celldsl.cli.complex_step import ComplexStep
    from celldsl.cli.sample import sample_cell
    from celldsl.runtime.gradcheck import check_gradients
    from celldsl.runtime.run_checks import check_runs

    cell = sample_cell(cls, settings)
    ranges = parse_ranges(arguments.range, cell)
    exact = ComplexStep(cell, arguments.file, cell.description.name, arguments.root)
    sizes = arguments.steps, arguments.batch, arguments.seed
    exact_only = exact.slope if exact.needed else None
    arrays = check_gradients(
        cell, *sizes, slopes=exact_only, ranges=ranges, arbiter=exact.slope, weight=exact.weight
    )
    runs = check_runs(cell, *sizes, ranges=ranges)
    total = len(cell.params) + len(cell.description.inputs) + len(cell.description.states)
    # What is not finite is told once, and not by NumPy.
    with np.errstate(all="ignore"):
        verdicts = [_tell(item, exact, arguments.tolerance) for item in _shown(arrays, total)]
        if NAN in verdicts:
            print("the cell's values are not finite here; draw others with --range")
        else:
            verdicts += [_tell(item, exact, arguments.tolerance) for item in runs]
    return 1 if WRONG in verdicts or NAN in verdicts else 0


def _shown(found: Iterator[Checked], total: int) -> list[Checked]:
    """All of them, with progress on a terminal."""
    if on_terminal():
        from tqdm import tqdm

        found = tqdm(found, total=total, unit="array", file=sys.stderr)
    return list(found)


def _tell(item: Checked, exact: ComplexStep, tolerance: float) -> str:
    """Prints what was found for one array, and says whether it is wrong."""
    verdict = _verdict(item, tolerance)
    shape = f"({'×'.join(map(str, item.shape))})" if item.kind not in RUNS else ""
    print(f"{verdict:6} {item.error:8.1e}  {item.kind:9}  {item.name}  {shape}".rstrip())
    if verdict != OK and item.worst is not None:
        worst = item.worst
        how = "a complex step" if worst.step is None else f"differences of step {worst.step:g}"
        print(f"        along {worst.along}: backward gives {worst.backward:.12g},")
        print(f"        {how} {worst.wanted:.12g}")
        if verdict == UNSURE:
            told = "differences disagree among themselves: the cell is near a pole or a bend here"
            print(f"        {told}; draw other values with --range")
    if verdict == WRONG:
        for equation in exact.equations(item.name)[:MOST_EQUATIONS]:
            print(f"        in {equation}")
    return verdict


def _verdict(item: Checked, tolerance: float) -> str:
    if item.error <= tolerance:
        return OK
    if item.worst is not None and not math.isfinite(item.worst.wanted):
        return NAN
    # Any other NaN must count as wrong, and compares as nothing.
    return UNSURE if item.error <= item.doubt else WRONG


def parse_ranges(items: Iterable[str], cell: Cell) -> dict[str, tuple[float, float]]:
    """The intervals of `--range` by name.  Raises CommandError."""
    names = [a.name for a in (*cell.description.inputs, *cell.description.states)]
    found: dict[str, tuple[float, float]] = {}
    for item in items:
        match = re.fullmatch(r"([^=]+)=(.+?):(.+)", item)
        try:
            low, high = (float(match[2]), float(match[3])) if match else (1.0, 0.0)
        except ValueError:
            low, high = 1.0, 0.0
        if match is None or not low < high:
            raise CommandError(f"--range: expected NAME=LOW:HIGH, got {item!r}", 2)
        name = match[1].strip()
        if name not in names:
            near = nearest(name, names)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(names)}"
            raise CommandError(f"--range: there is no input or state {name}; {hint}", 2)
        found[name] = low, high
    return found
