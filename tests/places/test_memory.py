"""A pass that finds no memory says how large it is, and what makes it smaller."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.places.place import run, said

CODE = """
import resource
import numpy as np
from tiny import Tiny
cell = Tiny(I=1, H=64, seed=0)
x = np.zeros((20_000, 64, 1), np.float32)
cell.forward(x[:3])
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 200_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for call in (cell.forward, cell):
    try:
        call(x)
    except MemoryError as error:
        print(error)
"""


def test_no_memory(image: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("memory is limited otherwise here")
    forward, call = said(run(CODE, image, CELLDSL_NUM_THREADS="1")).splitlines()
    both = "no memory for a pass over T=20000, B=64: it takes "
    assert (
        forward.startswith(both) and "GB of it for the tape; forward(…, checkpoint=True)" in forward
    )
    assert call.startswith(both) and call.endswith("shorter or fewer sequences at once take less")


BACKWARD = """
import resource
import numpy as np
from tiny import Tiny
cell = Tiny(I=1, H=64, seed=0)
x = np.zeros((20_000, 64, 1), np.float32)
few, _, tape = cell.forward(x[:3])
cell.backward(tape, few)
y, _, tape = cell.forward(x)
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 50_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    cell.backward(tape, y)
except MemoryError as error:
    print(error)
"""


def test_no_memory_on_the_way_back(image: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("memory is limited otherwise here")
    told = said(run(BACKWARD, image, CELLDSL_NUM_THREADS="1"))
    assert told.startswith("no memory for a backward pass over T=20000, B=64: it takes ")
    assert "GB beside the tape; after forward(…, checkpoint=True) it goes by segments" in told
