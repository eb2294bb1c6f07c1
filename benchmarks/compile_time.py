"""How long compiling takes, with empty caches and with full ones.

    python benchmarks/compile_time.py [--cells packed_lstm,ln_lstm] [--repeat 3]
    python benchmarks/compile_time.py --growth        # cells of 10 to 200 equations

Fresh processes load a cell and do one training pass: one that finds every cache empty, one that
finds the products (which are the same for all cells) and nothing else, and one that finds all.
`cold` is from the source to the end of the pass, less a second pass; `import to pass` is from the
first import to the end of the pass.  Seconds of the clock, with processor time in brackets.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from child import in_child

from celldsl.zoo_index import example_path

PASS = """
import json, sys, time
start = time.perf_counter()
import numpy as np
import celldsl
imported, used = time.perf_counter(), time.process_time()
cls = celldsl.load(sys.argv[1])
names = [d.name for d in cls.description.dims]
cell = cls(**{n: 16 for n in names}, dtype="float32")
x = np.ones((3, 2, 16), "float32")

def run():
    y, state, tape = cell.forward(x)
    cell.backward(tape, y, state)

run()
first, busy = time.perf_counter(), time.process_time()
run()
second = time.perf_counter() - first
print(json.dumps({"compile": first - imported - second, "pass": first - start,
                  "compile cpu": busy - used, "pass cpu": busy}))
"""
NUMBA = """
import json, time
start, used = time.perf_counter(), time.process_time()
import numba
print(json.dumps({"pass": time.perf_counter() - start, "pass cpu": time.process_time() - used}))
"""
WARM = """
from celldsl.jit.gemm.prepare import prepare_products
prepare_products("float32")
print("{}")
"""


def main() -> None:
    arguments = _arguments()
    print(f"{'cell':16} {'cold':>14} {'cold, products known':>21} {'import to pass':>15} "
          f"{'(Numba alone)':>14}")  # fmt: skip
    for name, path in _growing() if arguments.growth else _named(arguments.cells):
        found = [_measured(path) for _ in range(arguments.repeat)]
        cold, known, warm, numba = ([run[i] for run in found] for i in range(4))
        print(f"{name:16} {_middle(cold, 'compile'):>14} {_middle(known, 'compile'):>21} "
              f"{_middle(warm, 'pass'):>15} {_middle(numba, 'pass'):>14}", flush=True)  # fmt: skip


def _arguments() -> Any:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", default="packed_lstm,ln_lstm")
    parser.add_argument("--repeat", type=int, default=1, help="the median of so many")
    parser.add_argument("--growth", action="store_true")
    return parser.parse_args()


def _named(cells: str) -> Iterator[tuple[str, Path]]:
    for name in cells.split(","):
        yield name, example_path(name)


def _growing() -> Iterator[tuple[str, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        for count in (10, 25, 50, 100, 200):
            path = Path(folder) / f"chain{count}.cell"
            path.write_text(_chain(count), encoding="utf-8")
            yield f"{count} equations", path


def _chain(count: int) -> str:
    """Every tenth equation is a product, the others are elementwise."""
    lines = ["    v0 = linear([x, h], H)"]
    for i in range(1, count - 1):
        value = f"linear(v{i - 1}, H)" if i % 10 == 0 else f"tanh(v{i - 1} + 0.{i % 9 + 1} * v0)"
        lines.append(f"    v{i} = {value}")
    body = "\n".join(lines)
    head = "cell Chain[H]:\n    input x: [H]\n    state h: [H]\n"
    return f"{head}{body}\n    h' = v{count - 2}\n    output h'\n"


def _measured(path: Path) -> list[dict[str, Any]]:
    """Cold, cold where the products are known, warm, and Numba alone."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        cold, known = _caches(one), _caches(two)
        found = [in_child(PASS, cold, str(path))]
        in_child(WARM, known)
        found += [in_child(PASS, known, str(path)) for _ in range(2)]
        return [*found, in_child(NUMBA, known)]


def _caches(folder: str) -> dict[str, str]:
    return {"CELLDSL_CACHE_DIR": f"{folder}/cells", "NUMBA_CACHE_DIR": f"{folder}/numba"}


def _middle(runs: list[dict[str, Any]], key: str) -> str:
    clock, busy = (median(float(run[k]) for run in runs) for k in (key, f"{key} cpu"))
    return f"{clock:.2f} ({busy:.2f})"


if __name__ == "__main__":
    main()
