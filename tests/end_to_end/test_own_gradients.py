"""Gradients that the author clips and scales, against a backward pass by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.end_to_end.compare import TOLERANCE
from tests.end_to_end.subject import Subject, subject_of
from tests.targets.compare import TARGETS, flat_gradients
from tests.targets.written import Values, written

TEXT = '''
cell Main[N](low = -0.5):
    """A state whose gradient grows by 3 at each step, but for the clip."""
    input x: [N]
    state h: [N]

    h' = 3 * clip_gradient(h, low, 1.5) + scale_gradient(x, 0.25)

    output h'
'''
DIMS = {"N": 5}
T, B = 4, 3


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    path = tmp_path_factory.mktemp("own") / "own.cell"
    path.write_text(TEXT, encoding="utf-8")
    return subject_of(path)


def by_hand(dy: Any, dstate: Any) -> tuple[Any, Any]:
    """The gradients of x and of the start."""
    d, dx = dstate, np.empty_like(dy)
    for t in reversed(range(T)):
        d = d + dy[t]
        dx[t] = 0.25 * d
        d = np.clip(3 * d, -0.5, 1.5)
    return dx, d


def drawn() -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(2)
    x, dy = rng.normal(size=(2, T, B, 5))
    start, dstate = rng.normal(size=(2, B, 5))
    return x, dy, start, dstate


def test_kernels_clip_where_a_pass_by_hand_does(subject: Subject) -> None:
    x, dy, start, dstate = drawn()
    cell = subject.make(DIMS)
    state = cell.state(B)._replace(h=start)
    _, _, tape = cell.forward(x, state)
    grads = cell.backward(tape, dy, state._replace(h=dstate))
    wanted = by_hand(dy, dstate)
    np.testing.assert_allclose(grads.inputs["x"], wanted[0], rtol=1e-13)
    np.testing.assert_allclose(grads.state.h, wanted[1], rtol=1e-13)


@pytest.mark.parametrize("target", TARGETS)
def test_plain_code_does_so_too(subject: Subject, target: str) -> None:
    pytest.importorskip(target)
    x, dy, start, dstate = drawn()
    found = flat_gradients(
        target, written(subject, target), subject, DIMS, Values(), {"x": x}, {"h": start},
        {"h": dy}, {"h": dstate},
    )  # fmt: skip
    wanted = by_hand(dy, dstate)
    assert np.abs(found["d x"] - wanted[0]).max() < TOLERANCE
