"""Cells on Numba alone do what the reference does: another code generator, the same cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from celldsl import load
from celldsl.runtime.errors import ArgumentError
from tests.cells import FIRST, example
from tests.end_to_end.compare import Setup, compare_all
from tests.end_to_end.every_cell import FEATURE_CELLS, NAMES, subject_named
from tests.tenth import marked

SETUPS = (
    Setup(),
    Setup(given=False, sizes=1, T=1, B=1),
    Setup(lengths=(3, 1, 4), reverse=True, threads=2),
)
QUICK = (*FIRST, *FEATURE_CELLS)
REST = [name for name in NAMES if name not in QUICK]
SLOW = [pytest.param(name, marks=pytest.mark.slow, id=name) for name in REST]


@pytest.mark.parametrize("name", [*marked(QUICK), *SLOW])
def test_numba_alone_agrees_with_the_reference(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compare_all(replace(subject_named(name), engine="numba"), SETUPS, monkeypatch)


def test_steps_and_streams_run_on_numba_too() -> None:
    RNN = load(example("rnn"))
    ours, numbas = RNN(I=2, H=3), RNN(I=2, H=3, engine="numba")
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 2, 2)
    stream = numbas.stream(2)
    state = None
    for x_t, wanted in zip(x, ours(x)[0], strict=True):
        y, state = numbas.step(x_t, state)
        np.testing.assert_allclose(y, wanted, rtol=1e-5)
        np.testing.assert_allclose(stream(x_t), wanted, rtol=1e-5)
    other = numbas.__reduce__()
    assert other[1][0]["engine"] == "numba"


def test_an_engine_that_there_is_not_is_refused() -> None:
    with pytest.raises(ArgumentError, match='engine: expected "llvm" or "numba", got \'jax\''):
        load(example("rnn"))(I=2, H=3, engine="jax")
