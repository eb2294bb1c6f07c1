"""Passes right after the work of another library, whose threads spin on, beside peers.

    python benchmarks/company.py [--shapes S2] [--modes infer,train] [--after numpy,torch,onnx]
    python benchmarks/company.py --processes 3          # several at a time on the same cores
    python benchmarks/company.py --idle                 # what a process burns after a pass

A line says how many times as long the first call after 30 ms of somebody's products takes as one
among others of its own: ours, PyTorch's LSTM, ONNX Runtime's.  `one thread` is ours undisturbed on
one.  The lines `X after ours` are the other way: their first product after a pass of ours.  All in
turns, medians.  Each line takes about 15 seconds; all is in pieces, for a machine that is quiet now
and then.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from cells import CELLS, SHAPES
from setup_threads import set_threads

Run = Callable[[], object]
NEIGHBOURS = ("numpy", "torch", "onnx")
SPIN = 0.2  # seconds after which the last of them sleeps
WORK = 0.03  # seconds of a neighbour's work before a pass
WARM = 0.02
SIZE = 512  # of the neighbours' matrices
BEFORE = "ours"
STATISTICS = Path("/proc/stat")
THREADS = 2


def main() -> None:
    given = _arguments()
    set_threads(THREADS)
    del os.environ["OPENBLAS_THREAD_TIMEOUT"]  # as people have it
    if given.idle:
        print(f"CPU time after a pass: {1e3 * idle_time():.2f} ms")
    elif given.processes:
        print_processes(given)
    else:
        for shape in given.shapes.split(","):
            for mode in given.modes.split(","):
                print_company(given, shape, mode)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cell", default="packed_lstm", choices=CELLS)
    parser.add_argument("--shapes", default="S1,S2,S3,S4")
    parser.add_argument("--modes", default="infer,train")
    parser.add_argument("--after", default=",".join(NEIGHBOURS))
    parser.add_argument("--peers", default="torch,onnx", help="whose cells are measured, too")
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--processes", type=int, help="how many at a time")
    parser.add_argument("--calls", type=int, help="what each of several processes does")
    parser.add_argument("--threads", type=int, default=THREADS, help="of each of several processes")
    parser.add_argument("--idle", action="store_true")
    return parser.parse_args()


def neighbours(names: list[str]) -> dict[str, Run]:
    """A product of each library, on its own threads."""
    import numpy as np

    square = np.full((SIZE, SIZE), 0.5, "float32")
    found: dict[str, Run] = {}
    if "numpy" in names:
        found["numpy"] = lambda: square @ square
    if "torch" in names:
        import torch

        torch.set_num_threads(THREADS)
        tensor = torch.from_numpy(square)
        found["torch"] = lambda: tensor @ tensor
    if "onnx" in names:
        session = _product_session()
        found["onnx"] = lambda: session.run(None, {"x": square})
    return found


def _product_session() -> Any:
    import onnxruntime
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    kind, shape = TensorProto.FLOAT, [SIZE, SIZE]
    node = helper.make_node("MatMul", ["x", "x"], ["y"])
    graph = helper.make_graph(
        [node], "product", [value("x", kind, shape)], [value("y", kind, shape)]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def subjects(cell: str, shape: str, mode: str, peers: Sequence[str] = ()) -> dict[str, Run]:
    """Ours, and those of peers that have the cell."""
    from peers.work import Work

    work = Work(CELLS[cell], SHAPES[shape])
    modules = [import_module(f"peers.{name}") for name in ("ours", *(f"{p}_fused" for p in peers))]
    made = ((module.LABEL, getattr(module, mode)(work)) for module in modules)
    return {label: run for label, run in made if run is not None}


def print_company(given: Any, shape: str, mode: str) -> None:
    cell = given.cell
    runs = subjects(cell, shape, mode, [name for name in given.peers.split(",") if name])
    ours = next(iter(runs))
    others = neighbours([name for name in given.after.split(",") if name])
    before = _busy()
    times = measure(runs, others, given.turns)
    print(f"others took {100 * _taken_by_others(before):.0f} % of a core meanwhile")
    for label in runs:
        alone = times[label, ""]
        line = "  ".join(f"after {o} {times[label, o] / alone:4.2f}" for o in others)
        print(f"{cell} {shape} {mode:5} {label:12} {1e3 * alone:8.2f} ms  {line}", flush=True)
    alone = times[ours, ""]
    print(f"{cell} {shape} {mode:5} {'one thread':12} {times['one', ''] / alone:.2f} of two")
    for other in others:
        ratio = times[other, BEFORE] / times[other, ""]
        print(f"{cell} {shape} {mode:5} {other} after ours {ratio:.2f}")


def _busy() -> tuple[float, float, float]:
    """Seconds of all cores that were not idle, and of this process, and now."""
    numbers = []
    if STATISTICS.exists():
        words = STATISTICS.read_text(encoding="ascii").splitlines()[0].split()
        numbers = [int(word) / 100 for word in words[1:]]
    busy = sum(numbers) - sum(numbers[3:5])
    return busy, time.process_time(), time.perf_counter()


def _taken_by_others(before: tuple[float, float, float]) -> float:
    every, own, passed = (b - a for a, b in zip(before, _busy(), strict=True))
    return max(0.0, every - own) / passed


def measure(
    runs: Mapping[str, Run], others: Mapping[str, Run], turns: int
) -> dict[tuple[str, str], float]:
    """Medians by (who, after whom); after nobody is among calls of its own."""
    ours = next(iter(runs.values()))
    plans = [(who, "", run, run, WARM) for who, run in runs.items()]
    plans += [
        (who, o, run, other, WORK) for who, run in runs.items() for o, other in others.items()
    ]
    plans += [(o, "", other, other, WORK) for o, other in others.items()]
    plans += [(o, BEFORE, other, ours, WORK) for o, other in others.items()]
    plans.append(("one", "", on_one_thread(ours), on_one_thread(ours), WARM))
    found: dict[tuple[str, str], list[float]] = {plan[:2]: [] for plan in plans}
    for *_, run, before, _ in plans:
        before(), run()
    for _ in range(turns):
        for who, after, run, before, long in plans:
            found[who, after].append(_first_after(run, before, long))
    return {key: median(times) for key, times in found.items()}


def on_one_thread(run: Run) -> Run:
    import celldsl

    def alone() -> None:
        celldsl.set_threads(1)
        run()
        celldsl.set_threads(THREADS)

    return alone


def _first_after(run: Run, before: Run, long: float) -> float:
    """The first call after `before` was called again and again for so long."""
    time.sleep(SPIN)
    end = time.perf_counter() + long
    before()
    while time.perf_counter() < end:
        before()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def idle_time() -> float:
    """The CPU time of half a second after a pass, the median of several."""
    run = next(iter(subjects("packed_lstm", "S2", "train").values()))
    found = []
    for _ in range(7):
        run(), run()
        start = time.process_time()
        time.sleep(0.5)
        found.append(time.process_time() - start)
    return median(found)


def print_processes(given: Any) -> None:
    """How much longer a process takes than its share of the cores."""
    if given.calls:
        _work_as_one_of_many(given)
        return
    for shape in given.shapes.split(","):
        for mode in given.modes.split(","):
            found = {
                n: _together(given.cell, shape, mode, n, t)
                for n, t in ((1, THREADS), (given.processes, THREADS), (given.processes + 1000, 1))
            }
            alone, together, ones = found.values()
            share = together / (alone * given.processes)
            print(
                f"{given.cell} {shape} {mode:5} alone {1e3 * alone:.2f} ms, {given.processes} "
                f"together {share:.2f} of that many times as long; with one thread each "
                f"{ones / (alone * given.processes):.2f}",
                flush=True,
            )


def _together(cell: str, shape: str, mode: str, count: int, threads: int) -> float:
    """Seconds of a call where so many processes call again and again."""
    command = [sys.executable, __file__, "--cell", cell, "--shapes", shape, "--modes", mode]
    command += ["--processes", str(count % 1000), "--calls", "1", "--threads", str(threads)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    children = [subprocess.Popen(command, **pipes) for _ in range(count % 1000)]  # type: ignore[call-overload]
    for child in children:
        child.stdout.readline()  # it is ready
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    return median(float(child.communicate()[0]) for child in children)


def _work_as_one_of_many(given: Any) -> None:
    import celldsl

    celldsl.set_threads(given.threads)
    run = next(iter(subjects(given.cell, given.shapes, given.modes).values()))
    run(), run()
    print("ready", flush=True)
    sys.stdin.readline()
    start, calls = time.perf_counter(), 0
    while time.perf_counter() < start + 4:
        run()
        calls += 1
    print((time.perf_counter() - start) / calls)


if __name__ == "__main__":
    main()
