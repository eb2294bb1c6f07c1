"""Cells for the tests of the runtime, and a number of threads to try them with."""

from __future__ import annotations

import signal
from typing import Any

import numpy as np
import pytest

from celldsl.runtime.threads import thread_count as threads
from tests.runtime.fake_cell import Fake
from tests.runtime.fake_pair import Pair


@pytest.fixture
def cell() -> Fake:
    return Fake(I=3, H=4, dtype="float64", scale=0.8)


@pytest.fixture
def pair() -> Pair:
    return Pair(H=3, w=np.array([0.1, 0.5, 0.9]), dtype="float64")


@pytest.fixture(params=[1, 2, 3])
def parts(request: pytest.FixtureRequest, small_work_shared: None) -> int:
    """Splits even the smallest work into this many parts."""
    threads.set_threads(request.param)
    return int(request.param)


@pytest.fixture
def after_a_moment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Something that a signal does, a little later."""
    if not hasattr(signal, "setitimer"):
        pytest.skip("there are no timers")
    before = signal.getsignal(signal.SIGALRM)

    def later(handler: Any, seconds: float) -> None:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    yield later
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
