"""Cells without a matrix on the state, as their papers and libraries say it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.zoo.equations.terms import Arrays, Step, affine, sigma


def minlstm(p: Arrays, x: Arrays, s: Arrays) -> tuple[Arrays, Arrays]:
    n, f, i = (x["x"] @ p[f"{gate}.W_x"] for gate in "nfi")
    n = np.where(n >= 0, n + 0.5, sigma(n))
    f, i = sigma(f), sigma(i)
    h = s["h"] * f / (f + i) + n * i / (f + i)
    return {"h": h}, {"h": h}


def hgrn(p: Arrays, x: Arrays, s: Arrays) -> tuple[Arrays, Arrays]:
    """As flash-linear-attention: g is the logarithm of the bounded gate."""
    u = x["x"] @ p["i.W_x"]
    g = np.log(p["lower_bound"] + (1 - p["lower_bound"]) * sigma(x["x"] @ p["f.W_x"]))
    h = np.exp(g) * s["h"] + u * sigma(u) * (1 - np.exp(g))
    return {"h": h}, {"h": h}


def lru(p: Arrays, x: Arrays, s: Arrays) -> tuple[Arrays, Arrays]:
    lam = np.exp(-np.exp(p["nu"]) + 1j * np.exp(p["theta"]))
    B = p["u_r.W_x"] + 1j * p["u_i.W_x"]
    h = lam * (s["h_r"] + 1j * s["h_i"]) + np.exp(p["gamma"]) * (x["x"] @ B)
    C = p["y.W_h_r_next"] - 1j * p["y.W_h_i_next"]
    return {"y": (h @ C).real + p["D"] * x["x"]}, {"h_r": h.real, "h_i": h.imag}


def complex_of(array: Any) -> Any:
    return array[..., 0] + 1j * array[..., 1]


def pairs(z: Any) -> Any:
    return np.stack([z.real, z.imag], axis=-1)


def complex_lru(p: Arrays, x: Arrays, s: Arrays) -> tuple[Arrays, Arrays]:
    lam = np.exp(-np.exp(p["nu"]) + 1j * np.exp(p["theta"]))
    h = lam * complex_of(s["h"]) + np.exp(p["gamma"]) * (complex_of(p["B"]) @ x["x"])
    return {"y": (complex_of(p["C"]) @ h).real + p["D"] * x["x"]}, {"h": pairs(h)}


def s4d(p: Arrays, x: Arrays, s: Arrays) -> tuple[Arrays, Arrays]:
    """As S4DKernel: C times (exp(ΔA) - 1) / A, of which one step is read."""
    A = -np.exp(p["log_decay"]) + 1j * p["omega"]
    dA = A * np.exp(p["log_dt"])[:, None]
    C = complex_of(p["C"]) * (np.exp(dA) - 1.0) / A
    h = np.exp(dA) * complex_of(s["h"]) + x["x"][:, None]
    y = 2 * np.einsum("hn,hn->h", C, h).real + p["D"] * x["x"]
    y = 0.5 * y * (1 + np.vectorize(math.erf)(y / np.sqrt(2)))
    a, b = np.split(affine(p, "a_b", **{"0": y}), 2)
    return {"o": a * sigma(b)}, {"h": pairs(h)}


def rg_lru(p: Arrays, x: Arrays, s: Arrays) -> tuple[Arrays, Arrays]:
    """Gates of one head; a is the power c·r of sigmoid(-Λ), c = 8."""
    r = sigma(x["x"] @ p["r.W_x"][0] + p["r.b"])
    i = sigma(x["x"] @ p["i.W_x"][0] + p["i.b"])
    a = sigma(-p["Lambda"]) ** (8 * r)
    h = a * s["h"] + np.sqrt(1 - a**2) * (i * x["x"])
    return {"h": h}, {"h": h}


def qrnn(p: Arrays, x: Arrays, s: Arrays) -> tuple[Arrays, Arrays]:
    z, f, o = np.split(affine(p, "z_f_o", x=x["x"], x_last=s["x_last"]), 3)
    f = sigma(f) * (1 - p["rate"])
    c = f * np.tanh(z) + (1 - f) * s["c"]
    return {"y": sigma(o) * c}, {"c": c, "x_last": x["x"]}


def rwkv4(p: Arrays, x: Arrays, s: Arrays) -> tuple[Arrays, Arrays]:
    """As transformers' rwkv_linear_attention_cpu."""

    def mixed(name: str) -> Any:
        mu = p[f"{name}.shifted.mu"]
        return (x["x"] * mu + s["x_last"] * (1 - mu)) @ p[f"{name}.W_0"]

    k, v, r = mixed("k"), mixed("v"), sigma(mixed("r"))
    w = -np.exp(p["decay"])
    most = np.maximum(s["m"], k + p["bonus"])
    old, new = np.exp(s["m"] - most), np.exp(k + p["bonus"] - most)
    y = (old * s["a"] + new * v) / (old * s["e"] + new)
    m = np.maximum(s["m"] + w, k)
    old, new = np.exp(s["m"] + w - m), np.exp(k - m)
    states = {"m": m, "a": old * s["a"] + new * v, "e": old * s["e"] + new, "x_last": x["x"]}
    return {"o": (r * y) @ p["o.W_0"]}, states


def rwkv4_channels(p: Arrays, x: Arrays, s: Arrays) -> tuple[Arrays, Arrays]:
    """As transformers' RwkvFeedForward."""
    key, gate = (x["x"] * p[mu] + s["x_last"] * (1 - p[mu]) for mu in ("mu_k", "mu_r"))
    value = np.maximum(key @ p["v.W_k"], 0) ** 2
    return {"y": sigma(gate @ p["y.W_r"]) * (value @ p["y.W_v"])}, {"x_last": x["x"]}


STEPS: dict[str, Step] = {
    "minlstm": minlstm,
    "hgrn": hgrn,
    "lru": lru,
    "complex_lru": complex_lru,
    "s4d": s4d,
    "rg_lru": rg_lru,
    "qrnn": qrnn,
    "rwkv4": rwkv4,
    "rwkv4_channels": rwkv4_channels,
}
