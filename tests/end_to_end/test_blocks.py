"""Few sequences at a time through all steps: the same numbers as all of them step by step."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.threads import thread_count as threads

TEXTS = {
    "gated": """
        cell Gated[K, V]:
            input q, k, g: [K]
            input v: [V]
            state S: [K, V]
            S' = expand(sigmoid(g), 1) * S + outer(k, v)
            y = (q / sqrt(K)) @ S'
            output y
        """,
    "normalised": """
        cell Normalised[K, V]:
            input q, k: [K]
            input v: [V]
            param start: [K, V]
            state S: [K, V] = start
            state m: [K] = ones([K])
            forget = sigmoid(m * k)
            m' = 0.5 * m + tanh(k) * mean(S @ v)
            S' = expand(forget, 1) * S + outer(k, v - k @ S)
            y = (q @ S') / (1 + abs(q @ m'))
            output y
        """,
}
STEPS, BATCH = 6, 7
SIZES = ({"K": 3, "V": 5}, {"K": 64, "V": 65}, {"K": 130, "V": 127})  # blocks of 7, 3 and 1
pytestmark = pytest.mark.usefixtures("small_work_shared")


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sizes", SIZES, ids=lambda s: f"{s['K']}x{s['V']}")
@pytest.mark.parametrize("name", TEXTS)
def test_blocks_change_nothing(
    name: str, sizes: dict[str, int], reverse: bool, tmp_path: Path
) -> None:
    path = tmp_path / f"{name}.cell"
    path.write_text(dedent(TEXTS[name]).lstrip())
    blocked = celldsl.load(path)(dtype="float64", seed=0, **sizes)
    plain = celldsl.load(path, without=["block_sequences"])(dtype="float64", seed=0, **sizes)
    rng = np.random.default_rng(0)
    x = {
        each.name: 0.3 * rng.standard_normal((STEPS, BATCH, *each.shape(**sizes)))
        for each in blocked.description.inputs
    }
    dy = rng.standard_normal((STEPS, BATCH, sizes["V"]))
    for lengths in (None, np.array([6, 0, 3, 6, 1, 5, 2])):
        for number in (1, 2):
            threads.set_threads(number)
            given = {"lengths": lengths, "reverse": reverse}
            for a, b in zip(_all(plain, x, dy, given), _all(blocked, x, dy, given), strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-13, atol=1e-13)


def _all(cell: Any, x: dict[str, Any], dy: Any, given: dict[str, Any]) -> list[Any]:
    y, end, tape = cell.forward(**x, **given)
    found = cell.backward(tape, dy)
    alone, _ = cell(**x, **given)
    np.testing.assert_array_equal(alone, y)
    ends = end if isinstance(end, tuple) else (end,)
    return [y, *ends, found.params.flat, *found.inputs.values()]
