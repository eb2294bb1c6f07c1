"""Complex numbers of a cell outside: real arrays with a last axis of 2, in Python and in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celldsl import compile_source
from celldsl.runtime.errors import ArgumentTypeError

TEXT = """
cell Turning[I, N]:
    input u: complex[I]
    param B: complex[N, I]
    state z: complex[N] = 1.0

    z' = linear([B @ u, 0.5i * z], N)
    y  = abs(z')

    output z', y
"""


@pytest.fixture(scope="module")
def turning() -> Any:
    return compile_source(TEXT)


def pairs(z: Any) -> Any:
    return np.stack([z.real, z.imag], axis=-1)


def test_arrays_have_both_parts_along_their_last_axis(turning: Any) -> None:
    cell = turning(I=3, N=4, dtype="float64")
    assert cell.params["B"].shape == (4, 3, 2)
    assert cell.params["z.W_1"].shape == (4, 4, 2)
    u = np.random.default_rng(0).normal(size=(5, 2, 3, 2))
    out, state, tape = cell.forward(u)
    assert out.z.shape == (5, 2, 4, 2) and out.y.shape == (5, 2, 4)
    np.testing.assert_array_equal(out.z[-1], state.z)
    grads = cell.backward(tape, {"y": np.ones((5, 2, 4)), "z": np.zeros((5, 2, 4, 2))})
    assert grads.inputs["u"].shape == u.shape
    assert grads.params["B"].shape == (4, 3, 2)


def test_files_keep_both_parts(turning: Any, tmp_path: Path) -> None:
    cell = turning(I=3, N=4, seed=3)
    cell.save(tmp_path / "turning.safetensors")
    found = turning.from_file(tmp_path / "turning.safetensors")
    for name, value in cell.params.items():
        np.testing.assert_array_equal(found.params[name], value)


def test_both_parts_are_drawn_and_as_long_as_a_real_number(turning: Any) -> None:
    """Glorot's rule says that the mean square is 2 / (fan in + fan out)."""
    params = turning(I=300, N=200, seed=1).params
    both = params["B"].reshape(-1, 2).astype(np.float64)
    np.testing.assert_allclose((both**2).sum(axis=1).mean(), 2 / 500, rtol=0.02)
    assert abs(np.corrcoef(both.T)[0, 1]) < 0.02


def test_a_complex_array_is_told_how_to_go_in(turning: Any) -> None:
    cell = turning(I=3, N=4)
    with pytest.raises(ArgumentTypeError, match=r"np.stack\(\[u.real, u.imag\], axis=-1\)"):
        cell(np.ones((5, 2, 3), np.complex64))
    with pytest.raises(ArgumentTypeError, match=r"np.stack\(\[B.real, B.imag\], axis=-1\)"):
        cell.params["B"] = np.ones((4, 3), np.complex64)


def test_a_complex_tensor_is_told_how_to_go_in(turning: Any) -> None:
    torch = pytest.importorskip("torch")
    from celldsl.torch import RNN

    layer = RNN(turning, I=3, N=4)
    with pytest.raises(ArgumentTypeError, match=r"torch.view_as_real\(u\)"):
        layer(torch.ones(5, 2, 3, dtype=torch.complex64))
    out, _ = layer(torch.view_as_real(torch.ones(5, 2, 3, dtype=torch.complex64)))
    assert torch.view_as_complex(out.z).shape == (5, 2, 4)
