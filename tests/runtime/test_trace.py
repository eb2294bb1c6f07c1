"""`cell.trace`: names, and whatever else a call may have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.cell.cell import Cell

T, B = 6, 3
TEXT = """\
def gate(v, N):
    inside = linear(v, N)
    scaled = 2 * inside
    return sigmoid(scaled)

cell Inner[I, H]:
    input x: [I]
    state m: [H]

    r  = sigmoid(linear([x, m], H))
    m' = r * m + (1 - r) * linear(x, H)

    output m'

cell Whole[I, H](rate = 0.25):
    input x: [I]
    param start: [H] = uniform(-1, 1)
    state h: [H] = tanh(start)
    sub g = Inner[I, H]

    twice = 2 * H
    slope = exp(start)
    z = gate(x, H)
    v = z
    for k in 0..2:
        v = tanh(v * slope + h)
        row[k] = v + k
    big = v > 0.2
    kept = dropout(v, rate)
    y = g(x) + where(big, kept, row[1])
    h' = tanh(linear([y, h], H))

    output h', y
"""
NAMES = [
    "twice", "slope", "z.gate.inside", "z.gate.scaled", "z", "v", "v.0", "row.0", "v.1", "row.1",
    "row", "big", "kept", "g.r", "g.m'", "y", "h'",
]  # fmt: skip


@pytest.fixture(scope="module")
def whole() -> type[Cell]:
    return celldsl.compile_source(TEXT, cell="Whole")


def drawn(seed: int = 0, dtype: str = "float64") -> Any:
    return np.random.default_rng(seed).normal(size=(T, B, 3)).astype(dtype)


def test_every_equation_has_a_name(whole: type[Cell]) -> None:
    cell = whole(I=3, H=2)
    seen = cell.trace(drawn(dtype="float32"))
    assert list(seen) == NAMES
    assert {name: array.shape[2:] for name, array in seen.items()} == {
        **dict.fromkeys(NAMES, (2,)), "twice": (), "row": (2, 2),
    }  # fmt: skip
    assert all(array.shape[:2] == (T, B) for array in seen.values())
    assert seen["big"].dtype == np.bool_
    assert not seen["slope"].flags.writeable
    assert (seen["twice"] == 4).all()
    assert list(cell.trace(drawn(dtype="float32"), names=["v.1", "h", "v.1"])) == ["v.1", "h"]


def test_values_keep_to_the_equations(whole: type[Cell]) -> None:
    cell, x = whole(I=3, H=2, dtype="float64"), drawn()
    seen = cell.trace(x, names=[*NAMES, "h", "g.m"])
    p = cell.params
    sigmoid = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    z = sigmoid(2 * (x @ p["z.gate.inside.W_v"] + p["z.gate.inside.b"]))
    np.testing.assert_allclose(seen["z"], z, 1e-12)
    v0 = np.tanh(z * np.exp(p["start"]) + seen["h"])
    np.testing.assert_allclose(seen["v.0"], v0, 1e-12)
    v1 = np.tanh(v0 * np.exp(p["start"]) + seen["h"])
    np.testing.assert_allclose(seen["row"], np.stack([v0, v1 + 1], 2), 1e-12)
    assert np.array_equal(seen["big"], seen["v.1"] > 0.2)
    assert np.array_equal(seen["h"][1:], seen["h'"][:-1])
    assert np.array_equal(seen["g.m"][1:], seen["g.m'"][:-1])
    np.testing.assert_allclose(seen["h"][0], np.tile(np.tanh(p["start"]), (B, 1)), 1e-12)


CUT = np.zeros((T, B), bool)
CUT[3, 0] = CUT[0, 1] = True
CASES: list[dict[str, Any]] = [
    {},
    {"lengths": np.array([6, 0, 4])},
    {"reverse": True},
    {"resets": CUT},
    {"resets": CUT, "lengths": np.array([6, 2, 4]), "reverse": True},
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case) or "plain")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_have_the_bits_of_a_call(
    whole: type[Cell], case: dict[str, Any], dtype: str
) -> None:
    cell, x = whole(I=3, H=2, dtype=dtype), drawn(dtype=dtype)
    state = cell.state(B)
    state.h[...] = 0.5
    for given in (None, state):
        seen = cell.trace(x, state=given, **case)
        y, _ = cell(x, given, **case)
        _, states = cell(x, given, states="all", **case)
        assert np.array_equal(seen["h'"], y.h)
        assert np.array_equal(seen["y"], y.y)
        assert np.array_equal(seen["g.m'"], states.g.m)
        past = np.arange(T)[:, None] >= case.get("lengths", np.full(B, T))
        for name in ("v.1", "row", "z", "g.r", "big"):
            assert not seen[name][past].any(), name
        # Each step by itself, from what went into it.
        before = cell.trace(x, ["h", "g.m"], given, **case)
        for t in range(T):
            at = cell._state_structure.pack([before["h"][t], before["g.m"][t]])
            alone = cell.trace(x[t : t + 1], ["z", "v.1", "g.r"], at)
            for name, array in alone.items():
                own = ~past[t]
                np.testing.assert_allclose(array[0][own], seen[name][t][own], 1e-5, 1e-6)


def test_parameters_and_hyperparameters_are_those_of_now(whole: type[Cell]) -> None:
    cell, x = whole(I=3, H=2), drawn(dtype="float32")
    cell.trace(x, ["z"])
    cell.params["z.gate.inside.W_v"][...] = 0
    cell.params["z.gate.inside.b"][...] = 0
    assert (cell.trace(x, ["z"])["z"] == 0.5).all()


def test_an_input_may_be_called_names() -> None:
    text = "cell A[H]:\n    input names: [H]\n    state h: [H]\n\n    h' = tanh(names)\n\n"
    cell = celldsl.compile_source(text + "    output h'\n")(H=2)
    x = np.ones((2, 1, 2), np.float32)
    assert list(cell.trace(x)) == list(cell.trace({"names": x})) == ["h'"]


def test_values_that_are_not_finite_are_seen(whole: type[Cell], monkeypatch: Any) -> None:
    monkeypatch.setenv("CELLDSL_CHECK_NUMERICS", "1")
    cell, x = whole(I=3, H=2), drawn(dtype="float32")
    x[2] = np.nan
    assert np.isnan(cell.trace(x, ["z"])["z"][2]).all()


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("z", "names: expected a list of names; write names=['z']"),
        (["zz"], "no zz; did you mean z?"),
        (["r"], "no r; did you mean g.r?"),
        (["nothing"], "there are twice, slope, z.gate.inside"),
        (3, 'names: expected a list of names, as in names=["r"], got int'),
        ([3], "no 3; there are twice"),
    ],
)
def test_what_is_asked_for_wrongly(whole: type[Cell], names: Any, told: str) -> None:
    cell = whole(I=3, H=2)
    with pytest.raises(celldsl.ArgumentError) as caught:
        cell.trace(drawn(dtype="float32"), names)
    assert told in str(caught.value)


def test_what_is_passed_wrongly(whole: type[Cell]) -> None:
    cell = whole(I=3, H=2)
    with pytest.raises(celldsl.ArgumentError, match=r"x: expected \(T, B, I=3\)"):
        cell.trace(np.zeros((2, 2, 4), np.float32))
    with pytest.raises(celldsl.ArgumentError, match='has no argument "name"; did you mean "names"'):
        cell.trace(drawn(dtype="float32"), name=["z"])


SPEAKER = """\
cell Speaker[V, C, H]:
    input word: int[V]
    input pause: bool
    input speaker: [C] per sequence
    param E: [V, H] = uniform(-1, 1)
    state h: [H]

    who = linear(speaker, H)
    e = log(E[word] * E[word]) + who
    z = where(pause, 0, e)
    h' = 0.1 * linear(h, H) + z

    output h'
"""


@pytest.mark.parametrize("case", [{}, {"lengths": np.array([4, 0, 2])}, {"resets": CUT[:4]}])
def test_integers_truths_and_what_lasts_a_sequence(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = celldsl.compile_source(SPEAKER)(V=5, C=2, H=3)
    random = np.random.default_rng(1)
    word, pause = random.integers(0, 5, (4, B)), random.random((4, B)) < 0.5
    x = {"word": word, "pause": pause, "speaker": random.normal(size=(B, 2)).astype("float32")}
    y, _ = cell(x, **case)
    _, states, tape = cell.forward(x, states="all", **case)
    assert np.array_equal(states.h, y)
    summed = cell.backward(tape, None, states)
    own = cell.backward(cell.forward(x, **case)[2], states.h)
    np.testing.assert_allclose(summed.inputs["speaker"], own.inputs["speaker"], 1e-5, 1e-6)
    seen = cell.trace(x, **case)
    assert np.array_equal(seen["h'"], y)
    inside = np.arange(4)[:, None] < case.get("lengths", np.full(B, 4))
    who = x["speaker"] @ cell.params["who.W_speaker"] + cell.params["who.b"]
    np.testing.assert_allclose(seen["who"], np.where(inside[..., None], who, 0), 1e-5, 1e-6)
    assert not seen["z"][pause].any()
    monkeypatch.setenv("CELLDSL_CHECK_NUMERICS", "1")
    cell = celldsl.compile_source(SPEAKER)(V=5, C=2, H=3)
    cell.params["E"][2] = 0
    with pytest.raises(celldsl.NonFiniteError, match="row 1 in `e = log"):
        cell.step(
            {"word": np.array([1, 2, 1]), "pause": np.zeros(3, bool), "speaker": x["speaker"]}
        )
