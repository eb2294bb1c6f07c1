"""Products in bfloat16 in kernels, against the reference, which rounds the same operands.

Cells are of float64 here, which users cannot ask for: rounding then falls on the same numbers in
kernels and in the reference, whatever the order of sums, and all that is left to differ is 1e-10.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from celldsl import load
from celldsl.runtime.cell import construction
from celldsl.transforms.autodiff import differentiate
from celldsl.transforms.fold_constants import fold_constants
from celldsl.transforms.pick_rows import pick_rows
from celldsl.transforms.round_products import round_products
from tests.cells import example
from tests.end_to_end.compare import Setup, compare_all
from tests.end_to_end.every_cell import NAMES, subject_named
from tests.end_to_end.subject import Subject

SETUPS = (
    Setup(),
    Setup(given=False, sizes=2, T=3, B=5, threads=2),
    Setup(sizes=1, T=1, B=1),
    Setup(lengths=(3, 1, 4), reverse=True, threads=2),
)
QUICK = ("gru", "peephole_lstm", "ln_lstm", "cudnn_gru", "deltanet", "conv_lstm")
REST = [name for name in NAMES if name not in QUICK]
SLOW = [pytest.param(name, marks=pytest.mark.slow, id=name) for name in REST]


def rounded(subject: Subject) -> Subject:
    """The same cell with its products in bfloat16.

    A product with a one-hot vector is a row that is read, and rounds nothing.
    """
    forward, backward = differentiate(pick_rows(fold_constants(subject.program)))
    return replace(
        subject,
        structure={**subject.structure, "products": "bfloat16"},
        forward=round_products(forward),
        backward=round_products(backward),
    )


@pytest.fixture
def any_dtype(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Lets a float64 cell have products in bfloat16."""
    monkeypatch.setattr(construction, "_products", lambda *_: "bfloat16")
    return monkeypatch


@pytest.mark.parametrize("name", [*QUICK, *SLOW])
def test_kernels_round_what_the_reference_rounds(name: str, any_dtype: pytest.MonkeyPatch) -> None:
    compare_all(rounded(subject_named(name)), SETUPS, any_dtype)


def nearest(x: Any) -> Any:
    """Rounded to bfloat16, written once more: seven bits behind the first."""
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.rint(mantissa * 256.0) / 256.0, exponent)


def plain_lstm(x: Any, dy: Any, w_x: Any, w_h: Any, b: Any) -> tuple[Any, dict[str, Any]]:
    """An LSTM and its gradients, gates i, f, o, g side by side; operands of products rounded."""
    steps, batch, _ = x.shape
    units = w_h.shape[0]
    known = []
    h = c = np.zeros((batch, units))
    for x_t in x:
        z = nearest(x_t) @ nearest(w_x) + nearest(h) @ nearest(w_h) + b
        i, f, o = (1 / (1 + np.exp(-part)) for part in np.split(z, 4, axis=1)[:3])
        g, before, c_before = np.tanh(z[:, 3 * units :]), h, c
        c = f * c + i * g
        h = o * np.tanh(c)
        known.append((i, f, o, g, c, before, c_before, h))
    dh = dc = np.zeros((batch, units))
    found = {"x": np.zeros_like(x), "w_x": 0.0, "w_h": 0.0, "b": 0.0}
    for t in reversed(range(steps)):
        i, f, o, g, c, before, c_before, _ = known[t]
        dh = dh + dy[t]
        dc = dc + dh * o * (1 - np.tanh(c) ** 2)
        gates = (dc * g * i * (1 - i), dc * c_before * f * (1 - f),
                 dh * np.tanh(c) * o * (1 - o), dc * i * (1 - g * g))  # fmt: skip
        dz = np.concatenate(gates, axis=1)
        found["x"][t] = nearest(dz) @ nearest(w_x).T
        found["w_x"] += nearest(x[t]).T @ nearest(dz)
        found["w_h"] += nearest(before).T @ nearest(dz)
        found["b"] += dz.sum(0)
        dh, dc = nearest(dz) @ nearest(w_h).T, dc * f
    return np.stack([each[-1] for each in known]), found


def test_an_lstm_by_hand(any_dtype: pytest.MonkeyPatch) -> None:
    """Every operand is rounded, of the gradients' products too; sums and biases are not."""
    LSTM: Any = load(example("lstm"))
    rng = np.random.default_rng(5)
    x, dy = rng.normal(size=(7, 5, 19)), rng.normal(size=(7, 5, 21))
    cell = LSTM(I=19, H=21, products="bfloat16", dtype="float64")
    for name in cell.params:
        cell.params[name][...] = rng.normal(size=cell.params[name].shape) * 0.3
    y, _, tape = cell.forward(x)
    grads = cell.backward(tape, dy)
    joined = {
        part: np.concatenate([np.array(cell.params[f"{gate}.{own}"]) for gate in "ifog"], axis=-1)
        for part, own in (("w_x", "W_x"), ("w_h", "W_h"), ("b", "b"))
    }
    wanted, found = plain_lstm(x, dy, *joined.values())
    np.testing.assert_allclose(y, wanted, atol=1e-12)
    np.testing.assert_allclose(grads.inputs["x"], found["x"], atol=1e-11)
    for part, own in (("w_x", "W_x"), ("w_h", "W_h"), ("b", "b")):
        got = np.concatenate([np.array(grads.params[f"{gate}.{own}"]) for gate in "ifog"], axis=-1)
        np.testing.assert_allclose(got, found[part], atol=1e-10)


@pytest.mark.parametrize("name", ["gru", "peephole_lstm"])
def test_gradients_after_a_thousand_steps(name: str) -> None:
    """Within 1 % of those in float64: gradients of weights add up in float32."""
    cls: Any = load(example(name))
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(1000, 2, 16)), rng.normal(size=(1000, 2, 24))
    rounding = cls(I=16, H=24, products="bfloat16")
    exact = cls(I=16, H=24, dtype="float64")
    exact.params.assign({n: np.array(a, np.float64) for n, a in rounding.params.items()})
    tapes = exact.forward(x)[2], rounding.forward(x.astype(np.float32))[2]
    wanted = exact.backward(tapes[0], dy).params
    found = rounding.backward(tapes[1], dy.astype(np.float32)).params
    errors = {n: np.linalg.norm(found[n] - wanted[n]) / np.linalg.norm(wanted[n]) for n in wanted}
    assert max(errors.values()) < 0.01, errors
    assert max(errors.values()) > 1e-4, "nothing was rounded"
