"""Threads that share the rows of a sum over rows get what one gets alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celldsl.runtime.threads import thread_count as threads
from tests.end_to_end.subject import SIZES, subject_of
from tests.end_to_end.test_reference import parameters

STEPS, BATCH = 13, 124  # 1612 rows: enough for three to share
pytestmark = pytest.mark.usefixtures("small_work_shared")


@pytest.mark.parametrize("path", parameters())
def test_many_rows_are_shared_rightly(path: Path) -> None:
    subject, dims = subject_of(path), SIZES[2]
    own = {d.name: dims[d.name] for d in subject.spec.dims if d.name in dims and not d.fixed}
    cell = subject.make(own)
    x = subject.draw_inputs(cell.dims, STEPS, BATCH)
    dy = subject.draw_outputs(cell.dims, STEPS, BATCH)
    lengths = np.random.default_rng(0).integers(0, STEPS + 1, BATCH)
    for given in (None, lengths):
        expected = _gradients(cell, x, dy, given, 1)
        for number in (3, 4):
            found = _gradients(cell, x, dy, given, number)
            scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11 * scale)
            np.testing.assert_array_equal(found, _gradients(cell, x, dy, given, number))


def _gradients(cell: Any, x: Any, dy: Any, lengths: Any, number: int) -> Any:
    threads.set_threads(number)
    _, _, tape = cell.forward(x, lengths=lengths, seed=0)
    found = cell.backward(tape, dy)
    parts = [found.params.flat, *(array.ravel() for array in found.inputs.values())]
    return np.concatenate(parts)
