"""`products="bfloat16"`: a setting of every cell, which is kept, shown, and refused if it must."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celldsl import load
from celldsl.pipeline import generate
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError
from tests.cells import example


@pytest.fixture(scope="module")
def made() -> Any:
    return load(example("gru"))(I=3, H=5, products="bfloat16", seed=4)


@pytest.fixture(scope="module")
def x() -> Any:
    return np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)


def rounding(cell: Any) -> str:
    return str(type(cell).description.products)


def test_it_changes_products_and_is_shown(made: Any, x: Any) -> None:
    plain = load(example("gru"))(I=3, H=5, seed=4)
    apart = np.abs(made(x)[0] - plain(x)[0]).max()
    assert 1e-5 < apart < 1e-2
    assert repr(made).startswith("GRU(I=3, H=5, activation=tanh, products=bfloat16) of float32")
    assert "products" not in repr(plain)
    assert made.params["r_u.W_x"].dtype == np.float32
    assert 'products="bfloat16"' in str(type(made).__doc__)


def test_it_is_saved(made: Any, x: Any, tmp_path: Path) -> None:
    GRU = load(example("gru"))
    made.save(tmp_path / "gru.safetensors")
    wanted = made(x)[0]
    for found in (
        GRU.from_file(tmp_path / "gru.safetensors"),
        type(made).from_file(tmp_path / "gru.safetensors"),
        pickle.loads(pickle.dumps(made)),
        copy.deepcopy(made),
        pickle.loads(pickle.dumps(type(made)))(I=3, H=5, seed=4),
    ):
        assert rounding(found) == "bfloat16"
        np.testing.assert_array_equal(found(x)[0], wanted)
    # Parameters are float32 in either, so weights go from one to the other.
    plain = GRU(I=3, H=5)
    plain.load(tmp_path / "gru.safetensors")
    np.testing.assert_array_equal(plain.params["r_u.W_x"], made.params["r_u.W_x"])


def test_a_class_that_rounds_makes_others_too(made: Any) -> None:
    cls: Any = type(made)
    assert rounding(cls(I=3, H=5)) == "bfloat16"
    assert rounding(cls(I=3, H=5, products="float32")) == ""
    assert rounding(load(example("gru"))(I=3, H=5, products=None)) == ""
    relu = load(example("gru"))(I=3, H=5, activation="relu", products="bfloat16")
    assert (rounding(relu), relu.hypers["activation"]) == ("bfloat16", "relu")


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"products": "bf16"}, 'products: expected "bfloat16" or "float32", got \'bf16\''),
        ({"products": "float64"}, 'products: expected "bfloat16" or "float32", got \'float64\''),
        ({"products": True}, 'products: expected "bfloat16" or "float32", got True'),
        ({"products": "float32", "dtype": "float64"}, "expected \"float64\", got 'float32'"),
        (
            {"products": "bfloat16", "dtype": "float64"},
            'products: "bfloat16" goes with dtype="float32", and this cell is of float64',
        ),
    ],
)
def test_what_does_not_go_is_refused(keywords: dict[str, Any], told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        load(example("gru"))(I=3, H=5, **keywords)


def test_a_misspelt_keyword_is_named() -> None:
    with pytest.raises(ArgumentTypeError, match='"product"; did you mean "products"'):
        load(example("gru"))(I=3, H=5, product="bfloat16")


def test_numba_alone_rounds_as_well(made: Any, x: Any) -> None:
    other = load(example("gru"))(I=3, H=5, products="bfloat16", seed=4, engine="numba")
    agree(other, made, x)


def test_a_module_that_stands_alone_rounds_as_well(
    made: Any, x: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = example("gru").read_text(encoding="utf-8")
    module = generate(text, "gru.cell", structure={"products": "bfloat16"}, standalone=True)
    (tmp_path / "gru_that_rounds_alone.py").write_text(module, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    found = import_module("gru_that_rounds_alone")
    agree(found.GRU(I=3, H=5, seed=4), made, x)


def test_every_access_of_products_is_in_bounds(made: Any, x: Any) -> None:
    """In checked mode Python runs them."""
    code = (
        "import numpy as np, celldsl\n"
        f"made = celldsl.load({str(example('gru'))!r})(I=3, H=5, products='bfloat16', seed=4)\n"
        "x = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)\n"
        "y, _, tape = made.forward(x)\n"
        "grads = made.backward(tape, np.ones_like(y))\n"
        "print(repr(float(y.sum())), repr(float(grads.params.flat.sum())))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "CELLDSL_CHECKED": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not done.returncode, done.stderr
    y, _, tape = made.forward(x)
    sums = y.sum(), made.backward(tape, np.ones_like(y)).params.flat.sum()
    np.testing.assert_allclose([float(word) for word in done.stdout.split()], sums, rtol=1e-4)


def agree(other: Any, made: Any, x: Any) -> None:
    """Outputs and all gradients, up to the order of sums."""
    passes = []
    for cell in (other, made):
        y, _, tape = cell.forward(x)
        grads = cell.backward(tape, np.ones_like(y))
        passes.append((y, grads.inputs["x"], grads.params.flat))
    for found, wanted in zip(*passes, strict=True):
        np.testing.assert_allclose(found, wanted, atol=2e-3 * np.abs(wanted).max())
    np.testing.assert_allclose(passes[0][0], passes[1][0], atol=1e-6)


def test_steps_and_streams_round_as_sequences_do(made: Any, x: Any) -> None:
    y, _ = made(x)
    stream, state = made.stream(2), None
    for x_t, wanted in zip(x, y, strict=True):
        y_t, state = made.step(x_t, state)
        np.testing.assert_allclose(y_t, wanted, atol=1e-6)
        np.testing.assert_allclose(stream(x_t), wanted, atol=1e-6)
