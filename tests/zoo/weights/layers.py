"""Cells of flash-linear-attention, transformers and others, from x.  Out: ROWS.

Runs of flash-linear-attention are of its naive steps, behind products, activations and norms as its
layers have them; those of transformers, minGRU-pytorch and SpikingJelly are of whole modules.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.zoo.weights.row import Arrays, Change, Row


def named(**names: str) -> Change:
    """Our products by the names of theirs, which are (out, in); the rest is called the same."""

    def weights(P: Arrays) -> Arrays:
        theirs = {name: key for key, name in names.items()}
        found = {theirs.get(name, name): value for name, value in P.items()}
        return {n: v.T if ".W_" in n else v for n, v in found.items()}

    return weights


def products(letters: str, **more: str) -> Change:
    return named(**{f"{letter}.W_x": f"W{letter}" for letter in letters}, **more)


BETA = {"beta.W_x": "Wb"}
GATE = {"g.W_x": "Wg", "g.b": "bg"}
SHIFTED = {f"{n}.shifted.mu": f"mu_{n[0]}" for n in ("r", "k0", "v", "w", "a")}
LORA = {
    f"{n}.low_rank.{part}": f"{n}{number}"
    for n in "wa"
    for part, number in (("low_rank_in.W_v", 1), ("low_rank_out.W_v", 2), ("low_rank_out.b", 0))
}
RWKV7 = {"r.W_0": "Wr", "k0.W_0": "Wk", "v.W_0": "Wv", **SHIFTED, **LORA}
MAMBA = {
    "u_z.W_x": "in_proj.weight", "tap_bias": "conv1d.bias", "delta_B_C.W_v": "x_proj.weight",
    "Delta.W_delta": "dt_proj.weight", "Delta.b": "dt_proj.bias", "o.W_y": "out_proj.weight",
}  # fmt: skip
WRITES = {f"{ours}.{j}.W_x": f"W{n}{j}" for j in (0, 1) for ours, n in (("k", "k"), ("v", "v"))}
WRITES |= {f"beta.{j}.W_x": f"Wb{j}" for j in (0, 1)}


def mamba(P: Arrays) -> Arrays:
    """A filter a channel, its last tap at the newest input."""
    rest = {n: v for n, v in P.items() if n != "conv1d.weight"}
    return {**named(**MAMBA)(rest), "taps": P["conv1d.weight"][:, 0].T}


def rwkv4(P: Arrays) -> Arrays:
    found: Arrays = {"decay": P["time_decay"], "bonus": P["time_first"]}
    for letter, name in {"k": "key", "v": "value", "r": "receptance"}.items():
        found[f"{letter}.W_0"] = P[f"{name}.weight"].T
        found[f"{letter}.shifted.mu"] = P[f"time_mix_{name}"][0, 0]
    return {**found, "o.W_0": P["output.weight"].T}


def rg_lru(P: Arrays) -> Arrays:
    """Blocks of heads are (in, out)."""
    found: Arrays = {"Lambda": P["recurrent_param"]}
    for letter, name in {"r": "recurrent", "i": "input"}.items():
        found[f"{letter}.W_x"] = P[f"{name}_gate_weight"]
        found[f"{letter}.b"] = P[f"{name}_gate_bias"].ravel()
    return found


def minlstm(P: Arrays) -> Arrays:
    cut = zip("nfi", np.split(P["W"], 3), strict=True)
    return {f"{letter}.W_x": W.T for letter, W in cut}


def identity(**more: Any) -> Change:
    """A neuron that takes a current."""
    return lambda P: {
        "u.W_x": np.eye(4), "u.b": np.zeros(4), **{ours: P[n] for ours, n in more.items()}
    }  # fmt: skip


def jelly_lstm(P: Arrays) -> Arrays:
    return {
        "i_f_g_o.W_x": P["linear_ih.weight"].T,
        "i_f_g_o.W_h": P["linear_hh.weight"].T,
        "i_f_g_o.b": P["linear_ih.bias"] + P["linear_hh.bias"],
    }


RESET = {"v_threshold": "θ", "v_reset": "vr"}
K, SLOTS = {"K": 3}, {"K": 3, "M": 2}

ROWS: dict[str, dict[str, Row]] = {
    "gdn": {"gated_deltanet": Row(products("qkv", **BETA, **GATE), sizes=K)},
    "fla.kda": {"kda": Row(products("qkvl", **BETA, **{"g.W_l": "Wg"}), sizes={"K": 3, "R": 2})},
    "deltaproduct": {"deltaproduct": Row(products("q", **GATE, **WRITES), sizes=K)},
    "gsa": {"gsa": Row(products("qkvg"), sizes=SLOTS)},
    "ttt": {"ttt_linear": Row(products("qkv", **{"eta.W_x": "We", "eta.b": "be"}))},
    "fla.retnet": {"retnet": Row(products("qkv"), sizes=K)},
    "fla.linattn_normalised": {"linear_attention": Row(products("qkv"), sizes=K)},
    "fla.hgrn2": {"hgrn2": Row(products("qfv"), sizes=K)},
    "rwkv7": {"rwkv7": Row(named(**RWKV7), sizes={"K": 3, "R": 2})},
    "rwkv4": {"rwkv4": Row(rwkv4)},
    "rglru": {"rg_lru": Row(rg_lru)},
    "mamba": {"mamba": Row(mamba, sizes={"N": 2, "R": 2, "W": 4})},
    "minlstm": {"minlstm": Row(minlstm)},
    "sj.lif": {"jelly_lif": Row(identity(), {"tau": "τ", **RESET})},
    "sj.plif": {"plif": Row(identity(w="w"), RESET)},
    "sj.lstm": {"spiking_gate_lstm": Row(jelly_lstm)},
}
