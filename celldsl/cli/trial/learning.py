"""Cells learning in turns.  In: models, a time to end at.  Out: a curve for each.

Every learner gets the same time for its updates: what is left after compiling, but for tests.  They
take turns, so that their curves grow side by side, and each turn divides what is left by then.
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
    testing: float = 0.0  # seconds of the last test
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
    until: float,
    told: Callable[[Learner], None],
    most: int | None = None,
) -> None:
    """Trains each until `time.perf_counter()` is there, or for `most` updates.

    One update is made in any case.  `told` hears of every point and every end.
    """
    paces = [_first_pace(each) for each in learners]
    for each in learners:
        if each.stopped:
            told(each)
    share = _share(learners, until, 1)
    for each, pace in zip(learners, paces, strict=True):
        steps = most or max(int(share / max(pace * 1.3, 1e-6)), 1)
        rate = cosine(RATE, steps, warmup=min(20, steps // 10))
        each.adam = Adam(each.model.arrays, rate, clip=LONGEST)
    for turn in range(1, POINTS + 1):
        share = _share(learners, until, POINTS + 1 - turn)
        for each in learners:
            if not each.stopped:
                _turn(each, share, None if most is None else -(-most * turn // POINTS))
                _test(each)
                told(each)
        if time.perf_counter() >= until:
            return


def _share(learners: Sequence[Learner], until: float, turns: int) -> float:
    """The seconds that each has for its updates in one of the turns that are left."""
    going = [each for each in learners if not each.stopped]
    left = (until - time.perf_counter()) / turns - sum(each.testing for each in going)
    return left / max(len(going), 1)


def _first_pace(each: Learner) -> float:
    """Compiles, tests, and says how long an update takes."""
    x, wanted = each.model.task.batch(each.random)
    loss, _ = each.model.gradients(x, wanted)
    if not np.isfinite(loss):
        _stop(each, loss, x)
        return 0.0
    begun = time.perf_counter()
    each.model.gradients(x, wanted)
    pace = time.perf_counter() - begun
    _test(each)
    return pace


def _turn(each: Learner, seconds: float, most: int | None) -> None:
    """Updates for some seconds, at least one, as long as there are fewer than `most`."""
    begun = now = time.perf_counter()
    while most is None or each.updates < most:
        x, wanted = each.model.task.batch(each.random)
        loss, gradients = each.model.gradients(x, wanted)
        if not np.isfinite(loss):
            _stop(each, loss, x)
            break
        try:
            each.adam.update(gradients)
        except NonFiniteError as error:
            each.stopped = str(error)
            break
        each.updates += 1
        now = time.perf_counter()
        if now - begun >= seconds:
            break
    each.seconds += now - begun


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
    begun = time.perf_counter()
    score = each.model.task.score(each.model.answers(x), wanted)
    each.testing = time.perf_counter() - begun
    each.curve.append(Point(each.seconds, each.updates, score))
    if not np.isfinite(score):
        each.stopped = f"the score is {score} after {each.updates} updates"
