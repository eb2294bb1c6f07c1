"""The cells that large libraries have.  In: their parameters.  Out: ours, by row and by file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.zoo.weights.packing import blocks, cut, each, gated, linear, negated, raised, unpack
from tests.zoo.weights.row import Arrays, Row

FourGates = {"i": "i", "f": "f", "g": "g", "o": "o"}


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
    """ONNX packs gates and peepholes as i, o, f."""
    p_i, p_o, p_f = np.split(P["p"], 3)
    return {**each(unpack(P, "iofg"), FourGates), "p_i": p_i, "p_f": p_f, "p_o": p_o}


def minimal_gated(P: Arrays) -> Arrays:
    """Flax's MGU; its second form has one product with the state."""
    found = linear("f", P["bf"], x=P["Wf"], h=P["Uf"])
    if "dn" not in P:
        return {**found, **linear("n", P["bn"], x=P["Wn"], h=P["Un"])}
    return {**found, **linear("n", P["bn"], x=P["Wn"]), **linear("a", P["dn"], h=P["Un"])}


def taking(P: Arrays) -> Arrays:
    return gated(P, "zra", a="1")


def reset_before(order: str) -> Callable[[Arrays], Arrays]:
    """Gates in one array; the candidate is n."""

    def weights(P: Arrays) -> Arrays:
        W, U, b = (cut(P[name], order) for name in "WUb")
        d = cut(P["d"], order) if "d" in P else dict.fromkeys(order, 0.0)
        W_ru, U_ru = (np.concatenate([part["r"], part["z"]]) for part in (W, U))
        b_ru = np.concatenate([b["r"] + d["r"], b["z"] + d["z"]])
        gates = linear("r_u", b_ru, x=W_ru, h=U_ru)
        return {**gates, **linear("c", b["n"] + d["n"], x=W["n"]), "c.W_1": U["n"].T}

    return weights


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


FB = {"forget_bias": "fb"}
CLIPS = {**FB, "cell_clip": "cc", "proj_clip": "pc"}

ROWS: dict[str, dict[str, Row]] = {
    "tf.basicrnn": {"rnn": Row(plain)},
    "torch.rnn": {"rnn": Row(plain)},
    "keras.rnn": {"rnn": Row(plain)},
    "haiku.rnn": {"rnn": Row(plain)},
    "flax.simple": {"rnn": Row(residual)},
    "torch.lstm": {"lstm": Row(gates("ifgo")), "packed_lstm": Row(packed("ifgo"))},
    "keras.lstm": {"lstm": Row(gates("ifgo")), "packed_lstm": Row(packed("ifgo"))},
    "flax.lstm": {"lstm": Row(gates("ifgo")), "packed_lstm": Row(packed("ifgo"))},
    "haiku.lstm": {"packed_lstm": Row(packed("igfo")), "lstm": Row(gates("igfo", plus=1.0))},
    "ncps.lstm": {"packed_lstm": Row(packed("gifo")), "lstm": Row(gates("gifo", plus=1.0))},
    "tf.basiclstm": {"packed_lstm": Row(packed("igfo"), FB), "lstm": Row(gates("igfo", plus=1.0))},
    "tf.lstm": {"clipped_lstm": Row(clipped, CLIPS)},
    "tf.cifg": {"cifg": Row(coupled, FB)},
    "onnx.lstm_if": {"cifg": Row(coupled_by_input)},
    "onnx.rnn": {"clipped_rnn": Row(plain, {"limit": "cl"})},
    "onnx.lstm": {"gate_clipped_lstm": Row(peephole, {"limit": "cl"})},
    "onnx.gru0": {"gru": Row(reset_before("zrn"))},
    "keras.gru_before": {"gru": Row(reset_before("zrn"))},
    "haiku.gru": {"chung_gru": Row(taking)},
    "flax.mgu": {"flax_mgu": Row(minimal_gated)},
    "flax.mgu2": {"flax_mgu": Row(minimal_gated)},
    "torch.lstmp": {"projected_lstm": Row(projected)},
    "tf.gru": {"gru": Row(gru)},
    "torch.gru": {"cudnn_gru": Row(cudnn("rzn"))},
    "keras.gru": {"cudnn_gru": Row(cudnn("zrn"))},
    "onnx.gru1": {"cudnn_gru": Row(cudnn("zrn"))},
    "flax.gru": {"cudnn_gru": Row(cudnn("rzn"))},
    "eqx.gru": {"cudnn_gru": Row(cudnn("rzn"))},
    "flashrnn.gru": {"cudnn_gru": Row(flash)},
    "tf.cudnngru": {"cudnn_gru": Row(cudnn_compatible)},
    "tfa.lnrnn": {"ln_rnn": Row(normed_rnn)},
    "haste.lnlstm": {"ln_lstm": Row(haste_lstm)},
    "tf.lnbasic": {"ln_basic_lstm": Row(normed_basic, FB)},
    "tf.indrnn": {"indrnn": Row(independent)},
    "mingru": {"mingru": Row(minimal_gru)},
    "sru.v2": {"sru": Row(simple_unit, {"scale": "sx"})},
    "tf.sru": {"sru_projected": Row(simple_projected)},
}
