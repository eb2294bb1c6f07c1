"""Which example computes what a library computed.  In: nothing.  Out: TRACES.

Each trace has an example, the hyperparameters that make it the library's variant, and a function
from the library's parameters to ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.traces.weights import Arrays, blocks, each, negated, raised, unpack

FourGates = {"i": "i", "f": "f", "g": "g", "o": "o"}


@dataclass(frozen=True)
class Trace:
    """`hypers` maps hyperparameters to values, or to names of the library's parameters."""

    example: str
    weights: Callable[[Arrays], Arrays]
    hypers: dict[str, Any] = field(default_factory=dict)


def plain(P: Arrays) -> Arrays:
    return blocks("h", unpack(P, "h")["h"])


def residual(P: Arrays) -> Arrays:
    """The state that is added inside the activation is an identity in the recurrent weight."""
    return plain({**P, "U": P["U"] + np.eye(len(P["U"]))})


def gates(order: str, plus: float = 0.0) -> Callable[[Arrays], Arrays]:
    """An LSTM by gates; `plus` is what the library adds to the forget gate at run time."""

    def weights(P: Arrays) -> Arrays:
        found = unpack(P, order)
        return each({**found, "f": raised(found["f"], plus)}, FourGates)

    return weights


def packed(order: str, name: str = "i_j_f_o") -> Callable[[Arrays], Arrays]:
    """An LSTM in one product; the order of ours is that of its name."""
    ours = name.replace("_", "").replace("j", "g")

    def weights(P: Arrays) -> Arrays:
        found = unpack(P, order)
        return blocks(name, [found[letter] for letter in ours])

    return weights


def peephole(P: Arrays) -> Arrays:
    p_i, p_f, p_o = np.split(P["p"], 3)
    return {**each(unpack(P, "ifgo"), FourGates), "p_i": p_i, "p_f": p_f, "p_o": p_o}


def clipped(P: Arrays) -> Arrays:
    peeps = {"p_i": P["pi"], "p_f": P["pf"], "p_o": P["po"]}
    return {**packed("igfo")(P), **peeps, "h.W_m": P["P"].T}


def projected(P: Arrays) -> Arrays:
    return {**packed("ifgo", "i_f_g_o")(P), "h.W_m": P["R"].T}


def coupled(P: Arrays) -> Arrays:
    found = each(unpack(P, "jfo"), {"j": "j", "f": "f", "o": "o"})
    return {**found, "p_f": P["pf"], "p_o": P["po"]}


def coupled_by_input(P: Arrays) -> Arrays:
    """ONNX keeps the input gate and takes f = 1 - i; ours keeps f."""
    found = unpack(P, "iofg")
    none = np.zeros(4)
    names = {"j": "g", "f": "i", "o": "o"}
    return {**each({**found, "i": negated(found["i"])}, names), "p_f": none, "p_o": none}


def gru(P: Arrays) -> Arrays:
    r_u = unpack({"K": P["Kg"], "b": P["bg"]}, "ru")
    c = unpack({"K": P["Kc"], "b": P["bc"]}, "c")["c"]
    return {**blocks("r_u", [r_u["r"], r_u["u"]]), "c.W_x": c.W.T, "c.W_1": c.U.T, "c.b": c.b}


def reset_after(r_z: Arrays, n: tuple[Any, Any], a: tuple[Any, Any]) -> Arrays:
    """`r_z` are blocks; n and a a weight (out, in) and a bias each."""
    return {**r_z, "n.W_x": n[0].T, "n.b": n[1], "a.W_h": a[0].T, "a.b": a[1]}


def cudnn(order: str) -> Callable[[Arrays], Arrays]:
    """Three gates with a bias each on both sides; the candidate is n."""

    def weights(P: Arrays) -> Arrays:
        d = P.get("d", np.zeros(len(P["W"])))
        inner = P.get("dn", P.get("bn", dict(zip(order, np.split(d, 3), strict=True))["n"]))
        outer = dict(zip(order, np.split(P["b"], 3), strict=True))["n"]
        both = unpack({**P, "d": d}, order)
        r_z = blocks("r_z", [both["r"], both["z"]])
        return reset_after(r_z, (both["n"].W, outer), (both["n"].U, inner))

    return weights


def cudnn_compatible(P: Arrays) -> Arrays:
    gates = unpack({"K": P["Kg"], "b": P["bg"]}, "ru")
    r_z = blocks("r_z", [gates["r"], gates["u"]])
    return reset_after(r_z, (P["Kx"], P["bx"]), (P["Kh"], P["bh"]))


def flash(P: Arrays) -> Arrays:
    """Three input blocks in one order, three recurrent ones in another, four biases."""
    (Wr, Wz, Wn), (Ug, Ur, Uz) = np.split(P["W"], 3), np.split(P["U"], 3)
    bg, br, bz, bn = np.split(P["b"], 4)
    r_z = {
        "r_z.W_x": np.concatenate([Wr, Wz]).T,
        "r_z.W_h": np.concatenate([Ur, Uz]).T,
        "r_z.b": np.concatenate([br, bz]),
    }
    return reset_after(r_z, (Wn, bn), (Ug, bg))


def normed_rnn(P: Arrays) -> Arrays:
    weights = {"h.W_x": P["W"].T, "h.W_h": P["U"].T}
    return {**weights, "h.gain": P["γ"], "h.bias": P["b"]}


def haste_lstm(P: Arrays) -> Arrays:
    return {
        "v.W_x": P["W"].T, "v.gain": P["γ0"], "w.W_h": P["U"].T, "w.gain": P["γ1"], "b": P["b"],
        "h.gain": P["γh"], "h.bias": P["βh"],
    }  # fmt: skip


def normed_basic(P: Arrays) -> Arrays:
    weights = packed("igfo")(P)
    del weights["i_j_f_o.b"]
    gain, bias = (np.concatenate([P[letter + gate] for gate in "ijfo"]) for letter in "γβ")
    norms = {"i_j_f_o.gain": gain, "i_j_f_o.bias": bias, "c.gain": P["γc"], "c.bias": P["βc"]}
    return {**weights, **norms}


def independent(P: Arrays) -> Arrays:
    return {"h.W_x": P["W"].T, "h.b": P["b"] + P.get("d", 0.0), "u": P["u"]}


def minimal_gru(P: Arrays) -> Arrays:
    n, z = np.split(P["W"], 2)
    return {"n.W_x": n.T, "z.W_x": z.T}


def simple_unit(P: Arrays) -> Arrays:
    u, f, r = np.split(P["W"], 3)
    weights = {"u.W_x": u.T, "f.W_x": f.T, "r.W_x": r.T}
    return {**weights, "f.b": P["bf"], "r.b": P["br"], "v_f": P["vf"], "v_r": P["vr"]}


def simple_projected(P: Arrays) -> Arrays:
    u, f, r, s = np.split(P["W"], 4)
    weights = {"u.W_x": u.T, "f.W_x": f.T, "r.W_x": r.T, "s.W_x": s.T}
    return {**weights, "f.b": P["bf"], "r.b": P["br"]}


TRACES: dict[str, tuple[Trace, ...]] = {
    "tf.basicrnn": (Trace("rnn", plain),),
    "torch.rnn": (Trace("rnn", plain),),
    "keras.rnn": (Trace("rnn", plain),),
    "haiku.rnn": (Trace("rnn", plain, {"activation": "relu"}),),
    "flax.simple": (Trace("rnn", residual),),
    "torch.lstm": (
        Trace("lstm", gates("ifgo")),
        Trace("packed_lstm", packed("ifgo"), {"forget_bias": 0.0}),
    ),
    "keras.lstm": (
        Trace("lstm", gates("ifgo")),
        Trace("packed_lstm", packed("ifgo"), {"forget_bias": 0.0}),
    ),
    "flax.lstm": (
        Trace("lstm", gates("ifgo")),
        Trace("packed_lstm", packed("ifgo"), {"forget_bias": 0.0}),
    ),
    "haiku.lstm": (Trace("packed_lstm", packed("igfo")), Trace("lstm", gates("igfo", plus=1.0))),
    "ncps.lstm": (Trace("packed_lstm", packed("gifo")), Trace("lstm", gates("gifo", plus=1.0))),
    "tf.basiclstm": (
        Trace("packed_lstm", packed("igfo"), {"forget_bias": "fb"}),
        Trace("lstm", gates("igfo", plus=1.0)),
    ),
    "tr.peephole": (Trace("peephole_lstm", peephole),),
    "tf.lstm": (
        Trace("clipped_lstm", clipped, {"forget_bias": "fb", "cell_clip": "cc", "proj_clip": "pc"}),
    ),
    "tf.cifg": (Trace("cifg", coupled, {"forget_bias": "fb"}),),
    "onnx.lstm_if": (Trace("cifg", coupled_by_input, {"forget_bias": 0.0}),),
    "torch.lstmp": (Trace("projected_lstm", projected),),
    "tf.gru": (Trace("gru", gru),),
    "torch.gru": (Trace("cudnn_gru", cudnn("rzn")),),
    "keras.gru": (Trace("cudnn_gru", cudnn("zrn")),),
    "onnx.gru1": (Trace("cudnn_gru", cudnn("zrn")),),
    "flax.gru": (Trace("cudnn_gru", cudnn("rzn")),),
    "eqx.gru": (Trace("cudnn_gru", cudnn("rzn")),),
    "flashrnn.gru": (Trace("cudnn_gru", flash),),
    "tf.cudnngru": (Trace("cudnn_gru", cudnn_compatible),),
    "tfa.lnrnn": (Trace("ln_rnn", normed_rnn),),
    "haste.lnlstm": (Trace("ln_lstm", haste_lstm),),
    "tf.lnbasic": (Trace("ln_basic_lstm", normed_basic, {"forget_bias": "fb"}),),
    "tf.indrnn": (Trace("indrnn", independent, {"activation": "tanh"}),),
    "tr.indrnn": (Trace("indrnn", independent, {"activation": "tanh"}),),
    "mingru": (Trace("mingru", minimal_gru),),
    "sru.v2": (Trace("sru", simple_unit, {"scale": "sx"}),),
    "tf.sru": (Trace("sru_projected", simple_projected),),
}
