"""`states="all"`: the states after every step, for whatever else a call may have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.cell.cell import Cell

T, B = 7, 4
LENGTHS = np.array([7, 3, 0, 5])
LEARNED = """\
cell Inner[I, H](rate = 0.3):
    input x: [I]
    param c0: [H] = uniform(-1, 1)
    state c: [H] = tanh(c0)

    c' = 0.9 * c + zoneout(linear(x, H), c, rate)

    output c'

cell Learned[I, H](rate = 0.3):
    input x: [I]
    state h: [H]
    sub d = Inner[I, H](rate=rate)

    h' = tanh(linear([x, h], H) + d(x))

    output h'
"""


@pytest.fixture(scope="module")
def learned() -> type[Cell]:
    return celldsl.compile_source(LEARNED, cell="Learned")


def drawn(seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(T, B, 3))


def resets() -> Any:
    found = np.random.default_rng(4).random((T, B)) < 0.3
    found[0] = [True, False, False, False]
    return found


CASES: list[dict[str, Any]] = [
    {},
    {"lengths": LENGTHS},
    {"reverse": True},
    {"lengths": LENGTHS, "reverse": True},
    {"resets": resets()},
    {"resets": resets(), "lengths": LENGTHS, "reverse": True},
]


def flat(state: Any) -> list[Any]:
    return [a for part in state for a in (flat(part) if isinstance(part, tuple) else [part])]


def by_hand(cell: Cell, x: Any, state: Any, case: dict[str, Any]) -> list[Any]:
    """States (T, B, …) by steps of one row after the other."""
    lengths = case.get("lengths", np.full(B, T))
    cut = case.get("resets", np.zeros((T, B), bool))
    found = [np.zeros((T, *a.shape), a.dtype) for a in flat(state)]
    for b in range(B):
        order = list(range(lengths[b]))
        at = cell._state_structure.pack([a[b : b + 1].copy() for a in flat(state)])
        for t in order[::-1] if case.get("reverse") else order:
            _, at = cell.step(x[t, b : b + 1], at, resets=cut[t, b : b + 1])
            for whole, part in zip(found, flat(at), strict=True):
                whole[t, b] = part[0]
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case) or "plain")
def test_states_are_those_of_steps(learned: type[Cell], case: dict[str, Any]) -> None:
    cell, x = learned(I=3, H=5, dtype="float64"), drawn()
    state = cell._state_structure.pack([a + 0.3 for a in flat(cell.state(B))])
    for given in (state, None):
        expected = by_hand(cell, x, state if given else cell.state(B), case)
        y, states = cell(x, given, states="all", **case)
        again, _ = cell(x, given, **case)
        assert np.array_equal(y, again)
        assert type(states) is type(state)
        for a, b in zip(flat(states), expected, strict=True):
            np.testing.assert_allclose(a, b, 1e-12, 1e-12)
        for checkpoint in (1, 3):
            options: dict[str, Any] = {**case, "training": False, "checkpoint": checkpoint}
            _, found, _ = cell.forward(x, given, states="all", **options)
            assert all(np.array_equal(a, b) for a, b in zip(flat(states), flat(found), strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case) or "plain")
@pytest.mark.parametrize("given", [True, False])
def test_gradients_are_those_of_differences(
    learned: type[Cell], case: dict[str, Any], given: bool
) -> None:
    cell, x = learned(I=3, H=2, dtype="float64"), drawn()
    state = cell.state(B) if given else None
    random = np.random.default_rng(2)
    options: dict[str, Any] = {**case, "states": "all", "seed": 3}  # masks are the same each time
    y, states, tape = cell.forward(x, state, **options)
    dy = random.normal(size=y.shape)
    dstate = [random.normal(size=a.shape) for a in flat(states)]
    grads = cell.backward(tape, dy, cell._state_structure.pack(dstate))
    _, _, cut = cell.forward(x, state, checkpoint=3, **options)
    in_segments = cell.backward(cut, dy, cell._state_structure.pack(dstate))
    np.testing.assert_allclose(grads.params.whole, in_segments.params.whole, 1e-10, 1e-12)

    def loss() -> float:
        y, states, _ = cell.forward(x, state, **options)
        pairs = zip(flat(states), dstate, strict=True)
        return float((y * dy).sum() + sum((a * d).sum() for a, d in pairs))

    for array, gradient in [
        (x, grads.inputs["x"]),
        *((cell.params[n], grads.params[n]) for n in cell.params),
        *zip(flat(state or ()), flat(grads.state) if given else (), strict=True),
    ]:
        for _ in range(3):
            at = tuple(random.integers(size) for size in array.shape)
            before, moved = array[at], []
            for step in (1e-5, -1e-5):
                array[at] = before + step
                moved.append(loss())
            array[at] = before
            slope = (moved[0] - moved[1]) / 2e-5
            assert gradient[at] == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_a_state_may_be_left_out_and_nothing_is_zeros(learned: type[Cell]) -> None:
    cell, x = learned(I=3, H=2, dtype="float64"), drawn()
    _, states, tape = cell.forward(x, states="all")
    none = cell.backward(tape)
    assert not none.params.flat.any()
    some = cell.backward(tape, dstate={"h": np.ones_like(states.h)})
    zeros = cell._state_structure.pack([np.ones_like(states.h), np.zeros_like(states.d.c)])
    assert np.array_equal(some.params.flat, cell.backward(tape, dstate=zeros).params.flat)


def test_parameters_and_hyperparameters_are_the_cells_own(learned: type[Cell]) -> None:
    cell, x = learned(I=3, H=2, dtype="float64"), drawn()
    before, _ = cell(x, states="all")
    cell.params["h.b"][...] = 1.0
    after, states = cell(x, states="all")
    assert not np.array_equal(before, after)
    assert np.array_equal(after, cell(x)[0])
    cell.hypers["rate"] = 0.9
    assert not np.array_equal(after, cell(x, states="all")[0])
    assert np.array_equal(cell(x)[0], cell(x, states="all")[0])
    _, _, tape = cell.forward(x, states="all")
    cell.params["h.b"][...] = 2.0
    with pytest.raises(celldsl.ArgumentError, match=r"h\.b changed after forward"):
        cell.backward(tape)
    assert states.h.shape == (T, B, 2)


def test_a_copy_of_a_cell_has_states_of_its_own(learned: type[Cell]) -> None:
    import copy

    cell, x = learned(I=3, H=2), drawn().astype(np.float32)
    cell(x, states="all")
    other = copy.deepcopy(cell)
    other.params["h.b"][...] = 3.0
    assert np.array_equal(other(x)[0], other(x, states="all")[0])
    assert not np.array_equal(cell(x)[0], other(x, states="all")[0])


def test_nothing_at_all(learned: type[Cell]) -> None:
    cell = learned(I=3, H=2)
    for shape in ((0, 2, 3), (3, 0, 3)):
        _, states, tape = cell.forward(np.zeros(shape, np.float32), states="all")
        assert states.h.shape == (*shape[:2], 2)
        cell.backward(tape, None, states)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("every", 'states: expected "last" or "all", got \'every\''),
        (
            True,
            'states: expected "last" or "all", got bool; what a sequence starts from is "state"',
        ),
        ((1, 2), 'got tuple; what a sequence starts from is "state"'),
    ],
)
def test_what_else_is_asked_for(learned: type[Cell], asked: Any, told: str) -> None:
    cell, x = learned(I=3, H=2), drawn().astype(np.float32)
    for call in (cell, cell.forward):
        with pytest.raises(celldsl.ArgumentError) as caught:
            call(x, states=asked)
        assert told in str(caught.value)


def test_cotangents_of_the_last_step_alone_do_not_fit(learned: type[Cell]) -> None:
    cell, x = learned(I=3, H=2), drawn().astype(np.float32)
    _, states, tape = cell.forward(x, states="all")
    with pytest.raises(celldsl.ArgumentError) as caught:
        cell.backward(tape, dstate={"h": states.h[-1]})
    assert str(caught.value) == (
        'dstate.h: expected (T=7, B=4, H=2), a cotangent for each step after states="all", '
        "got (4, 2)"
    )


def test_numbers_that_are_not_finite_are_found(learned: type[Cell]) -> None:
    cell, x = learned(I=3, H=2), drawn().astype(np.float32)
    _, states, tape = cell.forward(x, states="all")
    wrong = np.zeros_like(states.h)
    wrong[4, 1] = np.nan
    with pytest.raises(celldsl.NonFiniteError, match="row 1"):
        cell.backward(tape, None, {"h": wrong}, check_numerics=True)
    x[2, 3] = np.inf
    with pytest.raises(celldsl.NonFiniteError, match="step 2, row 3"):
        cell.forward(x, states="all", check_numerics=True)
