"""Cells with settings that change their equations.  Out: VARIANTS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.zoo.equations.structured import group_lstm
from tests.zoo.equations.terms import (
    Arrays,
    Step,
    affine,
    log_sigma,
    normed,
    relu,
    sigma,
    silu,
    unit,
)

Result = tuple[Arrays, Arrays]


@dataclass(frozen=True)
class Variant:
    file: str
    settings: dict[str, Any]
    step: Step

    def __str__(self) -> str:
        return "-".join([self.file, *(f"{name}={value}" for name, value in self.settings.items())])


def block_diagonal(blocks: Any) -> Any:
    """[groups, in, out] as one matrix."""
    groups, rows, columns = blocks.shape
    whole = np.zeros((groups * rows, groups * columns))
    for g in range(groups):
        whole[g * rows : (g + 1) * rows, g * columns : (g + 1) * columns] = blocks[g]
    return whole


def flash_slstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """As FlashRNN: two heads, and n is kept above 1."""
    i, f, z, o = (
        x["x"] @ p[f"{g}.gate.u.W_x"]
        + p[f"{g}.gate.u.b"]
        + s["h"] @ block_diagonal(p[f"{g}.gate.v.W_h"])
        for g in "ifzo"
    )
    m = np.maximum(i, log_sigma(f) + s["m"])
    f, i = np.exp(log_sigma(f) + s["m"] - m), np.exp(i - m)
    c, n = f * s["c"] + i * np.tanh(z), np.maximum(f * s["n"] + i, 1)
    h = sigma(o) * c / n
    return {"h": h}, {"h": h, "c": c, "n": n, "m": m}


def rg_lru(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """As recurrentgemma, two heads."""
    r = sigma(x["x"] @ block_diagonal(p["r.W_x"]) + p["r.b"])
    i = sigma(x["x"] @ block_diagonal(p["i.W_x"]) + p["i.b"])
    log_a = -8 * r * np.log1p(np.exp(p["Lambda"]))
    h = np.exp(log_a) * s["h"] + np.sqrt(1 - np.exp(2 * log_a)) * i * x["x"]
    return {"h": h}, {"h": h}


def mogrifier(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """As the paper: two rounds, and an input gate of its own."""
    u = 2 * sigma(s["h"] @ p["u.0.W_v"] + p["u.0.b"]) * x["x"]
    v = 2 * sigma(u @ p["v.1.W_u"] + p["v.1.b"]) * s["h"]
    j, o, f, i = np.split(affine(p, "j_o_f_i", u=u, v=v), 4)
    c = sigma(f) * s["c"] + sigma(i) * np.tanh(j)
    h = sigma(o) * np.tanh(c)
    return {"h": h}, {"h": h, "c": c}


def reflecting_deltanet(p: Arrays, x: Arrays, s: Arrays) -> Result:
    q, k, v = (silu(x["x"] @ p[f"{n}.W_x"]) for n in "qkv")
    q, k, beta = unit(q), unit(k), 2 * sigma(x["x"] @ p["beta.W_x"])
    S = s["S"] - beta * np.outer(k, k) @ s["S"] + beta * np.outer(k, v)
    return {"y": q @ S / np.sqrt(len(q))}, {"S": S}


def settled(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """Fast weights that settle for three steps."""
    z = x["x"] @ p["z.W_x"] + s["h"] @ p["z.W_h"]
    A, h = p["keep"] * s["A"] + p["rate"] * np.outer(relu(z), relu(z)), relu(z)
    for _ in range(3):
        h = relu(normed(z + A @ h) * p["gain"] + p["shift"])
    return {"h": h}, {"h": h, "A": A}


def jelly_lif(decay_input: bool, soft: bool) -> Step:
    def step(p: Arrays, x: Arrays, s: Arrays) -> Result:
        u, rest = affine(p, "u", x=x["x"]), 0.0 if soft else p["v_reset"]
        gap = s["v"] - rest
        v = s["v"] + (u - gap) / p["tau"] if decay_input else s["v"] - gap / p["tau"] + u
        spike = np.where(v > p["v_threshold"], 1.0, 0.0)
        after = v - spike * p["v_threshold"] if soft else np.where(spike == 1, p["v_reset"], v)
        return {"s": spike}, {"v": after}

    return step


def free_snn_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    i, f, g, o = np.split(affine(p, "i_f_g_o", x=x["x"], m=s["m"]), 4)
    c = sigma(f) * s["c"] + sigma(i) * np.tanh(g)
    m = sigma(o) * np.tanh(c)
    return {"s": np.where(m > p["threshold"], 1.0, 0.0)}, {"c": c, "m": m}


VARIANTS = (
    Variant("group_lstm", {"groups": 2}, group_lstm),
    Variant("slstm", {"heads": 2, "clamp_n": True}, flash_slstm),
    Variant("rg_lru", {"heads": 2}, rg_lru),
    Variant("mogrifier_lstm", {"rounds": 2, "cap_input_gate": False}, mogrifier),
    Variant("deltanet", {"gate": "twice_sigmoid"}, reflecting_deltanet),
    Variant("fast_weights", {"settle": 3}, settled),
    Variant("jelly_lif", {"decay_input": False}, jelly_lif(False, False)),
    Variant("jelly_lif", {"soft_reset": True}, jelly_lif(True, True)),
    Variant("jelly_lif", {"soft_reset": True, "decay_input": False}, jelly_lif(False, True)),
    Variant("snn_lstm", {"reset": False}, free_snn_lstm),
)
