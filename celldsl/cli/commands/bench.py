"""`celldsl bench FILE`.  In: a cell.  Out: a table of how fast it is, over sizes.

The share is that of the sgemm limit: what the cell's products take at the rate of NumPy's BLAS, by
what a training pass takes.  Beside that pass stands the same with products in bfloat16.  A second
table has PyTorch's and JAX's cells where they are installed: other cells, of the same sizes.  Both
are at most 80 columns wide.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from typing import Any

from celldsl.cli.options import (
    BLAS_THREADS,
    add_choice,
    add_without,
    not_negative,
    parse_settings,
    whole,
)
from celldsl.cli.output import CommandError, on_terminal

EXAMPLE = (
    "celldsl bench gru.cell\n"
    "  celldsl bench gru.cell --sizes 128 --batch 1,32 --steps 50 --peers none\n"
    "  celldsl bench gru.cell --set I=28 --sizes 128,256 --threads 1"
)
# Idle threads of OpenBLAS spin for 2 to this power cycles, by default for 27 ms.
IDLE = "OPENBLAS_THREAD_TIMEOUT"
THREADS = ("OMP_NUM_THREADS", *BLAS_THREADS)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .cell file")
    add_choice(parser)
    add_without(parser)
    parser.add_argument(
        "--sizes", default="64,128,256", metavar="N,…", help="dims not set (default: 64,128,256)"
    )
    parser.add_argument("--batch", default="1,32", metavar="B,…", help="(default: 1,32)")
    parser.add_argument("--steps", type=whole(), default=100, metavar="T", help="(default: 100)")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--threads", type=whole(), metavar="N", help="(default: all cores)")
    parser.add_argument(
        "--peers", default="torch,jax", help="what to put beside it: torch, jax or none"
    )
    parser.add_argument(
        "--seconds", type=not_negative, default=1.0, help="for each line of the table (default: 1)"
    )


def run(arguments: Namespace) -> int:
    settings = parse_settings(arguments.set)
    sizes, batches = (_numbers(arguments, name) for name in ("sizes", "batch"))
    peers = _peers(arguments.peers)
    # BLAS reads these when NumPy is imported, which nothing has done so far.
    os.environ.setdefault(IDLE, "4")
    if arguments.threads is not None:
        os.environ.update(dict.fromkeys(THREADS, str(arguments.threads)))
    subject = _subject(arguments, settings)
    _print_table(subject, [(n, b) for n in sizes for b in batches], arguments, peers)
    return 0


def _numbers(arguments: Namespace, name: str) -> list[int]:
    words = getattr(arguments, name).split(",")
    if not all(word.strip().isdecimal() and int(word) > 0 for word in words):
        raise CommandError(f"--{name}: expected positive integers with commas between", 2)
    return [int(word) for word in words]


def _peers(text: str) -> list[str]:
    found = [] if text == "none" else text.split(",")
    for name in found:
        if name not in ("torch", "jax"):
            raise CommandError(f"--peers: expected torch, jax or none, got {name!r}", 2)
    return found


def _subject(arguments: Namespace, settings: Mapping[str, Any]) -> Any:
    from celldsl.cli.benchmark import Subject
    from celldsl.runtime.threads.thread_count import set_threads

    if arguments.threads is not None:
        set_threads(arguments.threads)
    return Subject(
        arguments.file,
        arguments.cell,
        arguments.root,
        settings,
        arguments.dtype,
        arguments.without,
    )


def _print_table(
    subject: Any, wanted: list[tuple[int, int]], arguments: Namespace, peers: list[str]
) -> None:
    from celldsl.cli.benchmark import peers_of
    from celldsl.runtime.threads.thread_count import get_threads

    beside, absent = peers_of(peers, get_threads(), arguments.dtype)
    sizes: Iterable[tuple[int, int]] = wanted
    if on_terminal():
        from tqdm import tqdm

        sizes = tqdm(wanted, desc="measuring", unit="line", file=sys.stderr, leave=False)
    lines = [subject.measure(n, b, arguments.steps, arguments.seconds, beside) for n, b in sizes]
    print(f"{subject.name}: {arguments.dtype}, T={arguments.steps}, {_threads(get_threads())}; "
          "training is forward and all gradients")  # fmt: skip
    if arguments.without:
        print(f"without {', '.join(arguments.without)}")
    print(" size    B      step   forward  training  bfloat16    rows/s  GFLOP/s  of sgemm")
    for line in lines:
        print(line.text)
    names = list(dict.fromkeys(name for line in lines for name in line.others))
    if names:
        print("\ntraining, and how many times as long other cells of the same sizes take")
        print(" size    B  this cell" + "".join(f"{name:>18}" for name in names))
        for line in lines:
            print(line.beside(names))
    if absent:
        print(f"\nnot installed: {', '.join(absent)}")


def _threads(number: int) -> str:
    return "1 thread" if number == 1 else f"{number} threads"
