"""`resets=`: every episode is what it would be by itself, forwards and backwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.cell.cell import Cell
from tests.cells import example

T, B = 11, 5
LEARNED = """\
cell Learned[I, H]:
    input x: [I]
    param h0: [H] = uniform(-1, 1)
    state h: [H] = tanh(h0)
    state c: [H]

    c' = 0.9 * c + linear([x, h], H)
    h' = tanh(c')

    output h', c
"""
MASKED = """\
cell Masked[I, H](rate = 0.4):
    input x: [I]
    state h: [H]

    a = dropout(linear(x, H), rate)
    b = dropout(linear(x, H), rate, per=sequence)
    h' = a + b + 0.0 * h

    output h'
"""
# Its derivative is found from the state after the step.
PLAIN = """\
cell Plain[I, H]:
    input x: [I]
    state h: [H]

    h' = tanh(linear([x, h], H))

    output h'
"""
# A matrix, for which few sequences at a time go through all steps.
MATRIX = """\
cell Matrix[I, H]:
    input x: [I]
    param S0: [H, H] = uniform(-1, 1)
    state S: [H, H] = S0

    k = tanh(linear(x, H))
    v = linear(x, H)
    S' = 0.8 * S + outer(k, v)
    y = sum(S', axis=1)

    output y
"""
# A product makes a state.
PROJECTED = """\
cell Projected[I, H]:
    input x: [I]
    state c, h: [H]

    f = sigmoid(linear([x, h], H))
    z = tanh(linear([x, h], H))
    c' = f * c + z
    h' = linear(tanh(c'), H)

    output h'
"""
TEXTS = {"learned": LEARNED, "plain": PLAIN, "matrix": MATRIX, "projected": PROJECTED}
TEXTS["blocks"] = MATRIX  # of which two fit a block
CASES = [
    {},
    {"lengths": True},
    {"reverse": True},
    {"lengths": True, "reverse": True},
    {"checkpoint": 3},
    {"checkpoint": True, "lengths": True, "reverse": True},
]


def built(which: str, **more: Any) -> Cell:
    cls = celldsl.load(example("gru")) if which == "gru" else celldsl.compile_source(TEXTS[which])
    H = 80 if which == "blocks" else 4
    return cls(I=3, H=H, dtype="float64", seed=1, **more)


def drawn(seed: int = 0) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(seed)
    resets = random.random((T, B)) < 0.3
    resets[0, 0], resets[0, 1] = True, False
    resets[:, 2] = False
    resets[-1, 3] = True
    return random.normal(size=(T, B, 3)), resets, np.array([T, 7, 0, T, 4])


def order(length: int, reverse: bool) -> list[int]:
    return list(range(length))[::-1] if reverse else list(range(length))


class ByHand:
    """Outputs and gradients, episode by episode, each a call of its own."""

    def __init__(self, cell: Cell, x: Any, resets: Any, state: Any, case: dict[str, Any]) -> None:
        self.cell, self.x = cell, x
        lengths, reverse = case.get("lengths"), case.get("reverse", False)
        self.episodes: list[tuple[int, list[int], bool]] = []
        for b in range(x.shape[1]):
            steps = order(T if lengths is None else int(lengths[b]), reverse)
            own: list[list[int]] = [[]]
            passed = True
            for place, t in enumerate(steps):
                if resets[t, b]:
                    passed = passed and place > 0
                    own.append([])
                own[-1].append(t)
            pieces = [piece for piece in own if piece] or [[]]
            for index, piece in enumerate(pieces):
                self.episodes.append((b, piece, index == 0 and passed and state is not None))
        self.state = state
        self.runs = [self._run(*episode) for episode in self.episodes]

    def _run(self, b: int, steps: list[int], given: bool) -> Any:
        state = None
        if given:
            state = type(self.state)(*(np.ascontiguousarray(a[b : b + 1]) for a in self.state))
        x = np.ascontiguousarray(self.x[steps, b : b + 1])
        return self.cell.forward(x, state, training=False)

    def outputs(self, shape: tuple[int, ...], which: int) -> Any:
        found = np.zeros(shape)
        for (b, steps, _), (y, _, _) in zip(self.episodes, self.runs, strict=True):
            one = y[which] if isinstance(y, tuple) else y
            found[steps, b] = one[:, 0]
        return found

    def finals(self) -> Any:
        last = {b: run[1] for (b, _, _), run in zip(self.episodes, self.runs, strict=True)}
        return [np.concatenate([last[b][i] for b in sorted(last)]) for i in range(len(last[0]))]

    def gradients(self, dy: list[Any], dstate: Any) -> tuple[Any, Any, Any]:
        params = {name: np.zeros(a.shape) for name, a in self.cell.params.items()}
        dx, starts = np.zeros_like(self.x), [np.zeros_like(a) for a in dstate]
        ends = {b: i for i, (b, _, _) in enumerate(self.episodes)}
        for i, (b, steps, given) in enumerate(self.episodes):
            own = tuple(np.ascontiguousarray(d[steps, b : b + 1]) for d in dy)
            end = [np.ascontiguousarray(d[b : b + 1]) * (ends[b] == i) for d in dstate]
            found = self.cell.backward(self.runs[i][2], own, type(dstate)(*end))
            for name, array in found.params.items():
                params[name] += array
            dx[steps, b] = found.inputs["x"][:, 0]
            if given:
                for whole, array in zip(starts, found.state, strict=True):
                    whole[b] = array[0]
        return params, dx, starts


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case) or "plain")
@pytest.mark.parametrize("given", [False, True], ids=["own", "given"])
@pytest.mark.parametrize("which", ["gru", *TEXTS])
def test_episodes_are_what_they_are_by_themselves(
    which: str, given: bool, case: dict[str, Any], small_work_shared: None
) -> None:
    cell = built(which)
    x, resets, lengths = drawn()
    options = {**case, **({"lengths": lengths} if case.get("lengths") else {})}
    random = np.random.default_rng(3)
    start = cell.state(B)
    state = type(start)(*(random.normal(size=a.shape) for a in start)) if given else None
    y, end, tape = cell.forward(x, state, training=False, resets=resets, **options)
    outputs = list(y) if isinstance(y, tuple) else [y]
    hand = ByHand(cell, x, resets, state, options)
    for i, array in enumerate(outputs):
        np.testing.assert_allclose(array, hand.outputs(array.shape, i), rtol=1e-12, atol=1e-14)
    for array, want in zip(end, hand.finals(), strict=True):
        np.testing.assert_allclose(array, want, rtol=1e-12, atol=1e-14)
    dy = [random.normal(size=a.shape) for a in outputs]
    dstate = type(start)(*(random.normal(size=a.shape) for a in start))
    grads = cell.backward(tape, tuple(dy), dstate)
    params, dx, starts = hand.gradients(dy, dstate)
    for name, want in params.items():
        np.testing.assert_allclose(grads.params[name], want, rtol=1e-10, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(grads.inputs["x"], dx, rtol=1e-10, atol=1e-12)
    if given:
        for array, want in zip(grads.state, starts, strict=True):
            np.testing.assert_allclose(array, want, rtol=1e-10, atol=1e-12)


def test_a_call_and_steps_agree() -> None:
    cell = built("learned")
    x, resets, _ = drawn(4)
    y, end = cell(x, resets=resets)
    state = cell.state(B)
    for t in range(T):
        found, state = cell.step(x[t], state, resets=resets[t])
        for one, whole in zip(found, y, strict=True):
            np.testing.assert_allclose(one, whole[t], rtol=1e-13)
    for one, other in zip(state, end, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)


def test_rows_of_a_stream_go_back() -> None:
    cell = built("gru")
    x, resets, _ = drawn(5)
    y, _ = cell(x, resets=resets)
    stream = cell.stream(batch=B)
    for t in range(T):
        stream.reset(rows=resets[t])
        np.testing.assert_allclose(stream(x[t]), y[t], rtol=1e-13)


def test_masks_stay_those_of_the_sequence_and_the_step() -> None:
    cell = celldsl.compile_source(MASKED)(I=3, H=4, dtype="float64", seed=1)
    x, resets, lengths = drawn(6)
    for options in ({}, {"reverse": True}, {"checkpoint": 3}):
        plain, _, _ = cell.forward(x, seed=7, **options)
        cut, _, _ = cell.forward(x, seed=7, resets=resets, **options)
        np.testing.assert_array_equal(cut, plain)
        short, _, _ = cell.forward(x, seed=7, lengths=lengths, **options)
        both, _, _ = cell.forward(x, seed=7, resets=resets, lengths=lengths, **options)
        np.testing.assert_array_equal(both, short)


SCALED = """\
cell Scaled[H](k = 0.5):
    input x: [H]
    param h0: [H] = uniform(-1, 1)
    state h: [H] = k * h0

    h' = tanh(h + x)

    output h'
"""


def test_a_tape_keeps_the_hyperparameters_that_its_episodes_began_with() -> None:
    cell = celldsl.compile_source(SCALED)(H=3, dtype="float64", seed=1)
    x, resets, _ = drawn()
    state = cell.state(B)
    y, _, tape = cell.forward(x, state, resets=resets)
    want = cell.backward(tape, y).params["h0"].copy()
    assert want.any()
    cell.hypers["k"] = 50.0
    np.testing.assert_array_equal(cell.backward(tape, y).params["h0"], want)


def test_no_reset_at_all_is_the_plain_pass_bit_for_bit() -> None:
    cell = built("gru")
    x, _, _ = drawn()
    y, state, tape = cell.forward(x, resets=np.zeros((T, B), bool))
    want, end, other = cell.forward(x)
    np.testing.assert_array_equal(y, want)
    np.testing.assert_array_equal(state.h, end.h)
    x[...] = np.nan  # the tape has copies of its own
    found = cell.backward(tape, y).params.flat
    np.testing.assert_array_equal(found, cell.backward(other, want).params.flat)


@pytest.mark.parametrize(
    ("resets", "told"),
    [
        (np.zeros((T, B), np.int64), "expected truth values, got int64: pass `resets != 0`"),
        (np.zeros((B, T), bool), "expected (T=11, B=5), got (5, 11): arrays are time-major"),
        (np.zeros(T, bool), "expected (T=11, B=5), got (11,)"),
        (
            [[True], [True]],
            "expected a NumPy array (T=11, B=5) of truth values, got list; pass",
        ),
    ],
)
def test_what_is_nearly_right_is_told_what_to_write(resets: Any, told: str) -> None:
    x, _, _ = drawn()
    with pytest.raises(ValueError, match="resets") as caught:
        built("gru")(x, resets=resets)
    assert told in str(caught.value)


def test_an_input_of_that_name_goes_in_by_a_mapping() -> None:
    text = LEARNED.replace("input x: [I]", "input x, resets: [I]").replace(
        "linear([x, h], H)", "linear([x, resets, h], H)"
    )
    cell = celldsl.compile_source(text)(I=3, H=4, dtype="float64")
    x, resets, _ = drawn()
    y, _ = cell({"x": x, "resets": x}, resets=resets)
    assert y[0].shape == (T, B, 4)
    with pytest.raises(TypeError, match="pass inputs in a mapping"):
        cell(x=x, resets=x)


@pytest.mark.parametrize("name", ["resets", "checkpoint", "check_numerics", "names", "states"])
def test_the_only_input_may_be_called_as_an_option_is(name: str) -> None:
    text = LEARNED.replace("input x: [I]", f"input {name}: [I]").replace("[x, h]", f"[{name}, h]")
    cell = celldsl.compile_source(text)(I=3, H=4, dtype="float64")
    x, resets, _ = drawn()
    want = cell(x, resets=resets)[0]
    np.testing.assert_array_equal(cell({name: x}, resets=resets)[0][0], want[0])
    y, _, tape = cell.forward({name: x})
    assert cell.backward(tape, y).inputs[name].shape == x.shape


HIDDEN = {
    "resets": ("forward", "trace", "step"),
    "states": ("forward",),
    "check_numerics": ("forward",),
    "names": ("trace",),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_keyword_that_hides_an_input_says_how_to_pass_it(name: str) -> None:
    text = LEARNED.replace("input x: [I]", f"input x, {name}: [I]")
    cell = celldsl.compile_source(text.replace("[x, h]", f"[x, {name}, h]"))(I=3, H=4)
    x = drawn()[0].astype(np.float32)
    told = rf'{name}: no array .*pass inputs in a mapping, {{"x": …, "{name}": …}}'
    for method in ("forward", "trace", "step"):
        run, given = getattr(cell, method), x[0] if method == "step" else x
        if method not in HIDDEN[name]:
            run(x=given, **{name: given})
            continue
        for inputs in ((), (given,)):
            named = {name: given} if inputs else {"x": given, name: given}
            with pytest.raises(TypeError, match=told):
                run(*inputs, **named)
        run({"x": given, name: given})
