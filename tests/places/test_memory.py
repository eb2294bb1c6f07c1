"""A call that finds no memory says how large it is, and what makes it smaller."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.places.place import run, said

# Each call has what it returned before at hand, and `room` bytes more than it has now.
CALLS = """
import resource
import numpy as np
from tiny import Tiny

def limited(room, call):
    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + room
    resource.setrlimit(resource.RLIMIT_AS, (limit, -1))
    try:
        call()
        print("there was room")
    except MemoryError as error:
        print(error)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))

cell = Tiny(I=1, H=64, seed=0)
x = np.zeros((20_000, 64, 1), np.float32)
few, last, tape = cell.forward(x[:3])
cell.backward(tape, few)
cell.step(x[0])
"""
FORWARD = """
limited(200_000_000, lambda: cell.forward(x))
limited(200_000_000, lambda: cell(x))
limited(500_000_000, lambda: cell.forward(x, states="all"))
limited(500_000_000, lambda: cell(x, states="all"))
limited(200_000_000, lambda: cell.forward(x, checkpoint=True))
limited(200_000_000, lambda: cell.forward(x, checkpoint=2))
limited(300_000_000, lambda: cell(x, lengths=np.full(64, 19_000)))
# Nothing but a copy of the inputs is too large.
limited(50_000_000, lambda: cell.step(np.broadcast_to(x[0, :1], (10**8, 1))))
"""
OVER = "no memory for a pass over T=20000, B=64"


@pytest.fixture
def limits(image: Path) -> Path:
    if sys.platform != "linux":
        pytest.skip("memory is limited otherwise here")
    return image


def lines(code: str, folder: Path) -> list[str]:
    return said(run(CALLS + code, folder, CELLDSL_NUM_THREADS="1")).splitlines()


def test_on_the_way_forward(limits: Path) -> None:
    found = lines(FORWARD, limits)
    forward, call, states, called, best, segments, packed, step = found
    fewer = "shorter or fewer sequences at once take less"
    whole = f"{OVER}: it takes "
    assert forward.startswith(whole) and "GB of it for the tape; forward(…, checkpoint=" in forward
    assert "checkpoint=True) takes 0.33" in forward and forward.endswith(f" GB, and {fewer}")
    assert call.startswith(whole) and call.endswith(f"GB; {fewer}")
    assert "GB of it for the tape and 0.328 GB for the states after every step" in states
    assert 'GB, 0.328 GB for the states after every step; states="last" takes 0.655' in called
    assert best.startswith(f"{OVER} with checkpoint=142: it takes ") and best.endswith(fewer)
    assert segments.startswith(f"{OVER} with checkpoint=2: it takes ")
    assert "; forward(…, checkpoint=True) takes 0.33" in segments
    assert packed.startswith(whole)
    assert step.startswith("no memory for a step of B=100000000: it takes ")


BACKWARD = """
y, _, tape = cell.forward(x)
limited(50_000_000, lambda: cell.backward(tape, y))
y, _, tape = cell.forward(x, checkpoint=2)
limited(50_000_000, lambda: cell.backward(tape, y))
limited(50_000_000, lambda: cell.backward(tape, np.broadcast_to(y[:1], y.shape)))
"""


def test_on_the_way_back(limits: Path) -> None:
    whole, segments, cotangents = lines(BACKWARD, limits)
    back = "no memory for a backward pass over T=20000, B=64"
    assert whole.startswith(f"{back}: it takes 0.")
    for told in (whole, segments, cotangents):
        assert "beside the tape; after forward(…, checkpoint=True) it goes by segments" in told
    assert segments.startswith(f"{back} with checkpoint=2: it takes ")


TRACE = """
import celldsl
traced = celldsl.load("tiny.cell")(I=1, H=64)
traced.trace(x[:3])
limited(500_000_000, lambda: traced.trace(x))
"""


def test_what_is_traced(limits: Path) -> None:
    (told,) = lines(TRACE, limits)
    assert told.startswith("no memory for a trace over T=20000, B=64: the pass takes ")
    assert "names=[…] asks for fewer" in told


REST = """
limited(100_000_000, lambda: cell.stream(10**8))
limited(100_000_000, lambda: cell.state(10**8))
limited(100_000_000, lambda: Tiny(I=1, H=30_000))
limited(500_000_000, lambda: Tiny(I=1, H=8_000))
"""


def test_streams_states_and_cells(limits: Path) -> None:
    stream, state, large, drawn = lines(REST, limits)
    assert stream.startswith("no memory for a stream of B=100000000: it takes ")
    assert state.startswith("no memory for states of B=100000000: it takes ")
    assert "of float32: Tiny(I=1, H=30000) takes 3.6 GB" in large
    assert "Tiny(I=1, H=8000) takes 0.256 GB, and more while they are drawn" in drawn
