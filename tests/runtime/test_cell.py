"""A cell as people use it: building, errors in its own words, parameters, copies."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from threading import Thread
from typing import Any

import numpy as np
import pytest

from celldsl.runtime.description import Hyper
from tests.runtime.fake_cell import Fake
from tests.runtime.fake_pair import Pair

X = np.random.default_rng(3).normal(size=(5, 2, 3))
W = np.array([0.1, 0.5, 0.9])


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({}, r"Fake\(\) needs the size I: Fake\(I=…\)"),
        ({"I": 3, "bogus": 4}, r'has no argument "bogus"; it takes I, H, scale'),
        ({"I": 3, "hidden": 4}, r'has no argument "hidden"; did you mean "H"\?'),
        ({"I": 3, "scala": 4}, r'no argument "scala"; did you mean "scale"\?'),
        ({"I": 0}, "I: expected 1 or more, got 0"),
        ({"I": 2.0}, r"I: expected an integer, got 2\.0"),
        ({"I": True}, "I: expected an integer, got True"),
        ({"I": 3, "scale": "big"}, "scale: expected a number"),
        ({"I": 3, "activation": 3}, "activation: expected the name of a function"),
        ({"I": 3, "dtype": "float16"}, 'dtype: expected "float32" or "float64", got \'float16\''),
        ({"I": 3, "dtype": "bogus"}, "dtype: expected"),
        ({"I": 3, "seed": -1}, "seed: expected 0 or more"),
        ({"I": 13}, r"H must not be unlucky \(requires H != 13; with H=13\)"),
        (
            {"I": 3, "activation": "relu"},
            r"celldsl compile fake\.cell --cell Fake --set activation=relu",
        ),
    ],
)
def test_what_is_wrong_with_a_build(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Fake(**keywords)


def test_sizes_go_by_name() -> None:
    with pytest.raises(TypeError, match=r"sizes go by name: Fake\(I=…"):
        Fake(3, 4)


def test_a_size_defaults_to_one_before_it() -> None:
    assert Fake(I=3).dims == {"I": 3, "H": 3}


def test_another_structure_comes_from_the_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    hypers = (Fake.description.hypers[0], Hyper("activation", "function", "relu", True))

    class Other(Fake):
        description = replace(Fake.description, hypers=hypers)

    monkeypatch.setattr(Fake, "variants", staticmethod(lambda structure: Other))
    assert type(Fake(I=3, activation="relu")) is Other
    assert type(Fake(I=3)) is Fake
    with pytest.raises(ValueError, match="made for activation=relu, got elu"):
        Fake(I=3, activation="elu")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: c(X[:, :, :2]), ValueError, r"x: expected \(T, B, I=3\), got \(5, 2, 2\)"),
        (lambda c: c(X[0]), ValueError, r"x: expected \(T, B, I=3\), got \(2, 3\)"),
        (lambda c: c(X.astype("f4")), TypeError, "x: expected float64, got float32; pass x.astype"),
        (lambda c: c(X.tolist()), TypeError, r"x: expected a NumPy array \(T, B, I=3\)"),
        (lambda c: c(), TypeError, "x: no array was passed"),
        (lambda c: c(y=X), TypeError, 'a call of Fake has no argument "y"; it takes x, state'),
        (lambda c: c(X, x=X), TypeError, "inputs: pass them in order or by keyword"),
        (lambda c: c(X, X[0]), ValueError, r"state\.h: expected \(B=2, H=4\), got \(2, 3\)"),
        (lambda c: c(X, {"c": X}), TypeError, 'state has no argument "c"'),
        (lambda c: c(X, (X, X)), TypeError, r"state: expected 1 \(h\), got 2"),
        (lambda c: c(X, lengths=np.array([1, 9])), ValueError, "lengths: expected 0 to T=5, got 9"),
        (lambda c: c(X, lengths=np.array([1])), ValueError, r"lengths: expected \(B=2,\)"),
        (lambda c: c(X, lengths=np.array([1.0, 2])), TypeError, "lengths: expected integers"),
        (lambda c: c.step(X), ValueError, r"x: expected \(B, I=3\), got \(5, 2, 3\)"),
        (lambda c: c.backward(None, X), TypeError, "tape: expected one"),
        (lambda c: c.backward(c.forward(X)[2], X), ValueError, r"dy: expected \(T=5, B=2, H=4\)"),
        (lambda c: c.params["h.w_x"], KeyError, r"did you mean h\.W_x\?"),
        (
            lambda c: c.params.__setitem__("h.b", np.zeros(3)),
            ValueError,
            r"h\.b: expected \(H=4,\), got \(3,\)",
        ),
        (lambda c: c.params.__setitem__("h.b", 0.0), TypeError, r"h\.b: expected a NumPy array"),
    ],
)
def test_what_is_wrong_with_a_call(
    cell: Fake, call: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(cell)


def test_inputs_of_several_kinds_of_memory(cell: Fake) -> None:
    want, _ = cell(X)
    wide = np.zeros((5, 2, 6))
    wide[:, :, ::2] = X
    frozen = X.copy()
    frozen.flags.writeable = False
    for x in (wide[:, :, ::2], np.asfortranarray(X), frozen):
        assert np.array_equal(cell(x)[0], want)


def test_several_inputs_and_outputs(pair: Pair) -> None:
    z = X[:, :, 0].copy()
    by_keyword, state = pair(x=X, z=z)
    assert by_keyword._fields == ("s", "e")
    assert by_keyword.e.shape == (5, 2, 6)
    assert state._fields == ("m", "g")
    assert state.g.n.shape == (2, 3)
    for other in (pair((X, z)), pair({"z": z, "x": X})):
        assert np.array_equal(other[0].e, by_keyword.e)
    carried = pair((X, z), {"m": state.m, "g": {"n": state.g.n}})[0]
    assert np.array_equal(carried.e, pair((X, z), state)[0].e)
    with pytest.raises(ValueError, match=r"z: expected \(T=5, B=2\), got \(5, 3\)"):
        pair(x=X, z=np.zeros((5, 3)))


def test_consts_are_given_and_do_not_change(pair: Pair) -> None:
    assert np.array_equal(pair.consts["w"], W)
    with pytest.raises(ValueError, match="w: consts stay as the cell was built"):
        pair.consts["w"] = W
    with pytest.raises(ValueError, match="read-only"):
        pair.consts["w"][...] = W
    with pytest.raises(TypeError, match=r"Pair\(\) needs w=array of shape \(H=3,\)"):
        Pair(H=3)
    with pytest.raises(ValueError, match=r"w: expected \(H=4,\), got \(3,\)"):
        Pair(H=4, w=W, dtype="float64")
    with pytest.raises(TypeError, match="w: expected float32, got float64"):
        Pair(H=3, w=W)


def test_parameters_are_views_of_one_array(cell: Fake) -> None:
    before, _ = cell(X)
    cell.params["h.W_h"][...] *= 2
    written, _ = cell(X)
    assert not np.array_equal(before, written)
    cell.params["h.W_h"] *= 0.5
    assert np.array_equal(cell(X)[0], before)
    cell.params["h.b"] = np.ones(4)
    assert cell.params.flat[28:32].tolist() == [1, 1, 1, 1]
    assert cell.params["h.W_h"].strides == (8, 32)
    assert list(cell.params) == ["h.W_x", "h.W_h", "h.b", "h0"]


def test_step_by_step_is_the_sequence(cell: Fake, pair: Pair) -> None:
    for built, x in ((cell, {"x": X}), (pair, {"x": X, "z": X[:, :, 0].copy()})):
        want, last = built(x)
        stream = built.stream(batch=2)
        state = None
        for t in range(5):
            now = {name: array[t] for name, array in x.items()}
            y, state = built.step(now, state)
            streamed = stream(**now)
            for got in (y, streamed):
                flat = got if isinstance(got, tuple) else (got,)
                whole = want if isinstance(want, tuple) else (want,)
                for a, b in zip(flat, whole, strict=True):
                    np.testing.assert_allclose(a, b[t], atol=1e-14)
        assert type(state) is type(last) is type(stream.state)
        np.testing.assert_allclose(state[0], last[0], atol=1e-14)
        np.testing.assert_allclose(stream.state[0], last[0], atol=1e-14)


def test_a_step_sees_every_change_of_a_parameter(cell: Fake) -> None:
    start = cell.state(2)
    before = cell.step(X[0], start)[0]
    assert np.array_equal(cell.step(X[0], start)[0], before)
    cell.params["h.W_h"][0, 0] += 1e-9
    assert not np.array_equal(cell.step(X[0], start)[0], before)
    assert np.array_equal(cell.step(X[0], start)[0], cell(X[:1], start)[0][0])
    for name in ("h.b", "h.W_h"):
        held = cell.params[name][1:]
        for _ in range(3):
            before = cell.step(X[0], start)[0]
            held += 1e-3
            after = cell.step(X[0], start)[0]
            assert not np.array_equal(after, before)
            assert np.array_equal(after, cell(X[:1], start)[0][0])
        del held
    assert np.array_equal(cell.step(X[0], start)[0], cell(X[:1], start)[0][0])
    cell.params.flat += 0.1
    assert np.array_equal(cell.step(X[0], start)[0], cell(X[:1], start)[0][0])


def test_a_sequence_sees_every_change_of_a_parameter(cell: Fake) -> None:
    view = cell.params["h.W_h"]
    first = cell(X)[0]
    view *= 1.5
    second = cell(X)[0]
    assert not np.array_equal(first, second)
    del view
    cell(X)
    again = cell(X)[0]
    assert np.array_equal(again, second)
    cell.params["h.W_h"] /= 1.5
    np.testing.assert_allclose(cell(X)[0], first, rtol=1e-12)
    _, _, tape = cell.forward(X)
    cell.backward(tape, first)
    cell.params.flat[:] = 0
    assert not cell(X)[0].any()


def test_a_stream_has_parameters_and_state_of_its_own(cell: Fake) -> None:
    stream = cell.stream(batch=2)
    first = stream(X[0])
    cell.params.flat[:] = 0
    stream.reset()
    assert np.array_equal(stream(X[0]), first)
    stream.reset(cell.state(2))
    assert not np.array_equal(stream(X[0]), first)
    kept = first.copy()
    stream(X[1])
    assert np.array_equal(first, kept)
    with pytest.raises(ValueError, match=r"x: expected \(B=2, I=3\), got \(1, 3\)"):
        stream(X[0, :1])
    with pytest.raises(TypeError, match="x: expected float64, got float32"):
        stream(X[0].astype("f4"))


def test_copies_are_equal_and_apart(cell: Fake, pair: Pair) -> None:
    for built, x in ((cell, X), (pair, (X, X[:, :, 0].copy()))):
        want = built(x)
        for other in (copy.deepcopy(built), pickle.loads(pickle.dumps(built))):
            assert type(other) is type(built)
            assert repr(other) == repr(built)
            np.testing.assert_array_equal(other(x)[1][0], want[1][0])
            other.params.flat[:] = 0
        np.testing.assert_array_equal(built(x)[1][0], want[1][0])
    state = pair((X, X[:, :, 0].copy()))[1]
    again = pickle.loads(pickle.dumps(state))
    assert type(again) is type(state)
    assert np.array_equal(again.g.n, state.g.n)


def test_the_seed_decides_and_nothing_else() -> None:
    a, b, c = Fake(I=3, H=4), Fake(I=3, H=4, dtype="float64"), Fake(I=3, H=4, seed=1)
    assert np.array_equal(a.params.flat, b.params.flat.astype("f4"))
    assert not np.array_equal(a.params["h.W_x"], c.params["h.W_x"])


def test_help_and_repr_say_what_there_is(cell: Fake) -> None:
    for text in (Fake.__doc__ or "", repr(cell)):
        assert "h' = tanh(scale * (x @ W_x + h @ W_h + b))" in text
        assert "h.W_h" in text
    assert "Fake(I=3, H=4, scale=0.8, activation=tanh) of float64, 36 parameters" in repr(cell)
    assert 'Fake(I=…, H=…, dtype="float32", seed=0, scale=1.0, activation="tanh")' in Fake.__doc__
    assert "h.W_h: (H=4, H=4)" in repr(cell)
    tape = cell.forward(X)[2]
    assert repr(tape).startswith("<Tape of Fake: T=5, B=2, ")


def test_one_cell_on_several_threads(cell: Fake, parts: int) -> None:
    inputs = [X * scale for scale in (0.5, 1.0, 1.5, 2.0)]
    want = [_train(cell, x) for x in inputs]
    wrong: list[int] = []

    def work(index: int) -> None:
        found = [_train(cell, inputs[index]) for _ in range(20)]
        wrong.extend(index for flat in found if not np.array_equal(flat, want[index]))

    threads = [Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def _train(cell: Fake, x: Any) -> Any:
    y, state, tape = cell.forward(x)
    return cell.backward(tape, y, state).params.flat
