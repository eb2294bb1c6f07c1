"""A training pass of every cell beside JAX's jitted `lax.scan` of the same equations, in one run.

    python benchmarks/none_left_behind.py                  # all that is missing, then the page
    python benchmarks/none_left_behind.py --cells gru,lstm --records try.jsonl --no-page

T, B, H are 100, 32, 128, and the other sizes those of `SIZES`, fixed before anything was measured.
The scan is the plain code that celldsl writes of a cell, whose products with inputs are made ahead
of the loop, each for itself (packed by hand they are no faster: `gru`, `packed_lstm`); where
`cells.py` has one that was written by hand, the faster of the two counts.  A record is a line of
`--records`; what is there is not measured again.  Numbers are float32, both sides have as many
threads, and take turns.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from setup_threads import cores, set_threads
from tqdm import tqdm

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "docs" / "none_left_behind.jsonl"
PAGE = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "img" / "none_left_behind.svg"
START, END = "<!-- none left behind -->", "<!-- end of it -->"
STEPS, BATCH, HIDDEN = 100, 32, 128
LEAST, MEAN = 1.5, 3.2  # of any cell, and the geometric mean of all
# Sizes by cell, where H alone says too little or makes a state too large for (100, 32, 128).
SIZES: dict[str, dict[str, int]] = {
    "agent_lstm": {"I": 128, "A": 8, "H": 128},
    "captioner_lstm": {"V": 1000, "N": 64, "C": 128, "H": 128},
    "conv_lstm": {"C": 4, "F": 8, "Y": 12, "X": 12},
    "conv_lstm_1d": {"C": 8, "F": 16, "L": 64},
    "attention_rnn": {"I": 128, "H": 128, "A": 64},
    "clipped_lstm": {"I": 128, "H": 128, "P": 64},
    "elmo_lstm": {"I": 128, "H": 128, "P": 64},
    "projected_lstm": {"I": 128, "H": 128, "P": 64},
    "dnc": {"I": 128, "H": 128},
    "grid_lstm": {"F": 32, "H": 64},
    "lmu": {"I": 128, "H": 128, "M": 16, "N": 16},
    "ntm": {"I": 128, "H": 128, "N": 32, "W": 16, "O": 32},
    "time_freq_lstm": {"F": 32, "H": 64},
    "window_attention": {"I": 128, "H": 128, "K": 16},
}
Run = Callable[[], Any]


def main() -> int:
    arguments = parsed()
    set_threads(arguments.threads)
    from celldsl.zoo_index import read_index

    known = list(read_index().cells)
    wanted = arguments.cells.split(",") if arguments.cells else known
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"--cells: there is no {', '.join(unknown)}")
    done = read(arguments.records)
    with arguments.records.open("a", encoding="utf-8") as file:
        missing = [name for name in wanted if name not in done]
        for name in tqdm(missing, unit="cell", disable=None):
            record = measured(name, arguments.threads, arguments.budget)
            file.write(json.dumps(record) + "\n")
            file.flush()
            done[name] = record
    print("\n".join(table(done, known)))
    if arguments.page:
        write_page(done, known)
        draw({name: done[name] for name in known if name in done}, PICTURE)
    return 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", help="names between commas; all of them otherwise")
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    parser.add_argument("--budget", type=float, default=4.0, help="seconds for each cell")
    parser.add_argument("--records", type=Path, default=RECORDS)
    parser.add_argument("--no-page", dest="page", action="store_false")
    return parser.parse_args()


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Records by cell."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return {record["cell"]: record for record in map(json.loads, lines)}


def measured(name: str, threads: int, budget: float) -> dict[str, Any]:
    """Medians in seconds of a training pass: forward, and gradients of all that is real."""
    from timing import alternate

    import celldsl

    celldsl.set_threads(threads)
    cell = celldsl.load(name)(**sizes(name), dtype="float32")
    given = drawn(cell)
    runs = {"celldsl": ours(cell, *given), "plain": plain(cell, *given), **by_hand(name)}
    compare(runs)
    times = alternate({label: run for label, (run, _) in runs.items()}, budget)
    found = {label: time.median for label, time in times.items()}
    best = {label: time.best for label, time in times.items()}
    return {"cell": name, "sizes": dict(cell.dims), "seconds": found, "best": best}


def sizes(name: str) -> dict[str, int]:
    """All that need one are H, but those of `SIZES`."""
    import celldsl

    dims = celldsl.load(name).description.dims
    free = [dim.name for dim in dims if dim.fixed is None and dim.default is None]
    return SIZES.get(name) or dict.fromkeys(free, HIDDEN)


def drawn(cell: Any) -> tuple[dict[str, Any], list[Any]]:
    """Inputs by name, and the cotangents of outputs, (T, B, …)."""
    import numpy as np

    from celldsl.runtime.arrays.inputs import as_passed, drawn_input

    random, lead = np.random.default_rng(0), (STEPS, BATCH)
    inputs = {}
    for each in cell.description.inputs:
        array = drawn_input(each, cell.dims, lead, random, "float32")
        inputs[each.name] = as_passed(each.kind, array)
    outputs = [random.normal(size=(*lead, *each.shape(**cell.dims))).astype("float32")
               for each in cell.description.outputs]  # fmt: skip
    return inputs, outputs


def ours(cell: Any, inputs: Mapping[str, Any], cotangents: list[Any]) -> tuple[Run, Run]:
    """A pass, and what it found: outputs and gradients of parameters."""
    dy = cotangents[0] if len(cotangents) == 1 else tuple(cotangents)

    def run() -> Any:
        y, _, tape = cell.forward(inputs, seed=1) if masked(cell) else cell.forward(inputs)
        return y, cell.backward(tape, dy)

    def found() -> Any:
        y, gradients = run()
        return y, gradients.params

    return run, found


def masked(cell: Any) -> bool:
    return bool(getattr(cell.description, "masks", ()))


def plain(cell: Any, inputs: Mapping[str, Any], cotangents: list[Any]) -> tuple[Run, Run]:
    import jax
    import jax.numpy as jnp
    import numpy as np

    import celldsl.jax

    apply = celldsl.jax.function(cell, "plain")
    arrays = {name: jnp.asarray(array) for name, array in inputs.items()}
    real = {n: a for n, a in arrays.items() if jnp.issubdtype(a.dtype, jnp.floating)}
    others = {n: a for n, a in arrays.items() if n not in real}
    dy = jax.tree.map(jnp.asarray, cotangents)
    key = {"key": jax.random.key(0)} if masked(cell) else {}
    state = jax.tree.map(jnp.asarray, cell.state(BATCH))

    def forward(params: Any, real: Any, state: Any) -> Any:
        y, _ = apply(params, **real, **others, state=state, **key)
        return list(y) if isinstance(y, tuple) else [y]

    @jax.jit
    def both(params: Any, real: Any, state: Any, dy: Any) -> Any:
        y, pull = jax.vjp(forward, params, real, state)
        return y, pull(dy)

    given = apply.params(), real, state, dy
    compiled = both.lower(*given).compile()

    def found() -> Any:
        y, (params, _, _) = compiled(*given)
        return jax.tree.map(np.asarray, (y[0] if len(y) == 1 else tuple(y), params))

    return lambda: jax.block_until_ready(compiled(*given)), found


def by_hand(name: str) -> dict[str, tuple[Run, Run | None]]:
    """A person's scan of the cell, where `cells.py` has one."""
    from cells import CELLS
    from peers import jax_scan
    from peers.work import Work

    if name not in CELLS:
        return {}
    return {"hand": (jax_scan.train(Work(CELLS[name], (STEPS, BATCH, HIDDEN, HIDDEN))), None)}


def compare(runs: Mapping[str, Any]) -> None:
    """Times of other results mean nothing.  Masks are drawn by each in its own way."""
    import numpy as np

    (y, gradients), (other, theirs) = (runs[label][1]() for label in ("celldsl", "plain"))
    first, second = (v if isinstance(v, tuple) else (v,) for v in (y, other))
    pairs = [*zip(first, second, strict=True), *((gradients[n], theirs[n]) for n in gradients)]
    for mine, wanted in pairs:
        scale = max(float(np.abs(wanted).max(initial=0.0)), 1e-6)
        far = float(np.abs(mine - wanted).max(initial=0.0)) / scale
        if not far < 2e-2:
            print(f"results differ by {far:.1e}", file=sys.stderr)


def ratio(record: Mapping[str, Any], which: str = "seconds") -> float:
    """How many times as long as celldsl the fastest scan takes."""
    times = record[which]
    return float(min(t for label, t in times.items() if label != "celldsl") / times["celldsl"])


def table(records: Mapping[str, Mapping[str, Any]], known: list[str]) -> Iterator[str]:
    """Slowest first."""
    import math

    found = sorted((ratio(records[name]), name) for name in known if name in records)
    if not found:
        return
    mean = math.exp(sum(math.log(each) for each, _ in found) / len(found))
    below = sum(each < LEAST for each, _ in found)
    yield (
        f"{len(found)} of {len(known)} cells: geometric mean {mean:.2f} (the bar is {MEAN}), "
        f"{below} under {LEAST}."
    )
    yield ""
    yield "| cell | sizes | celldsl, ms | scan, ms | × |"
    yield "|---|---|--:|--:|--:|"
    for each, name in found:
        seconds = records[name]["seconds"]
        scan = min(t for label, t in seconds.items() if label != "celldsl")
        told = ", ".join(f"{n} {v}" for n, v in records[name]["sizes"].items())
        times = f"{1e3 * seconds['celldsl']:.2f} | {1e3 * scan:.2f}"
        yield f"| `{name}` | {told} | {times} | {each:.2f} |"


def write_page(records: Mapping[str, Mapping[str, Any]], known: list[str]) -> None:
    """Puts the table between its two marks, which are on the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        sys.exit(f"{PAGE}: expected {START} and {END}")
    lines = "\n".join(table(records, known))
    PAGE.write_text(f"{before}{START}\n{lines}\n{END}{after}", encoding="utf-8")


def draw(records: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Each cell by the time of its pass and how many times as long the scan takes."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "celldsl"
    from matplotlib import pyplot

    points = sorted((ratio(r), 1e3 * r["seconds"]["celldsl"], name) for name, r in records.items())
    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    axes.scatter([t for _, t, _ in points], [each for each, _, _ in points], s=12, alpha=0.7)
    for each, time, name in (*points[:4], *points[-3:]):
        axes.annotate(name, (time, each), xytext=(4, 3), textcoords="offset points", fontsize=7)
    for bar in (1, LEAST, MEAN):
        axes.axhline(bar, color="grey", linewidth=0.8, linestyle="-" if bar == 1 else ":")
        axes.annotate(f"{bar}", (1, bar), xycoords=("axes fraction", "data"), fontsize=7)
    axes.set(
        xscale="log", yscale="log", xlabel="celldsl's training pass, ms",
        ylabel="times as long under JAX",
    )  # fmt: skip
    axes.set_yticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"], minor=False)
    axes.yaxis.set_minor_formatter("")
    axes.xaxis.set_major_formatter("{x:g}")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    sys.exit(main())
