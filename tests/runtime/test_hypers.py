"""What a cell shows is what it computes: numbers take effect at once, everything else refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.cell.cell import Cell
from tests.runtime.fake_cell import Fake
from tests.runtime.fake_pair import Pair

DECAY = """
cell Decay[I, H](rate = 0.1, share = 0.2, activation = tanh):
    input x: [I]
    state h: [H]
    const keep: [H] = exp(0 - rate) * ones([H])

    z  = zoneout(activation(linear([x, h], H)), h, share)
    h' = keep * dropout(z, rate / 2)

    output h'
"""
X = np.random.default_rng(3).normal(size=(5, 2, 3))


@pytest.fixture
def decay() -> Cell:
    return celldsl.compile_source(DECAY)(I=3, H=4, dtype="float64")


def forms(cell: Cell) -> list[Any]:
    """What a cell computes, in every form."""
    y, state = cell(X)
    start = cell.state(2)
    steps = [cell.step(X[0], start)[0] for _ in range(3)]
    streamed = cell.stream(batch=2)(X[0])
    z, _, tape = cell.forward(X, seed=1)
    grads = cell.backward(tape, z)
    return [y, state[0], *steps, streamed, z, grads.params.flat, grads.inputs["x"]]


def same(left: list[Any], right: list[Any]) -> list[bool]:
    return [np.array_equal(a, b) for a, b in zip(left, right, strict=True)]


def test_a_number_takes_effect_in_every_form(decay: Cell, tmp_path: Path) -> None:
    before = forms(decay)
    decay.hypers["rate"] = 0.5
    built = type(decay)(I=3, H=4, dtype="float64", rate=0.5)
    after = forms(decay)
    assert all(same(after, forms(built)))
    assert not any(same(after, before))
    assert "rate=0.5" in repr(decay)
    decay.save(tmp_path / "decay")
    assert all(same(after, forms(type(decay).from_file(tmp_path / "decay"))))
    decay.hypers["rate"] = 0.1
    assert all(same(forms(decay), before))


def test_a_loaded_cell_makes_its_consts_of_the_numbers(decay: Cell, tmp_path: Path) -> None:
    decay.save(tmp_path / "decay")
    again = type(decay).from_file(tmp_path / "decay")
    again.hypers["rate"] = decay.hypers["rate"] = 0.7
    assert np.array_equal(again.consts["keep"], np.full(4, np.exp(-0.7)))
    assert np.array_equal(again(X)[0], decay(X)[0])
    given = type(decay)(I=3, H=4, dtype="float64", keep=np.ones(4))
    given.hypers["rate"] = 0.7
    assert given.consts["keep"].tolist() == [1] * 4


def test_hypers_are_a_mapping(decay: Cell) -> None:
    decay.hypers |= {"rate": 0.3, "share": 0.4}
    assert decay.hypers == {"rate": 0.3, "share": 0.4, "activation": "tanh"}
    decay.hypers = {**decay.hypers, "rate": 0.2}
    assert decay.hypers["rate"] == 0.2
    decay.hypers["activation"] = "tanh"  # which it is
    with pytest.raises(ValueError, match="share: expected a number"):
        decay.hypers |= {"rate": 0.9, "share": "much"}
    assert decay.hypers["rate"] == 0.2


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rate", 2.0, r"rate of dropout lies between 0 and 1 .*with rate=2\.0"),
        ("share", -0.1, r"zoneout .*requires 0 <= share <= 1; with share=-0\.1"),
        ("share", float("nan"), r"with share=nan"),
        ("share", "0.1", "share: expected a number"),
        ("activation", "relu", r"decides the structure.*build another: Decay\(.*'relu'\)"),
        ("rates", 0.1, "no rates; did you mean rate"),
    ],
)
def test_a_number_is_checked_when_it_changes(
    decay: Cell, name: str, value: Any, message: str
) -> None:
    before = forms(decay)
    with pytest.raises(ValueError, match=message):
        decay.hypers[name] = value
    assert all(same(forms(decay), before))


def test_an_assignment_names_what_is_missing(decay: Cell) -> None:
    before = dict(decay.hypers)
    with pytest.raises(ValueError, match="rate, share, activation: missing; `update` takes some"):
        decay.hypers = {}
    with pytest.raises(ValueError, match="share, activation: missing"):
        decay.hypers = {"rate": 0.2}
    assert decay.hypers == before


@pytest.mark.parametrize(("name", "value"), [("rate", 2.0), ("share", 1.5), ("share", -1)])
def test_a_number_is_checked_when_a_cell_is_built(decay: Cell, name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"lies between 0 and 1 .*with {name}={float(value)}"):
        type(decay)(I=3, H=4, **{name: value})


def test_a_require_holds_for_changed_numbers() -> None:
    text = DECAY.replace("    input x", '    require rate < share, "rates rise"\n    input x')
    cell = celldsl.compile_source(text)(I=3, H=4)
    with pytest.raises(ValueError, match=r"rates rise \(requires rate < share; with rate=0\.3"):
        cell.hypers["rate"] = 0.3
    cell.hypers |= {"rate": 0.3, "share": 0.4}


def test_a_stream_keeps_the_numbers_it_was_made_with(decay: Cell) -> None:
    stream, want = decay.stream(batch=2), decay.stream(batch=2)(X[0])
    decay.hypers["rate"] = 0.9
    assert np.array_equal(stream(X[0]), want)
    assert not np.array_equal(decay.stream(batch=2)(X[0]), want)


def test_a_tape_keeps_the_numbers_of_its_pass(decay: Cell) -> None:
    for checkpoint in (1, 2):
        y, _, tape = decay.forward(X, seed=1, checkpoint=checkpoint)
        want = decay.backward(tape, y).params.flat
        decay.hypers["rate"] = 0.9
        assert np.array_equal(decay.backward(tape, y).params.flat, want)
        decay.hypers["rate"] = 0.1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dims", r"dims: stay as the cell was built; build another with Fake\(I=…, H=…\)"),
        ("consts", "consts: stay as the cell was built"),
        ("dtype", 'dtype: stays as the cell was built; build another with Fake.*"float64"'),
        ("seed", r"seed: decides the initial parameters .*forward\(…, seed=…\)"),
        ("param", 'Fake has no attribute "param"; did you mean params?'),
        ("h0", r'no attribute "h0"; write cell\.params\["h0"\]'),
        ("scale", r'no attribute "scale"; write cell\.hypers\["scale"\]'),
        ("step", r"Fake\.step is a method"),
        ("bogus", "params and hypers can be assigned to"),
    ],
)
def test_what_would_have_no_effect_is_refused(cell: Fake, name: str, message: str) -> None:
    with pytest.raises((ValueError, AttributeError), match=message):
        setattr(cell, name, 1)
    assert isinstance(cell.seed, int)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("h0", r'Fake has no attribute "h0"; write cell\.params\["h0"\]'),
        ("scale", r'no attribute "scale"; write cell\.hypers\["scale"\]'),
        ("parms", r'no attribute "parms"; did you mean params\?'),
        ("state_dict", "the parameters are `params`"),
        ("eval", r"forward\(training=False\)"),
        ("bogus", r'no attribute "bogus"$'),
    ],
)
def test_what_is_read_and_is_not_there(cell: Fake, name: str, message: str) -> None:
    assert not hasattr(cell, name)
    with pytest.raises(AttributeError, match=message):
        getattr(cell, name)


def test_a_size_stays(cell: Fake) -> None:
    with pytest.raises(ValueError, match=r"H: sizes stay .*build another: Fake\(I=3, H=8\)"):
        cell.dims["H"] = 8
    assert cell.dims == {"I": 3, "H": 4}


def test_a_class_of_ones_own_may_have_attributes() -> None:
    class Mine(Fake):
        pass

    mine = Mine(I=3)
    mine.label = "first"
    assert mine.label == "first"
    with pytest.raises(ValueError, match="seed"):
        mine.seed = 3


CHOSEN = """
cell Chosen[H](k = 0.5):
    input x: [H]
    state h: [H]

    h' = where(k > 0, tanh(x), x) + h

    output h'
"""


def test_a_number_chooses_by_itself() -> None:
    cell = celldsl.compile_source(CHOSEN)(H=3, dtype="float64")
    x = X[:1]
    np.testing.assert_allclose(cell(x)[0], np.tanh(x), rtol=1e-14)
    cell.hypers["k"] = -0.5
    np.testing.assert_array_equal(cell(x)[0], x)
    y, _, tape = cell.forward(x)
    np.testing.assert_array_equal(cell.backward(tape, y).inputs["x"], x)


def test_a_number_that_no_float_holds(decay: Cell) -> None:
    with pytest.raises(celldsl.ArgumentError, match=r"rate: expected a number .*no float holds"):
        decay.hypers["rate"] = 10**400


def test_a_copy_is_a_snapshot(decay: Cell) -> None:
    import copy
    import pickle

    copies = [
        copy.copy(decay.hypers),
        copy.deepcopy(decay.hypers),
        decay.hypers.copy(),
        pickle.loads(pickle.dumps(decay.hypers)),
    ]
    decay.hypers["rate"] = 0.9
    for found in copies:
        assert found == {"rate": 0.1, "share": 0.2, "activation": "tanh"}
    decay.hypers.update(copies[0])
    assert decay.hypers["rate"] == 0.1


def test_numbers_may_be_given_by_keyword(decay: Cell) -> None:
    decay.hypers.update(rate=0.3, share=0.4)
    assert (decay.hypers["rate"], decay.hypers["share"]) == (0.3, 0.4)
    with pytest.raises(celldsl.ArgumentError, match="no rat; did you mean rate"):
        decay.hypers.update(rat=1)
    with pytest.raises(celldsl.ArgumentError, match="no q; there are"):
        decay.params.update(q=1)


def test_consts_say_how_they_are_given(decay: Cell) -> None:
    told = r"keep: consts stay as the cell was built; build another with keep=array"
    keep = np.zeros(4)
    with pytest.raises(celldsl.ArgumentError, match=told):
        decay.consts["keep"] = keep
    with pytest.raises(celldsl.ArgumentError, match=told):
        decay.consts.update(keep=keep)
    with pytest.raises(celldsl.ArgumentError, match=told):
        decay.consts.flat = keep


def test_a_file_whose_const_differs_says_why(decay: Cell, tmp_path: Path) -> None:
    decay.hypers["rate"] = 0.7
    decay.save(tmp_path / "decay")
    decay.hypers["rate"] = 0.1
    told = r'saved with rate=0.7, and this cell has rate=0.1; set cell.hypers\["rate"\] = 0.7'
    with pytest.warns(celldsl.WeightsWarning), pytest.raises(celldsl.WeightsError, match=told):
        decay.load(tmp_path / "decay")
    decay.hypers["rate"] = 0.7
    decay.load(tmp_path / "decay")


def test_nothing_can_be_taken_from_a_cell_or_put_on_a_stream(cell: Fake) -> None:
    for name in ("params", "hypers", "dims", "dtype", "seed"):
        with pytest.raises(AttributeError, match=rf"Fake\.{name}: stays as long as the cell does"):
            delattr(cell, name)
    with pytest.raises(AttributeError, match="did you mean params"):
        del cell.param
    with pytest.raises(AttributeError, match=r"Fake\.description is of the class and stays"):
        cell.description = None
    stream = cell.stream(2)
    with pytest.raises(celldsl.ArgumentError, match=r"write stream.reset\(state\)"):
        stream.state = cell.state(2)
    with pytest.raises(AttributeError):
        stream.sate = 1


def test_consts_cannot_be_made_writable(pair: Pair) -> None:
    name = next(iter(pair.consts))
    before = pair.consts[name].copy()
    for array in (pair.consts[name], pair.consts.flat):
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.setflags(write=True)
    np.testing.assert_array_equal(pair.consts[name], before)


def test_rates_may_be_what_they_may_be_elsewhere() -> None:
    text = DECAY.replace("rate / 2)", "2 * rate)")
    with pytest.raises(ValueError, match=r"requires 0 <= f\(rate\) < 1; with rate=0\.6"):
        celldsl.compile_source(text)(I=3, H=4, rate=0.6)
    kept = DECAY.replace("share)", "1)")
    assert celldsl.compile_source(kept)(I=3, H=4) is not None
    with pytest.raises(celldsl.CellError, match="a rate of dropout is below 1"):
        celldsl.compile_source(DECAY.replace("rate / 2)", "1)"))
