"""Oscillators, gaps of time and memories of functions, as papers and libraries say it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import expm

from tests.zoo.equations.terms import Arrays, Step, affine, relu, sigma

Result = tuple[Arrays, Arrays]


def cornn(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """As torchrecurrent: the damping sees the old velocity."""
    a = np.tanh(affine(p, "n", x=x["x"], h=s["h"], c=s["c"]))
    c = s["c"] + p["dt"] * (a - p["gamma"] * s["h"] - p["epsilon"] * s["c"])
    h = s["h"] + p["dt"] * c
    return {"h": h}, {"h": h, "c": c}


def lem(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """As the paper: the state sees the new memory."""
    a, b = (p["dt"] * sigma(affine(p, gate, x=x["x"], h=s["h"])) for gate in ("t_c", "t_h"))
    c = (1 - a) * s["c"] + a * np.tanh(affine(p, "c", x=x["x"], h=s["h"]))
    h = (1 - b) * s["h"] + b * np.tanh(affine(p, "n", x=x["x"], c_next=c))
    return {"h": h}, {"h": h, "c": c}


def phased_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """A unit is open for a part of its period, rising and falling."""
    i, f, o = (sigma(affine(p, k, x=x["x"], h=s["h"])) for k in "ifo")
    n = s["c"] * f + i * np.tanh(affine(p, "g", x=x["x"], h=s["h"]))
    m, phi = np.tanh(n) * o, np.mod(x["t"] - p["s"], p["tau"]) / p["tau"]
    rise, closed = 2 * phi / p["ratio_on"], p["leak"] * phi
    k = np.where(2 * phi < p["ratio_on"], rise, np.where(phi < p["ratio_on"], 2 - rise, closed))
    c, h = k * n + (1 - k) * s["c"], k * m + (1 - k) * s["h"]
    return {"h": h}, {"c": c, "h": h}


def lmu(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """The Legendre system from its definition, discretised by SciPy's exponential of a matrix."""
    M, N = s["m"].shape
    A = np.array(
        [
            [(2 * i + 1) * (-1.0 if i < j else (-1.0) ** (i - j + 1)) for j in range(N)]
            for i in range(N)
        ]
    )
    b = np.array([(2 * i + 1) * (-1.0) ** i for i in range(N)])
    block = np.zeros((N + 1, N + 1))
    block[:N, :N], block[:N, N] = A, b
    step = expm(block / p["theta"])
    u = affine(p, "u", x=x["x"], h=s["h"], v=s["m"].reshape(-1))
    m = np.array([step[:N, :N] @ s["m"][k] + step[:N, N] * u[k] for k in range(M)])
    h = np.tanh(affine(p, "h", x=x["x"], h=s["h"], w=m.reshape(-1)))
    return {"h": h}, {"h": h, "m": m}


def grud(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """As the authors' Keras code."""
    seen, h = x["m"] > 0, s["h"]
    gap = x["t"] - s["t_last"]
    last = np.where(seen, x["x"], s["x_last"])
    u = np.where(seen, x["x"], np.exp(-relu(p["w"] * gap + p["b"])) * last)
    k = np.exp(-relu(gap @ p["k.W_delta"] + p["k.b"])) * h
    away = 1 - x["m"]
    z = sigma(affine(p, "z", u=u, k=k, l=away))
    r = sigma(affine(p, "r", u=u, k=k, l=away))
    n = np.tanh(u @ p["n.W_u"] + (r * k) @ p["n.W_1"] + away @ p["n.W_l"] + p["n.b"])
    h = z * h + (1 - z) * n
    return {"h": h}, {"h": h, "x_last": last, "t_last": np.where(seen, x["t"], s["t_last"])}


def grud_pypots(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """A GRU cell of PyTorch over what PyPOTS prepares; the mean of x is zero."""
    g = np.exp(-relu(p["w"] * x["delta"] + p["b"]))
    k = np.exp(-relu(x["delta"] @ p["k.W_delta"] + p["k.b"])) * s["h"]
    u = x["m"] * x["x"] + (1 - x["m"]) * g * x["x_last"]
    v = np.concatenate([u, k, x["m"]])
    r, z = np.split(sigma(affine(p, "r_z", v=v, k=k)), 2)
    n = np.tanh(affine(p, "n", v=v) + r * affine(p, "a", k=k))
    h = (1 - z) * n + z * k
    return {"h": h}, {"h": h}


def ltc(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """Synapse by synapse."""
    u, v = p["in_scale"] * x["x"] + p["in_shift"], s["v"]
    for _ in range(6):
        new: Any = np.zeros_like(v)
        for j in range(len(v)):
            rate = p["c_m"][j] / (x["dt"] / 6)
            above = rate * v[j] + p["g_leak"][j] * p["v_leak"][j]
            below = rate + p["g_leak"][j] + 1e-8
            for i in range(len(u)):
                g = p["w_in"][i, j] * sigma(p["sigma_in"][i, j] * (u[i] - p["mu_in"][i, j]))
                above, below = above + g * p["e_in"][i, j], below + g
            for i in range(len(v)):
                g = p["w"][i, j] * sigma(p["sigma_"][i, j] * (v[i] - p["mu"][i, j]))
                above, below = above + g * p["e"][i, j], below + g
            new[j] = above / below
        v = new
    return {"y": v * p["out_scale"] + p["out_shift"]}, {"v": v}


def ode_rnn(p: Arrays, x: Arrays, s: Arrays) -> Result:
    def flow(h: Any) -> Any:
        inner = np.tanh(h @ p["flow.v.W_h"] + p["flow.v.b"])
        return inner @ p["flow.d.W_v"] + p["flow.d.b"]

    h, gap = s["h"], x["gap"]
    k1 = flow(h)
    k2 = flow(h + gap / 2 * k1)
    k3 = flow(h + gap / 2 * k2)
    z = h + gap / 6 * (k1 + 2 * k2 + 2 * k3 + flow(h + gap * k3))
    both = sigma(x["x"] @ p["r_u.W_x"] + z @ p["r_u.W_z"] + p["r_u.b"])
    r, u = np.split(both, 2)
    n = np.tanh(x["x"] @ p["n.W_x"] + (r * z) @ p["n.W_1"] + p["n.b"])
    h = u * z + (1 - u) * n
    return {"h": h}, {"h": h}


def gru_ode(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """The propagation of the paper's code, then a GRU."""

    def flow(h: Any) -> Any:
        r, z = np.split(sigma(h @ p["flow.r_z.W_h"]), 2)
        return (1 - z) * (np.tanh((r * h) @ p["flow.g.W_0"]) - h)

    half = s["h"] + x["gap"] / 2 * flow(s["h"])
    z = s["h"] + x["gap"] * flow(half)
    r, u = np.split(sigma(affine(p, "r_u", x=x["x"], s=z)), 2)
    n = np.tanh(x["x"] @ p["n.W_x"] + (r * z) @ p["n.W_1"] + p["n.b"])
    h = u * z + (1 - u) * n
    return {"h": h}, {"h": h}


def ctrnn(p: Arrays, x: Arrays, s: Arrays) -> Result:
    h, drive = s["h"], affine(p, "drive", x=x["x"])
    for _ in range(6):
        h = h + p["span"] / 6 * (np.tanh(drive + h @ p["U"]) - h) / p["tau"]
    return {"h": h}, {"h": h}


STEPS: dict[str, Step] = {
    "gru_ode": gru_ode,
    "ctrnn": ctrnn,
    "ode_rnn": ode_rnn,
    "cornn": cornn,
    "lem": lem,
    "phased_lstm": phased_lstm,
    "lmu": lmu,
    "grud": grud,
    "grud_pypots": grud_pypots,
    "ltc": ltc,
}
