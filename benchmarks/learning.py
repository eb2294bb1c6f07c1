"""Do they learn?  Every cell of the zoo on small tasks.  Out: a file of records, a page, pictures.

    python benchmarks/learning.py                         # all that is missing, then the page
    python benchmarks/learning.py --cells gru,lstm --seconds 5 --records try.jsonl --no-page

Each run is a process of its own on one thread, and its record a line of `--records`: what is there
is not run again, so the benchmark goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from learning_report import write_page
from tqdm import tqdm

import celldsl
from celldsl.zoo_index import read_index

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "docs" / "learning.jsonl"
EVERY_CELL = ("adding", "pixels")
ALL_TASKS = ("adding", "copy", "pixels", "characters")
SEEDS = (0, 1, 2)
CHOSEN = (
    "rnn", "lstm", "cudnn_gru", "ln_lstm", "janet", "ugrnn", "star", "slstm", "rhn", "indrnn",
    "mingru", "lru", "rg_lru", "lem", "unicornn", "lmu", "gla", "gated_deltanet", "mlstm", "mamba",
)  # fmt: skip
PATIENCE = 3_600
Run = tuple[str, str, int]


def main() -> int:
    arguments = parse_arguments()
    done = read(arguments.records)
    chosen = arguments.cells.split(",") if arguments.cells else None
    runs = [run for run in planned(chosen) if run not in done]
    with ThreadPoolExecutor(arguments.workers) as pool, arguments.records.open("a") as file:
        waiting = [pool.submit(child, run, arguments.seconds) for run in runs]
        for finished in tqdm(as_completed(waiting), total=len(runs), disable=None, unit="run"):
            file.write(json.dumps(finished.result()) + "\n")
            file.flush()
    failed = [w.result() for w in waiting if "error" in w.result()]
    for record in failed:
        print(*record.values(), file=sys.stderr)
    if arguments.page:
        ended = read(arguments.records)
        to_come = {name for name, *_ in set(planned(None)) - ended.keys()}
        write_page(list(ended.values()), sorted(to_come), ROOT / "docs")
    return 1 if failed else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train every cell of the zoo on small tasks.")
    parser.add_argument("--cells", help="names between commas; all of them otherwise")
    parser.add_argument(
        "--seconds", type=float, default=20, help="of CPU time in training, for each run"
    )
    parser.add_argument("--workers", type=int, default=2, help="runs at a time, one thread each")
    parser.add_argument("--records", type=Path, default=RECORDS)
    parser.add_argument("--no-page", dest="page", action="store_false", help="records alone")
    return parser.parse_args()


def planned(chosen: list[str] | None) -> list[Run]:
    """Every cell on two tasks with one seed; twenty of them on all tasks with three."""
    cells = [name for name in read_index().cells if chosen is None or name in chosen]
    able = [name for name in cells if takes_vectors(name)]
    runs = [(name, task, SEEDS[0]) for name in able for task in EVERY_CELL]
    runs += [(n, task, s) for n in able if n in CHOSEN for task in ALL_TASKS for s in SEEDS]
    return list(dict.fromkeys(runs))


def takes_vectors(name: str) -> bool:
    """One vector a step, and beside it gaps of time alone."""
    first, *others = celldsl.load(read_index().cells[name].path).description.inputs
    return first.text in ("[I]", "[H]") and all(i.name == "dt" for i in others)


def read(path: Path) -> dict[Run, dict[str, Any]]:
    """The records of runs that ended well, by run; the others are tried again."""
    if not path.is_file():
        return {}
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(r["cell"], r["task"], r["seed"]): r for r in records if "error" not in r}


def child(run: Run, seconds: float) -> dict[str, Any]:
    """The record of a run; what went wrong, where something did."""
    name, task, seed = run
    alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "benchmarks" / "learning_run.py"), name, task, str(seed)]
    told: dict[str, Any] = {"cell": name, "task": task, "seed": seed}
    try:
        done = subprocess.run(
            [*command, str(seconds)], env={**os.environ, **alone}, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return told | {"error": f"not done after {PATIENCE} s"}
    if done.returncode:
        return told | {"error": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    record: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return record


if __name__ == "__main__":
    sys.exit(main())
