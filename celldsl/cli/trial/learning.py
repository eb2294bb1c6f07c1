"""Cells learning in turns.  In: models, minutes.  Out: a curve for each, as far as it went.

Every learner gets the same time.  They take turns of a part of a second, so that their curves grow
side by side.  Compiling and testing are outside of a learner's time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from celldsl.cli.trial.model import Model
from celldsl.optim import Adam, cosine
from celldsl.runtime.errors import NonFiniteError
from celldsl.structs import entity, field, record

RATE, LONGEST, POINTS = 0.005, 1.0, 24


@record
class Point:
    seconds: float
    updates: int
    score: float


@entity
class Learner:
    """`stopped` says why it ended early; `learned` is the first point that is good enough."""

    model: Model
    seed: int
    random: Any
    curve: list[Point] = field(default_factory=list)
    seconds: float = 0.0
    updates: int = 0
    stopped: str = ""
    adam: Any = None

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def learned(self) -> Point | None:
        return next((p for p in self.curve if self.model.task.has_learned(p.score)), None)

    @property
    def score(self) -> float:
        return self.curve[-1].score if self.curve else float("nan")


def learner(model: Model, seed: int) -> Learner:
    return Learner(model, seed, np.random.default_rng(seed))


def learn(
    learners: Sequence[Learner],
    seconds: float,
    told: Callable[[Learner], None],
    most: int | None = None,
) -> None:
    """Trains each for `seconds` or `most` updates; `told` hears of every point and every end."""
    for each in learners:
        _begin(each, seconds, most)
        _test(each)
        if each.stopped:
            told(each)
    for turn in range(1, POINTS + 1):
        for each in learners:
            if not each.stopped:
                _turn(each, seconds * turn / POINTS, most)
                _test(each)
                told(each)


def _begin(each: Learner, seconds: float, most: int | None) -> None:
    """Compiles, and sees from a few updates how many there will be."""
    x, wanted = each.model.task.batch(each.random)
    loss, _ = each.model.gradients(x, wanted)
    if not np.isfinite(loss):
        _stop(each, loss, x)
        return
    begun = time.perf_counter()
    each.model.gradients(x, wanted)
    one = time.perf_counter() - begun
    steps = most or max(int(seconds / max(one * 1.3, 1e-6)), 1)
    each.adam = Adam(each.model.arrays, cosine(RATE, steps, warmup=min(20, steps // 10)),
                     clip=LONGEST)  # fmt: skip


def _turn(each: Learner, until: float, most: int | None) -> None:
    begun, before = time.perf_counter(), each.seconds
    share = None if most is None else -(-most * (len(each.curve)) // POINTS)
    while each.seconds < until and (share is None or each.updates < share):
        x, wanted = each.model.task.batch(each.random)
        loss, gradients = each.model.gradients(x, wanted)
        if not np.isfinite(loss):
            _stop(each, loss, x)
            return
        try:
            each.adam.update(gradients)
        except NonFiniteError as error:
            each.stopped = str(error)
            return
        each.updates += 1
        each.seconds = before + time.perf_counter() - begun


def _stop(each: Learner, loss: float, x: Any) -> None:
    """Says which equation it was, where the cell can."""
    each.stopped = f"the loss is {loss} after {each.updates} updates"
    try:
        each.model.run(x, check_numerics=True)
    except NonFiniteError as error:
        each.stopped += f": {error}"


def _test(each: Learner) -> None:
    if each.stopped:
        return
    x, wanted = each.model.task.test
    score = each.model.task.score(each.model.answers(x), wanted)
    each.curve.append(Point(each.seconds, each.updates, score))
    if not np.isfinite(score):
        each.stopped = f"the score is {score} after {each.updates} updates"
