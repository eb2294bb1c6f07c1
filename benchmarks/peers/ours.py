"""This project.  In: work.  Out: functions that do it once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peers.work import Work

LABEL = "celldsl"


def train(work: Work) -> Callable[[], Any]:
    cell = work.cell
    starts, finals = tuple(work.starts), tuple(work.finals)

    def run() -> Any:
        y, _, tape = cell.forward(work.x, state=starts)
        return y, cell.backward(tape, work.dy, finals)

    return run


def infer(work: Work) -> Callable[[], Any]:
    starts = tuple(work.starts)
    return lambda: work.cell(work.x, starts)[0]
