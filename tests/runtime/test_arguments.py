"""Every argument is checked, and a message says what to write instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.runtime.fake_cell import Fake


class NotReadable:
    """A tensor that NumPy cannot read, as one that has a gradient."""

    def __init__(self, shape: list[int]) -> None:
        self.shape = shape

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


NotReadable.__module__, NotReadable.__name__ = "torch", "Tensor"
X = np.random.default_rng(3).normal(size=(5, 2, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda c: c(X, initial_state=None),
            r'a call of Fake .*"initial_state"; did you mean "state"',
        ),
        (lambda c: c(X, mask=X), r'no argument "mask"; did you mean "lengths"'),
        (
            lambda c: c(X, batch_first=True),
            r'"batch_first": arrays are time-major.*swapaxes\(0, 1\)',
        ),
        (
            lambda c: c(X, training=True),
            r'"training": masks are drawn by forward\(…, training=True',
        ),
        (lambda c: c(X, lenghts=[1]), 'no argument "lenghts"; did you mean "lengths"'),
        (lambda c: c(X, None, state=None) and c(X, X, state=X), "state was passed twice"),
        (lambda c: c.forward(X, hx=None), r'Fake\.forward\(\).*did you mean "state"'),
        (lambda c: c.forward(X, train=True), 'did you mean "training"'),
        (lambda c: c.forward(X, training="no"), "training: expected True or False, got 'no'"),
        (lambda c: c.forward(X, training=1), "training: expected True or False, got 1"),
        (lambda c: c(X, reverse="yes"), "reverse: expected True or False"),
        (lambda c: c.forward(X, checkpoint="all"), "checkpoint: expected an integer"),
        (lambda c: c.forward(X, seed=1.5), "seed: expected an integer"),
        (lambda c: c.step(X[0], lengths=[1, 1]), "a step has no length"),
        (lambda c: c.step(X[0], sate=None), r'Fake\.step\(\).*did you mean "state"'),
        (lambda c: c.backward(c.forward(X)[2], grad=X), r'Fake\.backward\(\).*did you mean "dy"'),
        (lambda c: c.stream(batch_size=2), r'Fake\.stream\(\).*did you mean "batch"'),
        (
            lambda c: c.stream(batch=2)(x=X[0], state=None),
            'a stream of Fake has no argument "state"',
        ),
        (lambda c: Fake(I=3, precision="float32"), r'Fake\(\).*did you mean "dtype"'),
        (lambda c: c(X.tolist()), r"got list; pass np\.array\(x, dtype=np\.float64\)"),
        (lambda c: c(np.ma.masked_array(X)), r"got MaskedArray; .*pass x\.filled\(0\.0\)"),
        (lambda c: c(X, X[0].tolist()), r"state"),
        (lambda c: c(X, lengths=np.ma.masked_array([1, 2])), r"lengths: .* got MaskedArray"),
        (
            lambda c: c(X, lengths=[1, 2]),
            r"lengths: expected a NumPy array \(B=2,\) of integers, got list; pass np.array\(",
        ),
        (
            lambda c: c(X, lengths=NotReadable([2])),
            r"integers, got torch\.Tensor; pass lengths\.detach",
        ),
        (
            lambda c: c(X, resets=NotReadable([2])),
            r"values, got torch\.Tensor; pass resets\.detach",
        ),
        (lambda c: c(X, lengths=np.ma.masked_array([1, 2])), r"pass lengths\.filled\(0\)$"),
        (lambda c: c(X, resets=np.ma.masked_array(X[..., 0] > 0)), r"resets\.filled\(False\), and"),
        (
            lambda c: c.backward(c.forward(X)[2], lengths=[1, 2]),
            "the tape has it of its forward pass",
        ),
        (lambda c: c.backward(c.forward(X)[2], retain_graph=True), "may be used more than once"),
        (lambda c: c.step(X[0], reverse=True), "a step has no direction"),
        (lambda c: Fake(input_size=3), r'Fake\(\).*did you mean "I"'),
        (lambda c: Fake(I=3, hidden_size=3), r'did you mean "H"'),
        (lambda c: Fake(i=3), r'did you mean "I"'),
        (lambda c: c(object()), "got object$"),
        (lambda c: c(3.0), "got float$"),
    ],
)
def test_what_was_meant_is_said(cell: Fake, call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(cell)


def _foreign(library: str, name: str) -> Any:
    """An array as a library that may not be here would make it."""
    made = type(name, (), {"shape": (5, 2, 3), "__module__": f"{library}.core"})
    return made()


@pytest.mark.parametrize(
    ("library", "name", "message"),
    [
        ("torch", "Tensor", r"got torch\.Tensor; pass x\.detach\(\)\.cpu\(\)\.numpy\(\)"),
        ("jaxlib", "ArrayImpl", r"pass np\.asarray\(x\)"),
        ("pandas", "Series", r"got pandas\.Series; pass x\.to_numpy\(np\.float64\)"),
        ("tensorflow", "EagerTensor", r"pass x\.numpy\(\)"),
        ("unheard", "Array", r"got unheard\.Array$"),
    ],
)
def test_arrays_of_other_libraries(cell: Fake, library: str, name: str, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        cell(_foreign(library, name))


def test_arrays_of_jax(cell: Fake) -> None:
    jax = pytest.importorskip("jax")
    with pytest.raises(TypeError, match=r"pass np\.asarray\(x\)"):
        cell(jax.numpy.asarray(X))


def test_truth_values_of_numpy_are_truth_values(cell: Fake) -> None:
    assert np.array_equal(cell(X, reverse=np.bool_(True))[0], cell(X, reverse=True)[0])


def test_sizes_that_are_too_large_for_memory_are_named() -> None:
    for size in (10**30, 10**11):
        with pytest.raises(MemoryError, match=rf"numbers of float64: Fake\(I=3, H={size}\)"):
            Fake(I=3, H=size, dtype="float64")
