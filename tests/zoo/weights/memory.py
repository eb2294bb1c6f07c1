"""Linear attention, state spaces and their kin.  In: their parameters.  Out: ours.

Runs of flash-linear-attention and xlstm are of the step alone: q, k, v and gates come in.  Our
cells make them from x by products.  So x holds all of them, and each product picks its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.zoo.weights.row import Arrays, Change, Row


def joined(*names: str, **changed: Callable[[Arrays], Any]) -> Change:
    """x as the inputs of a step side by side, some of them put through the inverse of a gate."""

    def inputs(step: Arrays) -> Arrays:
        found = [changed[n](step) if n in changed else step[n] for n in names]
        return {"x": np.concatenate([np.atleast_1d(v) for v in found])}

    return inputs


def picked(sizes: dict[str, int], bias: tuple[str, ...] = ()) -> Arrays:
    """Products that pick the pieces of such an x; those in `bias` have one, of zeros."""
    total, start, found = sum(sizes.values()), 0, {}
    for name, size in sizes.items():
        pick = np.zeros((total, size))
        pick[start : start + size] = np.eye(size)
        found[f"{name}.W_x"] = pick
        start += size
    return found | {f"{name}.b": np.zeros(sizes[name]) for name in bias}


def logit(p: Any) -> Any:
    return np.log(p) - np.log1p(-p)


def gate_of(name: str, times: float = 1.0) -> Callable[[Arrays], Any]:
    """What goes into `logsigmoid(…) / times` for a logarithm of a gate."""
    return lambda step: logit(np.exp(times * step[name]))


def simple_gla(P: Arrays) -> Arrays:
    return picked({"q": 3, "k": 3, "v": 4, "g": 1}, ("g",))


def gla(P: Arrays) -> Arrays:
    """The gate of low rank is one of full rank here."""
    weights = picked({"q": 3, "k": 3, "v": 4, "l": 3})
    return {**weights, "g.W_l": np.eye(3), "g.b": np.zeros(3)}


def deltanet(P: Arrays) -> Arrays:
    return picked({"q": 3, "k": 3, "v": 4, "beta": 1})


def hgrn(P: Arrays) -> Arrays:
    return picked({"i": 4, "f": 4})


def mesanet(P: Arrays) -> Arrays:
    weights = picked({"q": 3, "k": 3, "v": 3, "beta": 1, "g": 1}, ("g",))
    return {**weights, "l": np.log(np.expm1(P["la"] - 0.25))}


def rwkv6(P: Arrays) -> Arrays:
    """No mixing with the last input; the logarithm of the decay comes through tanh."""
    found: Arrays = {"bonus": P["u"], "decay": np.zeros(3), "w.W_l": 100 * np.eye(3)}
    for name, pick in picked({"q": 3, "k": 3, "v": 4, "l": 3}).items():
        letter = name.split(".")[0]
        found[f"{letter}.W_0"] = pick
        found[f"{letter}.shifted.mu"] = np.zeros(13)
        found[f"{letter}.shifted.A"] = np.zeros((13, 3))
        found[f"{letter}.shifted.B"] = np.zeros((3, 13))
    return found


def open_gate(P: Arrays) -> Arrays:
    """mLSTM without its output gate: the gate is one."""
    weights = picked({"q": 4, "k": 4, "v": 4, "i": 1, "l": 1}, ("q", "k", "v", "i", "l"))
    return {**weights, "o.W_x": np.zeros((14, 4)), "o.b": np.full(4, 50.0)}


def lru(P: Arrays) -> Arrays:
    return {
        "nu": P["ν"], "theta": P["θ"], "gamma": P["γ"], "D": P["D"], "u_r.W_x": P["Br"].T,
        "u_i.W_x": P["Bi"].T, "y.W_h_r_next": P["Cr"].T, "y.W_h_i_next": -P["Ci"].T,
    }  # fmt: skip


def pairs(real: Any, imag: Any) -> Any:
    return np.stack([real, imag], axis=-1)


def complex_lru(P: Arrays) -> Arrays:
    return {
        "nu": P["ν"], "theta": P["θ"], "gamma": P["γ"], "D": P["D"],
        "B": pairs(P["Br"], P["Bi"]), "C": pairs(P["Cr"], P["Ci"]),
    }  # fmt: skip


def s4d(P: Arrays) -> Arrays:
    return {
        "log_dt": P["log_dt"], "log_decay": P["log_A_real"], "omega": P["A_imag"], "D": P["D"],
        "C": P["C"], "a_b.W_0": P["W"].T, "a_b.b": P["b"],
    }  # fmt: skip


def slstm(P: Arrays) -> Arrays:
    """One head; gates i, f, z, o."""
    cut = zip("ifzo", *(np.split(P[name], 4) for name in ("W", "Rblk", "b")), strict=True)
    found: Arrays = {}
    for gate, W, R, b in cut:
        found |= {f"{gate}.gate.u.W_x": W.T, f"{gate}.gate.v.W_h": R.T[None]}
        found |= {f"{gate}.gate.u.b": b}
    return found


def unstarted(states: Arrays) -> Arrays:
    """The package starts m at 0 and asks whether n is 0; ours starts m at -inf."""
    return {**states, "m": np.where(states["n"] == 0, -np.inf, states["m"])}


def reservoir(P: Arrays) -> Arrays:
    return {"W": P["K"][:, :3].T, "U": P["K"][:, 3:].T, "b": P["b"]}


VALUES = {"K": 3, "H": 4}

ROWS: dict[str, dict[str, Row]] = {
    "tfa.esn": {"echo_state": Row(reservoir, {"leak": "leak"})},
    "linattn": {
        "simple_gla": Row(
            simple_gla, inputs=joined("q", "k", "v", "g", g=gate_of("g", 16)), sizes=VALUES
        )
    },
    "gla": {
        "gla": Row(
            gla, inputs=joined("q", "k", "v", "g", g=gate_of("g", 16)), sizes={**VALUES, "R": 3}
        )
    },
    "deltanet": {
        "deltanet": Row(
            deltanet,
            inputs=joined("q", "k", "v", "β"),
            sizes=VALUES,
        )
    },
    "hgrn": {
        "hgrn": Row(
            hgrn,
            inputs=joined("i", "g", i=lambda s: s["i"] / (1 - np.exp(s["g"])), g=gate_of("g")),
        )
    },
    "mesanet": {
        "mesanet": Row(
            mesanet,
            states=lambda s: {"A": s["A"], "M": s["B"]} if s else {},
            inputs=joined("q", "k", "v", "be", "g", be=lambda s: logit(s["be"]), g=gate_of("g")),
            sizes={"K": 3, "H": 3},
        )
    },
    "rwkv6": {
        "rwkv6": Row(
            rwkv6,
            starts={"x_last": (13,)},
            inputs=joined("q", "k", "v", "w", w=lambda s: np.arctanh(np.log(-s["w"]) / 100)),
            sizes={**VALUES, "R": 3},
        )
    },
    "xlstm.mlstm": {
        "mlstm": Row(open_gate, inputs=joined("q", "k", "v", "i", "f"), sizes={"K": 4, "H": 4})
    },
    "xlstm.slstm": {"slstm": Row(slstm, states=unstarted)},
    "s4.s4d": {"s4d": Row(s4d, sizes={"H": 4, "N": 3})},
    "lru": {
        "lru": Row(lru, states=lambda s: {"h_r": s["hr"], "h_i": s["hi"]} if s else {}),
        "complex_lru": Row(
            complex_lru, states=lambda s: {"h": pairs(s["hr"], s["hi"])} if s else {}
        ),
    },
}
