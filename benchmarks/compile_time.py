"""How long compiling takes, with empty caches and with full ones.

    python benchmarks/compile_time.py [--cells packed_lstm,ln_lstm] [--repeat 3]
    python benchmarks/compile_time.py --growth        # cells of 10 to 200 equations
    python benchmarks/compile_time.py --equations 200 --kinds chain,layers,gates

Fresh processes load a cell and do one training pass: one that finds every cache empty, one that
finds the products (which are the same for all cells) and nothing else, and one that finds all.
`cold` is from the source to the end of the pass, less a second pass; `import to pass` is from the
first import to the end of the pass.  Seconds of the clock, with processor time in brackets.
"""

from __future__ import annotations

import argparse
import compileall
import tempfile
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from child import ROOT, in_child
from grown_cells import grown

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
    compileall.compile_dir(str(ROOT / "celldsl"), quiet=2)  # as in an installation
    print(f"{'cell':16} {'cold':>14} {'cold, products known':>21} {'import to pass':>15} "
          f"{'(Numba alone)':>14}")  # fmt: skip
    for name, path in _asked(arguments):
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
    parser.add_argument("--equations", default="", help="how many, such as 200,2000")
    parser.add_argument(
        "--kinds", default="chain,layers", help="layers, and those of grown_cells.py"
    )
    return parser.parse_args()


def _named(cells: str) -> Iterator[tuple[str, Path]]:
    for name in cells.split(","):
        yield name, example_path(name)


def _asked(arguments: Any) -> Iterator[tuple[str, Path]]:
    if arguments.growth:
        return _grown(("chain",), (10, 25, 50, 100, 200))
    if arguments.equations:
        counts = tuple(map(int, arguments.equations.split(",")))
        return _grown(tuple(arguments.kinds.split(",")), counts)
    return _named(arguments.cells)


def _grown(kinds: Sequence[str], counts: Sequence[int]) -> Iterator[tuple[str, Path]]:
    own = {"chain": _chain, "layers": _layers}
    with tempfile.TemporaryDirectory() as folder:
        for kind, count in product(kinds, counts):
            path = Path(folder) / f"{kind}{count}.cell"
            text = own[kind](count) if kind in own else grown(kind, count)
            path.write_text(text, encoding="utf-8")
            yield f"{kind} {count}", path


def _chain(count: int) -> str:
    """Every tenth equation is a product, the others are elementwise."""
    lines = ["    v0 = linear([x, h], H)"]
    for i in range(1, count - 1):
        value = f"linear(v{i - 1}, H)" if i % 10 == 0 else f"tanh(v{i - 1} + 0.{i % 9 + 1} * v0)"
        lines.append(f"    v{i} = {value}")
    body = "\n".join(lines)
    head = "cell Chain[H]:\n    input x: [H]\n    state h: [H]\n"
    return f"{head}{body}\n    h' = v{count - 2}\n    output h'\n"


def _layers(count: int) -> str:
    """Layers of ten equations: four gates of products, and what is made of them."""
    states, lines, read = [], [], "x"
    for k in range(max(1, count // 10)):
        states += [f"    state h{k}: [H]", f"    state c{k}: [H]"]
        gates = {"i": "sigmoid", "f": "sigmoid", "g": "tanh", "o": "sigmoid"}
        lines += [f"    {g}{k} = {f}(linear([{read}, h{k}], H))" for g, f in gates.items()]
        lines += [
            f"    c{k}' = f{k} * c{k} + i{k} * g{k}",
            f"    a{k} = o{k} * tanh(c{k}')",
            f"    b{k} = exp(-a{k} * a{k})",
            f"    m{k} = sigmoid(b{k} + a{k})",
            f"    h{k}' = m{k} * a{k} + (1 - m{k}) * h{k}",
            f"    y{k} = h{k}' + 0.5 * b{k}",
        ]
        read = f"y{k}"
    return "\n".join(
        ["cell Layers[H]:", "    input x: [H]", *states, *lines, f"    output {read}", ""]
    )


def _measured(path: Path) -> list[dict[str, Any]]:
    """Cold, cold where the products are known, warm, and Numba alone."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        cold, known = _caches(one), _caches(two)
        found = [in_child(PASS, cold, str(path))]
        in_child(WARM, known)
        found += [in_child(PASS, known, str(path)) for _ in range(2)]
        return [*found, in_child(NUMBA, known)]


def _caches(folder: str) -> dict[str, str]:
    return {
        "CELLDSL_CACHE_DIR": f"{folder}/cells",
        "NUMBA_CACHE_DIR": f"{folder}/numba",
        "PYTHONDONTWRITEBYTECODE": "",
    }


def _middle(runs: list[dict[str, Any]], key: str) -> str:
    clock, busy = (median(float(run[k]) for run in runs) for k in (key, f"{key} cpu"))
    return f"{clock:.2f} ({busy:.2f})"


if __name__ == "__main__":
    main()
