"""`celldsl gradcheck FILE`.  In: a cell.  Out: how far its gradients are off, for every array."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from celldsl.cli.options import add_choice, parse_settings
from celldsl.cli.output import on_terminal, print_diagnostics
from celldsl.diagnostics.errors import CellError

EXAMPLE = "celldsl gradcheck gru.cell --set H=8"
TOLERANCE = 1e-7


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .cell file")
    add_choice(parser)
    parser.add_argument("--steps", type=int, default=5, metavar="T", help="(default: 5)")
    parser.add_argument("--batch", type=int, default=3, metavar="B", help="(default: 3)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help=f"(default: {TOLERANCE})"
    )


def run(arguments: Namespace) -> int:
    from celldsl.api import load

    settings = parse_settings(arguments.set)
    try:
        cls = load(arguments.file, arguments.cell, arguments.root)
    except CellError as error:
        print_diagnostics(error.diagnostics)
        return 1
    return _check(cls, settings, arguments)


def _check(cls: object, settings: object, arguments: Namespace) -> int:
    from celldsl.cli.complex_step import complex_slopes
    from celldsl.cli.sample import sample_cell
    from celldsl.runtime.gradcheck import check_gradients

    cell = sample_cell(cls, settings)  # type: ignore[arg-type]
    total = len(cell.params) + len(cell.description.inputs) + len(cell.description.states)
    slopes = complex_slopes(cell, Path(arguments.file), cell.description.name, arguments.root)
    found = check_gradients(cell, arguments.steps, arguments.batch, arguments.seed, slopes=slopes)
    if on_terminal():
        from tqdm import tqdm

        found = tqdm(found, total=total, unit="array", file=sys.stderr)
    worst = 0.0
    for item in list(found):
        # A NaN must count as wrong, and compares as nothing.
        wrong = not item.error <= arguments.tolerance
        worst = float("inf") if wrong else max(worst, item.error)
        shape = "×".join(map(str, item.shape))
        mark = "WRONG" if wrong else "ok"
        print(f"{mark:5}  {item.error:8.1e}  {item.kind:9}  {item.name}  ({shape})")
    return 0 if worst <= arguments.tolerance else 1
