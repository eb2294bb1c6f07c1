"""`celldsl try FILE…`.  In: cells, a task.  Out: curves, a table, and whether the cell learns.

Cells have equal counts of parameters and equal time; `--minutes` are those that the command takes,
with compiling and tests.  Curves are drawn on a terminal while they grow; in a pipe there is the
table and the verdict.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from argparse import ArgumentParser, Namespace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from celldsl.cli.options import (
    BLAS_THREADS,
    add_root,
    parse_settings,
    positive,
    refuse_wrong,
    whole,
)
from celldsl.cli.output import PICTURES, CommandError, on_terminal
from celldsl.files import is_special

EXAMPLE = (
    "celldsl try mine.cell\n"
    "  celldsl try mine.cell --task copy --against lstm,gru --minutes 2 --out curves.png\n"
    "  celldsl try mine.cell --task measurements.csv"
)


def add_arguments(parser: ArgumentParser) -> None:
    what = "a .cell file, or a cell that comes along"
    parser.add_argument("files", nargs="+", metavar="FILE", help=what)
    parser.add_argument(
        "--task", default="adding", metavar="TASK",
        help="adding, copy, digits, text, FILE.csv or FILE.txt (default: adding)",
    )  # fmt: skip
    parser.add_argument(
        "--against", default="gru", metavar="NAME,…", help="cells beside it, or none (default: gru)"
    )
    parser.add_argument(
        "--minutes", type=positive, default=2.0, help="that all of it takes (default: 2)"
    )
    parser.add_argument("--updates", type=whole(), metavar="N", help="at most, for each cell")
    parser.add_argument("--seeds", type=whole(), default=2, metavar="N", help="(default: 2)")
    parser.add_argument(
        "--parameters", type=whole(), default=4000, metavar="N", help="of each cell (default: 4000)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE",
        help="a dim or hyperparameter of the first cell; may be repeated",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="OUT.png", help="the curves as a picture")
    parser.add_argument("--profile", action="store_true", help="say which equation takes the time")
    add_root(parser)


# Read when NumPy is imported.  A readout's products are small, and threads that wait for each other
# beside those of the cells make them slower.


def run(arguments: Namespace) -> int:
    _check_picture(arguments.out)
    until = time.perf_counter() + 60 * arguments.minutes
    for name in BLAS_THREADS:
        os.environ.setdefault(name, "1")
    from celldsl.cli.trial import report
    from celldsl.cli.trial.asked_tasks import task_named
    from celldsl.cli.trial.learning import Learner, learn, learner
    from celldsl.cli.trial.model import Model

    task = task_named(arguments.task)
    if task.told:
        print(f"foretold is {task.told}", flush=True)
    classes = _classes(arguments)
    seeds = range(arguments.seeds)
    learners = [
        learner(Model(cls, name, task, arguments.parameters, seed), seed)
        for name, cls in classes.items()
        for seed in seeds
    ]
    screen = _Screen() if on_terminal() else None
    warned: set[str] = set()

    def told(each: Learner) -> None:
        if each.stopped and each.name not in warned:
            warned.add(each.name)
            if screen is not None:
                screen.clear()
            print(f"{each.name}, seed {each.seed}: {each.stopped}", file=sys.stderr)
        if screen is not None:
            width = min(shutil.get_terminal_size().columns - 12, 80)
            screen.show(list(report.curves(learners, width)))

    learn(learners, until, told, arguments.updates)
    if screen is not None:
        screen.keep()
    print(f"{task.name}; learned is {task.bar}")
    print("\n".join(report.table(learners)))
    print(report.verdict(learners))
    if arguments.profile:
        from celldsl.cli.trial.report import profile

        print("\n".join(profile(learners[0], arguments.files[0])))
    if arguments.out is not None:
        report.draw(learners, arguments.out)
    return 1 if any(each.stopped for each in learners[: arguments.seeds]) else 0


def _classes(arguments: Namespace) -> dict[str, Any]:
    """Classes by the names they are shown under, those of the command line first."""
    import celldsl

    settings = parse_settings(arguments.set)
    refuse_wrong(arguments.files[0], None, arguments.root, settings)
    against = [] if arguments.against == "none" else arguments.against.split(",")
    found: dict[str, Any] = {}
    for place, name in enumerate([*arguments.files, *against]):
        label, first = Path(name).stem, place == 0
        if found and label in found:
            continue
        made: Any = celldsl.load(name, root=arguments.root if first else None)
        found[label] = _with(made, settings) if first and settings else made
    return found


def _with(cls: Any, settings: dict[str, Any]) -> Any:
    """A class that is built with these settings."""
    from functools import partial

    made: Any = partial(cls, **settings)
    made.description = cls.description
    return made


def _check_picture(path: Path | None) -> None:
    """Before anything is learned.  Raises CommandError where no picture could be written."""
    if path is None:
        return
    if find_spec("matplotlib") is None:
        raise CommandError("--out needs Matplotlib: pip install celldsl[examples]")
    if path.is_dir() or (path.suffix not in PICTURES and not is_special(path)):
        better = path / "curves.png" if path.is_dir() else f"{path}.png"
        told = f"a picture's name ends in {', '.join(PICTURES)}, and {path} does not"
        raise CommandError(f"--out: {told}; {better} would do", 2)
    if not path.absolute().parent.is_dir():
        raise CommandError(f"--out: there is no folder {path.parent}", 2)


class _Screen:
    """Lines on a terminal that are drawn over."""

    def __init__(self) -> None:
        self.lines = 0

    def show(self, lines: list[str]) -> None:
        self.clear()
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()
        self.lines = len(lines)

    def clear(self) -> None:
        if self.lines:
            sys.stderr.write(f"\x1b[{self.lines}A\x1b[J")
        self.lines = 0

    def keep(self) -> None:
        self.lines = 0
