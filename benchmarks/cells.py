"""The cells that are measured.  In: nothing.  Out: a table of them, and the shapes.

    cell = CELLS["gru"]
    weights = cell.merge(params)                  # arrays of ours, side by side as a person would
    a = cell.project(xp, weights, x)              # for all steps at once
    y, state = cell.step(xp, weights, a[t], state)

`xp` is JAX or PyTorch, as `peers` present them.  The input projection is hoisted by hand: what is
compared is loops and compilers, not whether somebody has thought of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Weights = Mapping[str, Any]
State = tuple[Any, ...]
SHAPES = {  # T, B, I, H
    "S1": (100, 1, 64, 64),
    "S2": (100, 32, 128, 128),
    "S3": (100, 64, 256, 256),
    "S4": (50, 128, 512, 512),
}
QUICK = {"S1": SHAPES["S1"], "S2": SHAPES["S2"]}


@dataclass(frozen=True)
class BenchCell:
    """`fused` names the operator of ONNX and PyTorch that is this very cell, where there is one."""

    name: str
    merge: Callable[[Weights], Weights]
    project: Callable[[Any, Weights, Any], Any]
    step: Callable[[Any, Weights, Any, State], tuple[Any, State]]
    states: int = 1
    onnx: str | None = None
    torch: str | None = None

    def dims(self, inputs: int, hidden: int) -> dict[str, int]:
        return {"H": hidden} if self.name == "sru" else {"I": inputs, "H": hidden}


def _beside(p: Weights, *names: str) -> Any:
    import numpy as np  # not above: `set_threads` comes before NumPy

    return np.concatenate([p[name] for name in names], axis=-1)


def _affine(xp: Any, w: Weights, x: Any) -> Any:
    return x @ w["Wx"] + w["b"]


def _linear(xp: Any, w: Weights, x: Any) -> Any:
    return x @ w["Wx"]


def _gru_merge(p: Weights) -> Weights:
    return {
        "Wx": _beside(p, "r_u.W_x", "c.W_x"),
        "b": _beside(p, "r_u.b", "c.b"),
        "Wh": p["r_u.W_h"],
        "Wc": p["c.W_1"],
    }


def _gru_step(xp: Any, w: Weights, a: Any, state: State) -> tuple[Any, State]:
    (h,) = state
    n = h.shape[-1]
    r, u = xp.split(xp.sigmoid(a[..., : 2 * n] + h @ w["Wh"]), 2)
    c = xp.tanh(a[..., 2 * n :] + (r * h) @ w["Wc"])
    h = u * h + (1 - u) * c
    return h, (h,)


def _cudnn_merge(p: Weights) -> Weights:
    return {
        "Wx": _beside(p, "r_z.W_x", "n.W_x"),
        "b": _beside(p, "r_z.b", "n.b"),
        "Wh": _beside(p, "r_z.W_h", "a.W_h"),
        "ba": p["a.b"],
    }


def _cudnn_step(xp: Any, w: Weights, a: Any, state: State) -> tuple[Any, State]:
    (h,) = state
    n = h.shape[-1]
    v = h @ w["Wh"]
    r, z = xp.split(xp.sigmoid(a[..., : 2 * n] + v[..., : 2 * n]), 2)
    c = xp.tanh(a[..., 2 * n :] + r * (v[..., 2 * n :] + w["ba"]))
    h = (1 - z) * c + z * h
    return h, (h,)


def _lstm_merge(p: Weights) -> Weights:
    return {"Wx": p["i_j_f_o.W_x"], "b": p["i_j_f_o.b"], "Wh": p["i_j_f_o.W_h"]}


def _lstm_step(xp: Any, w: Weights, a: Any, state: State) -> tuple[Any, State]:
    c, h = state
    i, j, f, o = xp.split(a + h @ w["Wh"], 4)
    c = xp.sigmoid(f + 1.0) * c + xp.sigmoid(i) * xp.tanh(j)
    h = xp.sigmoid(o) * xp.tanh(c)
    return h, (c, h)


def _peephole_merge(p: Weights) -> Weights:
    gates = "ifgo"
    merged = {key: _beside(p, *(f"{g}.{name}" for g in gates))
              for key, name in (("Wx", "W_x"), ("Wh", "W_h"), ("b", "b"))}  # fmt: skip
    return {**merged, **{name: p[name] for name in ("p_i", "p_f", "p_o")}}


def _peephole_step(xp: Any, w: Weights, a: Any, state: State) -> tuple[Any, State]:
    h, c = state
    i, f, g, o = xp.split(a + h @ w["Wh"], 4)
    i, f = xp.sigmoid(i + w["p_i"] * c), xp.sigmoid(f + w["p_f"] * c)
    c = f * c + i * xp.tanh(g)
    h = xp.sigmoid(o + w["p_o"] * c) * xp.tanh(c)
    return h, (h, c)


def _norm(xp: Any, v: Any) -> Any:
    centred = v - xp.mean(v)
    return centred * xp.rsqrt(xp.mean(centred * centred) + 1e-5)


def _ln_merge(p: Weights) -> Weights:
    return {"Wx": p["v.W_x"], "gx": p["v.gain"], "Wh": p["w.W_h"], "gh": p["w.gain"], "b": p["b"],
            "gc": p["h.gain"], "bc": p["h.bias"]}  # fmt: skip


def _ln_project(xp: Any, w: Weights, x: Any) -> Any:
    return _norm(xp, x @ w["Wx"]) * w["gx"] + w["b"]


def _ln_step(xp: Any, w: Weights, a: Any, state: State) -> tuple[Any, State]:
    h, c = state
    i, g, f, o = xp.split(a + _norm(xp, h @ w["Wh"]) * w["gh"], 4)
    c = xp.sigmoid(f) * c + xp.sigmoid(i) * xp.tanh(g)
    h = xp.sigmoid(o) * xp.tanh(_norm(xp, c) * w["gc"] + w["bc"])
    return h, (h, c)


def _indrnn_step(xp: Any, w: Weights, a: Any, state: State) -> tuple[Any, State]:
    h = xp.relu(a + w["u"] * state[0])
    return h, (h,)


def _mingru_step(xp: Any, w: Weights, a: Any, state: State) -> tuple[Any, State]:
    v, z = xp.split(a, 2)
    z = xp.sigmoid(z)
    n = xp.where(v >= 0, v + 0.5, xp.sigmoid(v))
    h = (1 - z) * state[0] + z * n
    return h, (h,)


def _sru_project(xp: Any, w: Weights, x: Any) -> Any:
    return xp.cat([x @ w["Wx"] + w["b"], 3**0.5 * x])


def _sru_merge(p: Weights) -> Weights:
    import numpy as np

    zeros = np.zeros_like(p["f.b"])
    return {
        "Wx": _beside(p, "u.W_x", "f.W_x", "r.W_x"),
        "b": np.concatenate([zeros, p["f.b"], p["r.b"]]),
        "v_f": p["v_f"],
        "v_r": p["v_r"],
    }


def _sru_step(xp: Any, w: Weights, a: Any, state: State) -> tuple[Any, State]:
    (c,) = state
    u, f, r, x = xp.split(a, 4)
    f, r = xp.sigmoid(f + w["v_f"] * c), xp.sigmoid(r + w["v_r"] * c)
    c = f * c + (1 - f) * u
    return r * c + (1 - r) * x, (c,)


_ALL = (
    BenchCell("gru", _gru_merge, _affine, _gru_step, onnx="GRU"),
    BenchCell("cudnn_gru", _cudnn_merge, _affine, _cudnn_step, onnx="GRU", torch="GRU"),
    BenchCell("packed_lstm", _lstm_merge, _affine, _lstm_step, 2, onnx="LSTM", torch="LSTM"),
    BenchCell("peephole_lstm", _peephole_merge, _affine, _peephole_step, 2),
    BenchCell("ln_lstm", _ln_merge, _ln_project, _ln_step, 2),
    BenchCell("indrnn", lambda p: {"Wx": p["h.W_x"], "b": p["h.b"], "u": p["u"]}, _affine,
              _indrnn_step),
    BenchCell("mingru", lambda p: {"Wx": _beside(p, "n.W_x", "z.W_x")}, _linear, _mingru_step),
    BenchCell("sru", _sru_merge, _sru_project, _sru_step),
)  # fmt: skip
CELLS = {cell.name: cell for cell in _ALL}
