"""The most memory that a training pass takes, beside JAX, each in a process of its own.

    python benchmarks/memory.py [--cells gru,packed_lstm] [--shapes S2,S3,S4]
    python benchmarks/memory.py --checkpoint      # T=10,000 with and without, time and gradients

Megabytes above what the process has before the pass; compiling comes before it.  Linux only: no
other system lets a process forget its peak.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cells import CELLS, SHAPES
from child import ROOT, in_child
from setup_threads import set_threads

SEGMENTS = 100
LONG = (10_000, 16, 128, 128)
CODE = "import sys; sys.path.insert(0, sys.argv.pop(1)); import memory; memory.child(*sys.argv[1:])"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", default="gru,packed_lstm,ln_lstm")
    parser.add_argument("--shapes", default="S2,S3,S4")
    parser.add_argument("--checkpoint", action="store_true")
    arguments = parser.parse_args()
    if arguments.checkpoint:
        _checkpoints(arguments.cells.split(","))
        return
    print(f"{'cell':16} {'shape':5} {'celldsl':>9} {'JAX':>9}   MB")
    for cell in arguments.cells.split(","):
        for shape in arguments.shapes.split(","):
            ours, theirs = (_peak(peer, cell, SHAPES[shape]) for peer in ("ours", "jax_scan"))
            print(f"{cell:16} {shape:5} {ours['peak']:9.1f} {theirs['peak']:9.1f}", flush=True)


def _checkpoints(cells: list[str]) -> None:
    print(f"{'cell':16} {'segments':>8} {'MB':>8} {'seconds':>8}   gradients")
    for cell in cells:
        whole, cut = (_peak(peer, cell, LONG) for peer in ("ours", "checkpointed"))
        for found in (whole, cut):
            differ = abs(found["sum"] - whole["sum"]) / abs(whole["sum"])
            print(f"{cell:16} {found['segments']:>8} {found['peak']:8.1f} {found['seconds']:8.2f}"
                  f"   {differ:.1e} apart", flush=True)  # fmt: skip


def _peak(peer: str, cell: str, shape: tuple[int, ...]) -> dict[str, Any]:
    folder = str(ROOT / "benchmarks")
    return in_child(CODE, {}, folder, peer, cell, ",".join(map(str, shape)))


def child(peer: str, cell: str, shape: str) -> None:
    """Runs in the other process: a small pass that compiles, then the one that is measured."""
    set_threads(2)
    from peers.work import Work

    sizes = [int(size) for size in shape.split(",")]
    print(json.dumps(_measured(peer, Work, CELLS[cell], tuple(sizes))))


def _measured(peer: str, work_of: Any, spec: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    segments = SEGMENTS if peer == "checkpointed" else 1
    if peer == "jax_scan":
        from peers import jax_scan

        work = work_of(spec, shape)
        compiled = jax_scan.train_compiled(work)
        return _watched(lambda: jax_scan.jax.block_until_ready(compiled()))[1]
    _train(work_of(spec, (2, 2, *shape[2:])), 1)
    work = work_of(spec, shape)
    gradients, found = _watched(lambda: _train(work, segments))
    total = sum(float((a.astype("float64") ** 2).sum()) for a in gradients.params.values())
    return {**found, "segments": segments, "sum": total}


def _watched(run: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    """What a call gives, the seconds it takes, and the most memory above that at its start."""
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)  # what compiling has left would be used, and not be seen
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak
    before = _megabytes("VmRSS")
    start = time.perf_counter()
    result = run()
    seconds = time.perf_counter() - start
    return result, {"peak": _megabytes("VmHWM") - before, "seconds": seconds}


def _megabytes(field: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 2**10
    raise LookupError(field)


def _train(work: Any, segments: int) -> Any:
    _, _, tape = work.cell.forward(work.x, state=tuple(work.starts), checkpoint=segments)
    return work.cell.backward(tape, work.dy, tuple(work.finals))


if __name__ == "__main__":
    main()
