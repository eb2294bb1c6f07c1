"""The examples as people write them in PyTorch.  In: tensors by name.  Out: outputs, next states.

STEPS["gru"](p, x, s)       p["r_u.W_x"] …, x (B, I), s["h"] (B, H) -> (y, {"h": …})

Written from the papers' equations, so that values and gradients have a source that is not ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import sigmoid, tanh
from torch.nn.functional import layer_norm

Tensors = dict[str, Any]
Step = Callable[[Tensors, Any, Tensors], tuple[Any, Tensors]]


def affine(p: Tensors, name: str, x: Any, h: Any, second: str = "W_h") -> Any:
    found = x @ p[f"{name}.W_x"] + h @ p[f"{name}.{second}"]
    return found + p[f"{name}.b"] if f"{name}.b" in p else found


def rnn(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    h = tanh(affine(p, "h", x, s["h"]))
    return h, {"h": h}


def lstm(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    i, f, o = (sigmoid(affine(p, gate, x, s["h"])) for gate in "ifo")
    c = f * s["c"] + i * tanh(affine(p, "g", x, s["h"]))
    h = o * tanh(c)
    return h, {"h": h, "c": c}


def packed_lstm(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    i, j, f, o = affine(p, "i_j_f_o", x, s["h"]).chunk(4, -1)
    c = sigmoid(f + 1.0) * s["c"] + sigmoid(i) * tanh(j)
    h = sigmoid(o) * tanh(c)
    return h, {"h": h, "c": c}


def peephole_lstm(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    i = sigmoid(affine(p, "i", x, s["h"]) + p["p_i"] * s["c"])
    f = sigmoid(affine(p, "f", x, s["h"]) + p["p_f"] * s["c"])
    c = f * s["c"] + i * tanh(affine(p, "g", x, s["h"]))
    h = sigmoid(affine(p, "o", x, s["h"]) + p["p_o"] * c) * tanh(c)
    return h, {"h": h, "c": c}


def cifg(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    f = sigmoid(affine(p, "f", x, s["h"]) + 1.0 + p["p_f"] * s["c"])
    c = f * s["c"] + (1 - f) * tanh(affine(p, "j", x, s["h"]))
    h = sigmoid(affine(p, "o", x, s["h"]) + p["p_o"] * c) * tanh(c)
    return h, {"h": h, "c": c}


def projected_lstm(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    i, f, g, o = affine(p, "i_f_g_o", x, s["h"]).chunk(4, -1)
    c = sigmoid(f) * s["c"] + sigmoid(i) * tanh(g)
    h = (sigmoid(o) * tanh(c)) @ p["h.W_m"]
    return h, {"h": h, "c": c}


def clipped_lstm(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    i, j, f, o = affine(p, "i_j_f_o", x, s["h"]).chunk(4, -1)
    keep = sigmoid(f + 1.0 + p["p_f"] * s["c"])
    c = (keep * s["c"] + sigmoid(i + p["p_i"] * s["c"]) * tanh(j)).clamp(-10, 10)
    h = ((sigmoid(o + p["p_o"] * c) * tanh(c)) @ p["h.W_m"]).clamp(-10, 10)
    return h, {"h": h, "c": c}


def gru(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    r, u = sigmoid(affine(p, "r_u", x, s["h"])).chunk(2, -1)
    c = tanh(affine(p, "c", x, r * s["h"], "W_1"))
    h = u * s["h"] + (1 - u) * c
    return h, {"h": h}


def cudnn_gru(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    r, z = sigmoid(affine(p, "r_z", x, s["h"])).chunk(2, -1)
    inner = s["h"] @ p["a.W_h"] + p["a.b"]
    n = tanh(x @ p["n.W_x"] + p["n.b"] + r * inner)
    h = (1 - z) * n + z * s["h"]
    return h, {"h": h}


def norm(p: Tensors, name: str, v: Any, eps: float = 1e-5) -> Any:
    return layer_norm(v, v.shape[-1:], p[f"{name}.gain"], p.get(f"{name}.bias"), eps)


def ln_rnn(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    h = tanh(norm(p, "h", affine(p, "h", x, s["h"])))
    return h, {"h": h}


def ln_lstm(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    total = norm(p, "v", x @ p["v.W_x"]) + norm(p, "w", s["h"] @ p["w.W_h"]) + p["b"]
    i, g, f, o = total.chunk(4, -1)
    c = sigmoid(f) * s["c"] + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(norm(p, "h", c))
    return h, {"h": h, "c": c}


def ln_basic_lstm(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    pieces = affine(p, "i_j_f_o", x, s["h"]).chunk(4, -1)
    gains, biases = p["i_j_f_o.gain"].chunk(4), p["i_j_f_o.bias"].chunk(4)
    i, j, f, o = (
        layer_norm(v, v.shape[-1:], gain, bias, 1e-12)
        for v, gain, bias in zip(pieces, gains, biases, strict=True)
    )
    c = norm(p, "c", sigmoid(f + 1.0) * s["c"] + sigmoid(i) * tanh(j), 1e-12)
    h = sigmoid(o) * tanh(c)
    return h, {"h": h, "c": c}


def ln_gru(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    xz, xr, xg = norm(p, "xz_xr_xg", x @ p["xz_xr_xg.W_x"]).chunk(3, -1)
    hz, hr, hg = norm(p, "hz_hr_hg", s["h"] @ p["hz_hr_hg.W_h"]).chunk(3, -1)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    h = z * s["h"] + (1 - z) * tanh(xg + r * hg)
    return h, {"h": h}


def indrnn(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    h = torch.relu(x @ p["h.W_x"] + p["h.b"] + p["u"] * s["h"])
    return h, {"h": h}


def mingru(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    n, z = x @ p["n.W_x"], sigmoid(x @ p["z.W_x"])
    n = torch.where(n >= 0, n + 0.5, sigmoid(n))
    h = s["h"] + z * (n - s["h"])
    return h, {"h": h}


def sru(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    f, r = (
        sigmoid(x @ p[f"{gate}.W_x"] + p[f"{gate}.b"] + p[f"v_{gate}"] * s["c"]) for gate in "fr"
    )
    c = f * s["c"] + (1 - f) * (x @ p["u.W_x"])
    return r * c + (1 - r) * 3**0.5 * x, {"c": c}


def sru_projected(p: Tensors, x: Any, s: Tensors) -> tuple[Any, Tensors]:
    f, r = (sigmoid(x @ p[f"{gate}.W_x"] + p[f"{gate}.b"]) for gate in "fr")
    c = f * s["c"] + (1 - f) * (x @ p["u.W_x"])
    return r * tanh(c) + (1 - r) * (x @ p["s.W_x"]), {"c": c}


STEPS: dict[str, Step] = {
    step.__name__: step
    for step in (
        rnn, lstm, packed_lstm, peephole_lstm, cifg, projected_lstm, clipped_lstm, gru, cudnn_gru,
        ln_rnn, ln_lstm, ln_basic_lstm, ln_gru, indrnn, mingru, sru, sru_projected,
    )
}  # fmt: skip
