"""The tasks of the learning benchmark: those of `celldsl try` at sizes of its own, by name."""

from __future__ import annotations

from functools import cache

from celldsl.cli.trial.tasks import Size, Task, adding, characters, copying, digits, source_text

SIZE = Size(rows=64, tested=512)
TASKS = {
    "adding": lambda: adding(SIZE, learned=0.05),
    "pixels": lambda: digits(SIZE, pixels=1, learned=0.5),
    "copy": lambda: copying(SIZE, copied=10, blank=50, learned=0.5),
    "characters": lambda: characters(source_text(), SIZE, learned=3.0),
}


@cache
def task_of(name: str) -> Task:
    return TASKS[name]()
