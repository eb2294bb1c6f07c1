"""How long the command line takes, and how it grows.

    python benchmarks/check_time.py            # commands, a thousand cells, growth of check and fmt
    python benchmarks/check_time.py --compile  # growth of the stages of compiling, without Numba

Commands are fresh processes, by turns with one that does nothing; growth is CPU time of this one.
Modules are compiled to bytecode beforehand, as an installed package has them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from child import ROOT
from grown_cells import SHAPES, grown

from celldsl.cli.main import main as command
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.pipeline import Artefacts, check_source, front
from celldsl.syntax.format.format import format_source
from celldsl.targets.numba.module import module_source

LINES = 50
CELLS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--repeat", type=int, default=11, help="processes of each command")
    arguments = parser.parse_args()
    if arguments.compile:
        _print_compiling()
        return
    with tempfile.TemporaryDirectory() as folder:
        _print_commands(Path(folder), arguments.repeat)
        _print_many(Path(folder))
    _print_growth()


# ---------------------------------------------------------------- commands


def _print_commands(folder: Path, repeat: int) -> None:
    file = str(folder / "cell.cell")
    Path(file).write_text(grown("gates", LINES - 6), encoding="utf-8")
    commands = {
        "python -c pass": ["-c", "pass"],
        f"check, {LINES} lines": ["-m", "celldsl", "check", file],
        f"fmt --check, {LINES} lines": ["-m", "celldsl", "fmt", "--check", file],
        "list": ["-m", "celldsl", "list"],
        "explain E0014": ["-m", "celldsl", "explain", "E0014"],
        "--help": ["-m", "celldsl", "--help"],
    }
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(folder)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(repeat + 1):
        for name, words in commands.items():
            times[name].append(_run([sys.executable, *words], environment))
    print(f"{'process':24} {'wall':>8} {'CPU':>8} {'best':>8}   ms, medians of {repeat}")
    for name, found in times.items():
        # The first compiles the modules.
        wall, cpu = ([1e3 * run[i] for run in found[1:]] for i in (0, 1))
        print(f"{name:24} {median(wall):8.1f} {median(cpu):8.1f} {min(wall):8.1f}")


def _run(words: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds of wall and CPU time of a process from start to end."""
    start, before = time.perf_counter(), getrusage(RUSAGE_CHILDREN)
    subprocess.run(words, env=environment, capture_output=True, check=False)
    wall, after = time.perf_counter() - start, getrusage(RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _print_many(folder: Path) -> None:
    files = []
    for at in range(CELLS):
        path = folder / f"c{at}.cell"
        path.write_text(grown(list(SHAPES)[at % 4], 8 + at % 8), encoding="utf-8")
        files.append(str(path))
    seconds = _seconds(command, ["check", *files])
    print(f"\n{CELLS} cells in one call: {1e3 * seconds / CELLS:.2f} ms each")


# ---------------------------------------------------------------- growth


def _print_growth() -> None:
    print(f"\n{'cell':8} {'equations':>9} {'check':>8} {'fmt':>8}   ms for each equation")
    for shape in SHAPES:
        for count in (250, 500, 1000, 2000):
            source = Source("grown.cell", grown(shape, count))
            times = _seconds(check_source, source.text), _seconds(format_source, source)
            each = " ".join(f"{1e3 * t / count:8.3f}" for t in times)
            print(f"{shape:8} {count:9} {each}", flush=True)


def _print_compiling() -> None:
    print(f"{'cell':8} {'equations':>9} {'front':>7} {'derive':>7} {'passes':>7} {'plan':>7} "
          f"{'source':>7} {'all':>7}   ms for each equation")  # fmt: skip
    for shape in SHAPES:
        for count in (25, 50, 100, 200, 400):
            times = [1e3 * seconds / count for seconds in _stages(grown(shape, count))]
            each = " ".join(f"{t:7.2f}" for t in (*times, sum(times)))
            print(f"{shape:8} {count:9} {each}", flush=True)


def _stages(text: str) -> Iterator[float]:
    """CPU seconds of each stage of compiling a text."""
    start = time.process_time()

    def lap() -> float:
        nonlocal start
        before, start = start, time.process_time()
        return start - before

    lowered = front(Source("grown.cell", text), Report(), None, {})
    yield lap()
    made = Artefacts(lowered)
    for artefact in ("taped", "optimised", "plan"):
        getattr(made, artefact)
        yield lap()
    module_source(made.unit("grown.cell", ""), standalone=False)
    yield lap()


def _seconds(run: Callable[..., object], *arguments: object) -> float:
    start = time.process_time()
    run(*arguments)
    return time.process_time() - start


if __name__ == "__main__":
    main()
