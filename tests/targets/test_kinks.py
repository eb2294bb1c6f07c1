"""At kinks and ties plain code has the gradients of the language, not those of the library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celldsl.targets.reference import gradients
from tests.end_to_end.compare import TOLERANCE, distance
from tests.end_to_end.subject import subject_of
from tests.targets.compare import TARGETS, flat_gradients
from tests.targets.written import Values, written

TEXT = '''
cell Main[N]:
    """Each operation that has a kink, at it; `x` holds zeros, ties and bounds."""
    input x, z: [N]
    state h: [N]

    a = relu(x) + 2 * abs(x) + 3 * max(x, z) + 5 * min(x, z) + 7 * clip(x, -1, 1)
    b = clip(x, z, z + 1) + 2 * clip(z, -1, x + 1) + 3 * clip(0.5, z, x)
    c = step(x) + floor(x) * z + round(x) + sign(x) * z + mod(x, 2) + mod(x, 1.5 + abs(z))
    d = norm(x) + norm(x * 0) + max(x) + min(x) + 2 * max(x * z)
    e = x ** 2 + x ** 3 + abs(x) ** (1 + z) + (1 + abs(x)) ** (z - 1) + 2 ** x + x ** 0
    f = where(x > 0, x * z, z) + where(x == z, x, 2 * z) + hard_tanh(x) + hard_sigmoid(3 * x)
    g = surrogate(step(x), tanh(x)) + stop_gradient(x) * z + leaky_relu(x) + elu(x) + selu(x)
    k = cumprod(x) + softmax(x) + logsumexp(x) + cumsum(x)
    h' = 0.1 * (a + b + c + d + e + f + g + k) + h

    output h'
'''
ROWS = (
    (0.0, 0.0, 1.0, -1.0, 0.5, 2.0),
    (1.0, 1.0, 0.0, 0.0, -2.0, -1.0),
    (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    (-0.0, 2.0, 2.0, 0.3, -1.0, 1.5),
)


@pytest.mark.parametrize("target", TARGETS)
def test_at_kinks(target: str, tmp_path: Path) -> None:
    pytest.importorskip(target)
    path = tmp_path / "kinks.cell"
    path.write_text(TEXT, encoding="utf-8")
    subject = subject_of(path)
    x = np.array(ROWS)[:, None, :]
    z = np.array([*ROWS[1:], ROWS[0]])[:, None, :]
    z[2] = 0.0
    dims = {"N": x.shape[-1]}
    inputs: dict[str, Any] = {"x": x, "z": z}
    dy, states = {"h": np.ones_like(x)}, {"h": np.ones(x.shape[1:])}
    run, back = gradients(
        subject.forward, subject.backward, inputs, dims, len(x), 1, dy, states, states
    )
    module = written(subject, target)
    found = flat_gradients(target, module, subject, dims, Values(), inputs, states, dy, states)
    assert np.isfinite(run.results["output", "h"]).all()
    assert distance(found["output h"], run.results["output", "h"]) < TOLERANCE
    for name in inputs:
        wanted = back.results["input", name]
        assert np.isfinite(wanted).all()
        np.testing.assert_allclose(found[f"d {name}"], wanted, rtol=1e-10, atol=1e-10)
