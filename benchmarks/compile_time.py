"""How long compiling takes, with empty caches and with full ones.

    python benchmarks/compile_time.py [--cells packed_lstm,ln_lstm] [--repeat 3]
    python benchmarks/compile_time.py --growth        # cells of 10 to 200 equations

Each line is one fresh process that loads a cell and does one training pass.  The first finds every
cache of ours and of Numba empty, apart from what is the same for all cells (the GEMM); the second
finds what the first has left.  `compile` is from the source to the end of the pass, less a second
pass; `import` is that of Numba alone.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from child import ROOT, in_child

PASS = """
import json, sys, time
start = time.perf_counter()
import numba
numba_import = time.perf_counter() - start
import numpy as np
import celldsl
imported = time.perf_counter()
cls = celldsl.load(sys.argv[1])
names = [d.name for d in cls.description.dims]
cell = cls(**{n: 16 for n in names}, dtype="float32")
x = np.ones((3, 2, 16), "float32")

def run():
    y, state, tape = cell.forward(x)
    cell.backward(tape, y, state)

run()
first = time.perf_counter()
run()
second = time.perf_counter() - first
print(json.dumps({"numba": numba_import, "compile": first - imported - second,
                  "pass": first - start}))
"""
WARM = "import json; from celldsl.runtime.gemm import prepare; prepare('float32'); print('{}')"


def main() -> None:
    arguments = _arguments()
    print(f"{'cell':16} {'cold':>8} {'cold, gemm known':>17} {'warm compile':>13} "
          f"{'warm import to pass':>20} {'numba alone':>12}   seconds")  # fmt: skip
    for name, path in _growing() if arguments.growth else _named(arguments.cells):
        found = [_measured(path) for _ in range(arguments.repeat)]
        cold, known, warm = ([run[i] for run in found] for i in range(3))
        print(f"{name:16} {_middle(cold, 'compile'):8.2f} {_middle(known, 'compile'):17.2f} "
              f"{_middle(warm, 'compile'):13.3f} {_middle(warm, 'pass'):20.2f} "
              f"{_middle(warm, 'numba'):12.2f}", flush=True)  # fmt: skip


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
        yield name, ROOT / "examples" / f"{name}.cell"


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
    """Cold, cold where the products are known, and warm."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        cold, known = _caches(one), _caches(two)
        found = [in_child(PASS, cold, str(path))]
        in_child(WARM, known)
        found.append(in_child(PASS, known, str(path)))
        found.append(in_child(PASS, known, str(path)))
        return found


def _caches(folder: str) -> dict[str, str]:
    return {"CELLDSL_CACHE_DIR": f"{folder}/cells", "NUMBA_CACHE_DIR": f"{folder}/numba"}


def _middle(runs: list[dict[str, Any]], key: str) -> float:
    return median(float(run[key]) for run in runs)


if __name__ == "__main__":
    main()
