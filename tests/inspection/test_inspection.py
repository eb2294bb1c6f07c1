"""What is told of a run is so: gradients against the compiled cell, Jacobians against differences,
influence and decay where they are known by hand, pictures of the numbers that were found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl import inspection
from celldsl.inspection.reach import decay
from celldsl.ir.verify import verify
from celldsl.questions import lowered_of
from celldsl.runtime.errors import ArgumentError
from celldsl.transforms.observe import probed

LEAK = """cell Leak[H]:
    input x: [H]
    state h: [H]
    param b: [H] = constant(1.0)

    f  = sigmoid(b)
    z  = sigmoid(x)
    h' = f * h + z

    output h'
"""
GROWS = """cell Grows[H]:
    input x: [H]
    state h: [H] = ones

    a  = 2.0 * h
    h' = a * a + x

    output h'
"""


@pytest.fixture(scope="module")
def lstm() -> Any:
    return celldsl.load("lstm")(I=3, H=5, seed=2, dtype="float64")


@pytest.fixture(scope="module")
def x() -> Any:
    return np.random.default_rng(1).normal(size=(12, 2, 3))


@pytest.fixture(scope="module")
def seen(lstm: Any, x: Any) -> inspection.Seen:
    return inspection.look(lstm, x, row=1)


def flat(state: Any, row: int) -> Any:
    return np.concatenate([np.asarray(part)[row].ravel() for part in state])


def test_a_probe_leaves_the_program_what_it_is(lstm: Any) -> None:
    lowered = lowered_of(lstm.description, seen=True)
    values = {each.name: each.value for each in lowered.seen} | {"h": "h"}
    program = probed(lowered.program, values)
    verify(program)
    assert {leaf.name for leaf in program.leaves} >= {"probe:f", "scale:f", "probe:h", "probe:c'"}


def test_norms_are_those_of_the_compiled_cell(lstm: Any, x: Any, seen: inspection.Seen) -> None:
    draw = np.random.default_rng(0)
    direction = draw.normal(size=(2, 5))
    dy = np.zeros((12, 2, 5))
    dy[-1] = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    _, _, tape = lstm.forward(x, lstm.state(2))
    grads = lstm.backward(tape, dy)
    found = seen.gradients.norms
    for name, array in (("h", grads.state.h), ("c", grads.state.c)):
        norm = np.sqrt(np.square(array).sum(axis=1).mean())
        assert found[name][0] == pytest.approx(norm, rel=1e-9)
    inputs = np.sqrt(np.square(grads.inputs["x"]).sum(axis=2).mean(axis=1))
    assert np.allclose(found["x"], inputs, rtol=1e-9, atol=0)


def test_norms_at_gates_are_those_of_moving_them() -> None:
    """A gate moved by hand at one step, in NumPy."""
    cell = celldsl.compile_source(LEAK)(H=3, dtype="float64")
    x = np.random.default_rng(0).normal(size=(6, 1, 3))
    found = inspection.gradients(cell, x)
    f = 1 / (1 + np.exp(-1.0))
    # The last output's gradient has length 1, and each step back multiplies it by f.
    assert np.allclose(found.norms["z"], f ** np.arange(5, -1, -1.0))
    assert np.allclose(found.total, f ** np.arange(6, 0, -1.0))
    # What leaves a step goes into the next one.
    assert np.allclose(found.norms["h'"][:-1], found.norms["h"][1:])


def test_influence_and_decay_where_they_are_known() -> None:
    cell = celldsl.compile_source(LEAK)(H=3, dtype="float64")
    found = inspection.gradients(cell, np.zeros((20, 2, 3)))
    assert found.per_step == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert found.influence["f"] == pytest.approx(1.0, rel=1e-3)
    assert found.influence["z"] == pytest.approx(0.0, abs=1e-12)


def test_a_linear_recurrence_divides_its_influence() -> None:
    """An LRU's decay is of degree 1 in its eigenvalues, whose parts are a and b."""
    cell = celldsl.load("lru")(I=3, H=4, dtype="float64", seed=1)
    found = inspection.gradients(cell, np.random.default_rng(0).normal(size=(30, 2, 3)))
    assert found.influence["a"] + found.influence["b"] == pytest.approx(1.0, abs=1e-3)
    modulus = np.abs(inspection.spectrum(cell, np.zeros((2, 1, 3)))[0])
    nu = np.exp(-np.exp(cell.params["nu"]))
    assert np.allclose(np.sort(modulus), np.sort(np.repeat(nu, 2)))


def test_jacobians_are_differences_of_steps(lstm: Any, x: Any) -> None:
    matrices = inspection.jacobians(lstm, x, row=1)
    assert matrices.shape == (12, 10, 10)
    before = lstm.trace(x, ["h", "c"])
    for t in (0, 7):
        state = [before["h"][t], before["c"][t]]
        for unit in (0, 6):
            part, index = divmod(unit, 5)
            ends = []
            for sign in (1, -1):
                moved = [array.copy() for array in state]
                moved[part][1, index] += sign * 1e-6
                _, after = lstm.step(x[t], type(lstm.state(2))(*moved))
                ends.append(flat(after, 1))
            assert np.allclose(matrices[t, :, unit], (ends[0] - ends[1]) / 2e-6, atol=1e-8)


def test_their_product_is_the_backward_pass(lstm: Any, x: Any) -> None:
    product = np.eye(10)
    for matrix in inspection.jacobians(lstm, x):
        product = matrix @ product
    direction = np.random.default_rng(5).normal(size=10)
    _, state, tape = lstm.forward(x, lstm.state(2))
    cut = [np.stack([part, np.zeros(5)]) for part in np.split(direction, 2)]
    grads = lstm.backward(tape, None, type(state)(*cut))
    assert np.allclose(flat(grads.state, 0), direction @ product, atol=1e-14)


def test_it_says_where_values_leave_the_finite() -> None:
    cell = celldsl.compile_source(GROWS)(H=2)
    seen = inspection.look(cell, np.zeros((12, 1, 2), np.float32))
    assert seen.lost["h'"] + 1 == seen.lost["h"]
    told = seen.told()
    assert "Values leave the finite: first" in told
    assert f"at step {min(seen.lost.values())}" in told
    assert "h' = a * a + x" in told


def test_words_answer_the_question(seen: inspection.Seen) -> None:
    told = seen.told()
    per_step = 100 * (1 - seen.gradients.per_step)
    assert f"loses {per_step:.2g} % per step back" in told
    assert "It is decided at f: with 1 % more of it" in told
    assert f"f is {seen.values['f'].mean():.2f} on average." in told
    one = inspection.look(celldsl.load("rnn")(I=3, H=4), np.zeros((1, 1, 3), np.float32))
    assert one.told() == (
        "There is no gradient to follow: of the last output, by the state before it."
    )


def test_what_cannot_be_looked_at_is_refused(lstm: Any) -> None:
    with pytest.raises(ArgumentError, match=r"expected \(T, B, …\)"):
        inspection.look(lstm, np.zeros((0, 1, 3)))
    large = celldsl.load("rnn")(I=1, H=600)
    with pytest.raises(ArgumentError, match="600 numbers"):
        inspection.jacobians(large, np.zeros((2, 1, 1), np.float32))


def test_decay_is_a_line_through_logarithms() -> None:
    assert decay(0.5 ** np.arange(9.0)[::-1]) == pytest.approx(0.5)
    assert decay(np.array([0.0, 0.25, 0.5])) == pytest.approx(0.5)
    assert np.isnan(decay(np.array([1.0])))


# ------------------------------------------------------------------ pictures


@pytest.fixture(scope="module")
def drawing() -> None:
    pytest.importorskip("matplotlib")


def test_pictures_have_the_numbers_that_were_found(drawing: None, seen: inspection.Seen) -> None:
    values = inspection.values_figure(seen)
    by_name = {axes.get_ylabel(): axes for axes in values.axes if axes.images}
    assert set(by_name) == {"i", "f", "o", "g", "c'", "h'"}
    drawn = by_name["f"].images[0].get_array()
    assert np.allclose(drawn, seen.values["f"][:, 1].T)
    lines = {line.get_label(): line for line in inspection.gradient_figure(seen).axes[0].lines}
    assert np.allclose(lines["c"].get_ydata(), seen.gradients.norms["c"])
    assert list(lines["c"].get_xdata()) == list(range(11, -1, -1))
    spectrum = inspection.spectrum_figure(seen)
    assert spectrum is not None and seen.eigenvalues is not None
    assert np.allclose(spectrum.axes[0].lines[0].get_ydata(), np.abs(seen.eigenvalues).max(axis=1))


def test_every_picture_can_be_saved(drawing: None, tmp_path: Any) -> None:
    seen = inspection.look(celldsl.compile_source(GROWS)(H=2), np.zeros((12, 1, 2), np.float32))
    for name in ("values", "gradient", "spectrum", "range"):
        figure = getattr(inspection, f"{name}_figure")(seen)
        figure.savefig(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 5_000
