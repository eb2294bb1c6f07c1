"""Neurons, as libraries step them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.zoo.equations.terms import Arrays, Step, affine, sigma

Result = tuple[Arrays, Arrays]


def above(v: Arrays) -> Arrays:
    return np.where(v > 0, 1.0, 0.0)


def jelly_lif(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """LIFNode with decay_input and a hard reset."""
    v = s["v"] + (affine(p, "u", x=x["x"]) - (s["v"] - p["v_reset"])) / p["tau"]
    spike = above(v - p["v_threshold"])
    return {"s": spike}, {"v": spike * p["v_reset"] + (1 - spike) * v}


def plif(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """ParametricLIFNode: the time constant is behind a sigmoid."""
    tau = 1 / sigma(p["w"])
    v = s["v"] + (affine(p, "u", x=x["x"]) - (s["v"] - p["v_reset"])) / tau
    spike = above(v - p["v_threshold"])
    return {"s": spike}, {"v": np.where(spike == 1, p["v_reset"], v)}


def spiking_gate_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    i, f, g, o = np.split(above(affine(p, "i_f_g_o", x=x["x"], h=s["h"])), 4)
    c = np.minimum(s["c"] * f + i * g, 1)
    return {"h": c * o}, {"h": c * o, "c": c}


def associative_leaky(p: Arrays, x: Arrays, s: Arrays) -> Result:
    v, k = affine(p, "v", x=x["x"]), affine(p, "k", x=x["x"])
    S = s["S"] * sigma(affine(p, "a", x=x["x"])) + np.outer(v, k)
    read = affine(p, "Q", x=x["x"]).reshape(S.shape[1], S.shape[0])
    return {"y": (above(S - p["threshold"]) @ read).ravel()}, {"S": S}


def fitzhugh_nagumo(p: Arrays, x: Arrays, s: Arrays) -> Result:
    current, y = affine(p, "current", x=x["x"]), np.stack([s["v"], s["w"]])

    def slope(y: Any) -> Any:
        v, w = y
        return np.stack([v - v**3 / 3 - w + current, (v + p["a"] - p["b"] * w) / p["tau"]])

    dt = p["dt"] / 4
    for _ in range(4):
        k1 = slope(y)
        k2 = slope(y + dt / 2 * k1)
        k3 = slope(y + dt / 2 * k2)
        y = y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + slope(y + dt * k3))
    return {"v": y[0]}, {"v": y[0], "w": y[1]}


STEPS: dict[str, Step] = {
    "fitzhugh_nagumo": fitzhugh_nagumo,
    "associative_leaky": associative_leaky,
    "jelly_lif": jelly_lif,
    "plif": plif,
    "spiking_gate_lstm": spiking_gate_lstm,
}
