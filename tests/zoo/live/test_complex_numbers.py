"""Cells of complex numbers beside the same equations in complex arithmetic of JAX and PyTorch.

Values, states and gradients in float64: those of the two parts, by each library's own rules for
complex numbers.

pip install jax torch
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.zoo.live.compare import agree
from tests.zoo.live.peer import Peer, draw, run_jax, run_torch
from tests.zoo.subject import zoo_subject

pytestmark = pytest.mark.filterwarnings("ignore")
LRU = {
    "ν": (4,), "θ": (4,), "γ": (4,), "D": (3,), "Br": (4, 3), "Bi": (4, 3), "Cr": (3, 4),
    "Ci": (3, 4),
}  # fmt: skip


def lru(np: Any) -> Peer:
    """minimal-LRU, of its parts: `jnp` and `torch` have the same names for what it takes."""

    def step(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        lam = np.exp(-np.exp(P["ν"]) + 1j * np.exp(P["θ"]))
        B, C = P["Br"] + 1j * P["Bi"], P["Cr"] + 1j * P["Ci"]
        h = states["hr"] + 1j * states["hi"]
        h = lam * h + np.exp(P["γ"]) * (B @ (inputs["x"] + 0j))
        y = np.real(C @ h) + P["D"] * inputs["x"]
        return y, {"hr": np.real(h), "hi": np.imag(h)}

    return Peer(LRU, {"hr": (4,), "hi": (4,)}, {"x": (3,)}, step)


@pytest.mark.parametrize("file", ["lru", "complex_lru"])
def test_lru_is_that_of_jax(file: str) -> None:
    jnp = pytest.importorskip("jax.numpy")
    peer = lru(jnp)
    drawn = draw(peer)
    agree("lru", file, peer, drawn, run_jax(peer, drawn))


def test_lru_is_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    peer = lru(torch)
    drawn = draw(peer)
    agree("lru", "complex_lru", peer, drawn, run_torch(peer, drawn))


def test_s4d_is_that_of_pytorch() -> None:
    """The kernel of state-spaces' S4D, one step at a time, with its gated output."""
    torch = pytest.importorskip("torch")

    def step(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        A = -torch.exp(P["log_A_real"]) + 1j * P["A_imag"]
        dtA = A * torch.exp(P["log_dt"])[:, None]
        C = torch.view_as_complex(P["C"]) * (torch.exp(dtA) - 1.0) / A
        h = torch.exp(dtA) * torch.view_as_complex(states["h"]) + inputs["x"][:, None]
        y = 2 * (C * h).sum(-1).real + P["D"] * inputs["x"]
        v = P["W"] @ torch.nn.functional.gelu(y) + P["b"]
        return torch.nn.functional.glu(v, dim=-1), {"h": torch.view_as_real(h)}

    shapes = {
        "log_dt": (4,), "log_A_real": (4, 3), "A_imag": (4, 3), "C": (4, 3, 2), "D": (4,),
        "W": (8, 4), "b": (8,),
    }  # fmt: skip
    peer = Peer(shapes, {"h": (4, 3, 2)}, {"x": (4,)}, step)
    drawn = draw(peer)
    agree("s4.s4d", "s4d", peer, drawn, run_torch(peer, drawn))


def test_s4d_is_a_convolution() -> None:
    """From zeros, the output ahead of `gelu` is that of the kernel 2 Re(C (Ā - 1)/A Āˡ)."""
    cell = zoo_subject("s4d").make({"H": 3, "N": 4})
    p = {name: np.array(value) for name, value in cell.params.items()}
    x = np.random.default_rng(0).normal(size=(6, 1, 3))
    A = -np.exp(p["log_decay"]) + 1j * p["omega"]
    dA = A * np.exp(p["log_dt"])[:, None]
    C = (p["C"][..., 0] + 1j * p["C"][..., 1]) * (np.exp(dA) - 1) / A
    kernel = 2 * np.einsum("hn,hnl->hl", C, np.exp(dA[..., None] * np.arange(6))).real
    y = [sum(kernel[:, s] * x[t - s, 0] for s in range(t + 1)) + p["D"] * x[t, 0] for t in range(6)]
    found = cell.trace(x, names=["y", "h'"])
    np.testing.assert_allclose(found["y"][:, 0], np.array(y), rtol=1e-9)
    assert found["h'"].shape == (6, 1, 3, 4, 2)
