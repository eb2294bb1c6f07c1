"""What a careful user of `celldsl.torch` meets: what a layer shows, words of others, NaN."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.errors import (
    ArgumentError,
    ArgumentTypeError,
    NonFiniteError,
    WeightsWarning,
)

torch = pytest.importorskip("torch")

import celldsl.torch  # noqa: E402

ROOT = """
cell Root[H](gain = 1.0):
    input x: [H]
    state h: [H]
    param w: [H] = ones

    v  = sqrt(gain * x)
    h' = tanh(h * w + v)

    output h'
"""


@pytest.fixture(scope="module")
def root() -> Any:
    return celldsl.compile_source(ROOT)


def test_what_a_layer_shows_stays_as_it_was_built(root: Any) -> None:
    layer = celldsl.torch.RNN(root, H=3)
    for name, value in (
        ("num_layers", 3),
        ("batch_first", True),
        ("bidirectional", True),
        ("residual", True),
    ):
        with pytest.raises(ArgumentError, match=rf"{name}: stays .*RNN\(…, {name}={value}\)"):
            setattr(layer, name, value)
        assert getattr(layer, name) != value
    layer.form_wanted = "plain"
    assert layer.form(torch.ones(2, 1, 3)).startswith("plain")
    again = pickle.loads(pickle.dumps(copy.deepcopy(layer)))
    assert again.form_wanted == "plain"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"hidden_size": 4}, 'did you mean "H"'),
        ({"bias": False}, "the equations of a cell say which biases"),
        ({"seed": 0}, "torch.manual_seed"),
        ({"engine": "numba"}, 'form="kernels"'),
        ({"dtype": "float64"}, "dtype: expected one of PyTorch's, .*pass torch.float64"),
        ({"dtype": np.float32}, "dtype: expected one of PyTorch's, .*pass torch.float32"),
        ({"dtype": torch.int64}, "dtype: expected one of real numbers"),
        ({"settings": 3}, "settings: expected a mapping"),
        ({"settings": {"H": 3}}, "H: was passed twice"),
        ({"settings": {"dropout": 0.5}}, "dropout: no cell here has such a setting"),
    ],
)
def test_what_a_layer_is_built_with_is_checked(root: Any, given: dict[str, Any], why: str) -> None:
    with pytest.raises(ArgumentError, match=why):
        celldsl.torch.RNN(root, H=3, **given)


def test_words_of_other_libraries_lead_to_those_of_a_layer(root: Any) -> None:
    layer, x = celldsl.torch.RNN(root, H=3), torch.ones(2, 1, 3)
    for name, why in (
        ("batch_first", r"RNN\(…, batch_first=True\)"),
        ("training", r"layer\.train\(\)"),
        ("reverse", "bidirectional=True"),
        ("seed", "torch.manual_seed"),
        ("check_numerics", "CELLDSL_CHECK_NUMERICS=1"),
        ("h0", 'did you mean "state"'),
    ):
        with pytest.raises(ArgumentError, match=why):
            layer(x, **{name: True})
    with pytest.raises(ArgumentError, match=r"x: expected a tensor .*pass torch\.from_numpy"):
        layer.form(x.numpy())
    with pytest.raises(ArgumentError, match=r"Cell\(\) has no argument .*RNN\(…, num_layers=2\)"):
        celldsl.torch.Cell(root, H=3, num_layers=2)


def test_numbers_that_are_not_finite_are_loaded_with_a_warning(root: Any) -> None:
    layer = celldsl.torch.RNN(root, H=3)
    with pytest.warns(WeightsWarning, match=r"w is not finite: w\[1\] is nan"):
        layer.load_state_dict({"layers.0.w": torch.tensor([1.0, float("nan"), 2.0])})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer.load_state_dict({"layers.0.w": torch.ones(3)})


@pytest.fixture
def checked(root: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("CELLDSL_CHECK_NUMERICS", "1")
    return celldsl.torch.RNN(root, H=3)


def test_a_value_that_is_not_finite_is_named(checked: Any, root: Any) -> None:
    x = torch.ones(6, 2, 3)
    x[3, 1, 2] = -1.0
    found = r"Root: not finite first at step 3, row 1 in `v = sqrt\(gain \* x\)`"
    for options in ({}, {"lengths": torch.tensor([6, 4])}, {"states": "all"}):
        with pytest.raises(NonFiniteError, match=found):
            checked(x, **options)
    checked(x, lengths=torch.tensor([6, 3]))
    plain = celldsl.torch.RNN(root, H=3, form="plain")
    with torch.no_grad(), pytest.raises(NonFiniteError, match=found):
        plain(x)
    with pytest.raises(NonFiniteError, match="step 0, row 0"):
        celldsl.torch.Cell(root, H=3)(-torch.ones(2, 3))


def test_a_cotangent_that_is_not_finite_is_named(checked: Any) -> None:
    x = torch.ones(6, 2, 3)
    x[3, 1, 2] = 0.0
    x.requires_grad_()
    for options in ({}, {"lengths": torch.tensor([6, 5])}):
        with pytest.raises(NonFiniteError, match=r"going back, .* at step 3, row 1 in `v = sqrt"):
            checked(x, **options)[0].sum().backward()
    y = checked(torch.ones(2, 1, 3))[0]
    with pytest.raises(NonFiniteError, match=r"dy.* is nan, as it was passed"):
        y.backward(torch.full_like(y, float("nan")))


TWO = """
cell Two[H]:
    input x: [H]
    input z: [H]
    state h: [H]

    h' = tanh(h + x * z)
    y  = 2 * h

    output h', y
"""


def test_signatures_are_those_of_the_cell(root: Any) -> None:
    layer, step = celldsl.torch.RNN(root, H=3), celldsl.torch.Cell(root, H=3)
    shown = inspect.signature(layer)
    assert list(shown.parameters) == ["x", "state", "lengths", "resets", "states"]
    state = type(layer(torch.ones(2, 1, 3))[1])
    assert shown.parameters["state"].annotation == state | None
    assert list(inspect.signature(step).parameters) == ["x", "state", "resets"]
    assert inspect.signature(step).return_annotation == tuple[torch.Tensor, state]
    options = {"lengths", "resets", "states"}
    assert options < set(inspect.signature(layer.forward).parameters)
    assert {"state", "lengths", "resets"} < set(inspect.signature(layer.trace).parameters)
    x = torch.ones(2, 1, 3)
    layer(x=x, **{name: p.default for name, p in shown.parameters.items() if name != "x"})
    assert "num_layers" in inspect.signature(celldsl.torch.RNN).parameters
    stacked = celldsl.torch.RNN([root(H=3), root(H=3)])
    assert inspect.signature(stacked).parameters["state"].annotation == tuple[state, state] | None


def test_several_inputs_are_shown_as_keywords() -> None:
    layer = celldsl.torch.RNN(celldsl.compile_source(TWO), H=3)
    names = list(inspect.signature(layer).parameters)
    assert names == ["inputs", "state", "x", "z", "lengths", "resets", "states"]
    assert layer(x=torch.ones(2, 1, 3), z=torch.ones(2, 1, 3))[0].h.shape == (2, 1, 3)


def test_sizes_go_by_name(root: Any) -> None:
    for layer in (celldsl.torch.RNN, celldsl.torch.Cell):
        with pytest.raises(ArgumentError, match=r"\(cell, 3, 4\): sizes go by name.*H=…"):
            layer(root, 3, 4)


def test_dropout_that_has_no_effect_is_told(root: Any) -> None:
    with pytest.warns(UserWarning, match="dropout: acts between layers, and there is one") as told:
        celldsl.torch.RNN(root, H=3, dropout=0.5)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        celldsl.torch.RNN(root, H=3)


def test_a_built_cell_has_its_settings_already(root: Any) -> None:
    for cells in (root(H=3), [root(H=3), root(H=3)]):
        with pytest.raises(ArgumentTypeError, match="H: a built cell has its settings already"):
            celldsl.torch.RNN(cells, H=5)
    assert celldsl.torch.RNN([root, root(H=3)], H=3).num_layers == 2


def test_axes_look_exchanged_where_they_are(root: Any) -> None:
    layer, x = celldsl.torch.RNN(root, H=3), torch.ones(2, 4, 3)
    state = layer(x)[1]
    wrong = [torch.cat([each, each]) for each in state]  # of two layers
    with pytest.raises(ArgumentError) as told:
        layer(x, tuple(wrong))
    assert "exchanged" not in str(told.value)
    with pytest.raises(ArgumentError, match="look exchanged"):
        layer(x, tuple(each.transpose(0, 1) for each in state))
