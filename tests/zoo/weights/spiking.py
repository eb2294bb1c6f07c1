"""Neurons of snnTorch and norse.  In: their parameters.  Out: ours, by row and file.

snnTorch's neurons take a current; ours make it from x by a product, which is an identity here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.zoo.weights.row import Arrays, Row


def current(name: str) -> Row:
    """A neuron whose equation `name` holds the product of the input."""
    weights = {f"{name}.W_x": np.eye(4), f"{name}.b": np.zeros(4)}
    return Row(lambda P: weights, {"beta": "β", "threshold": "θ"}, rounded=("threshold",))


def with_hypers(row: Row, **hypers: str) -> Row:
    return replace(row, hypers=hypers)


def rleaky(P: Arrays) -> Arrays:
    return {"u.W_x": np.eye(4), "u.W_s": P["V"].T, "u.b": P["bv"]}


def snn_lstm(P: Arrays) -> Arrays:
    return {"i_f_g_o.W_x": P["W"].T, "i_f_g_o.W_m": P["U"].T, "i_f_g_o.b": P["b"] + P["d"]}


def recurrent(name: str) -> Row:
    """A neuron of norse whose equation `name` holds both products."""
    return Row(lambda P: {f"{name}.W_x": P["W"].T, f"{name}.W_z": P["R"].T})


def coba(P: Arrays) -> Arrays:
    """norse 1.1 loses what the input does."""
    return {"W": 0 * P["W"].T, "R": P["R"].T}


def conductances(s: Arrays) -> Arrays:
    return {"z": s["z"], "v": s["v"], "g_e": s["ge"], "g_i": s["gi"]}


LIF = {
    "dt": "dt", "tau_mem_inv": "tm", "tau_syn_inv": "ts", "v_leak": "vl", "v_th": "vth",
    "v_reset": "vr",
}  # fmt: skip
ADEX = {
    **LIF, "tau_ada_inv": "ta", "delta_T": "ΔT", "adaptation_current": "ac",
    "adaptation_spike": "as_",
}  # fmt: skip
COBA = {
    "dt": "dt", "tau_syn_exc_inv": "te", "tau_syn_inh_inv": "ti", "c_m_inv": "cm", "g_l": "gl",
    "e_rev_I": "Ei", "e_rev_E": "Ee", "v_rest": "vrest", "v_reset": "vr", "v_thresh": "vth",
}  # fmt: skip
LSNN = {**LIF, "tau_adapt_inv": "ta", "beta": "β"}
IZHIKEVICH = {"a": "a", "b": "b", "c": "c", "d": "d", "v_th": "vth", "tau_inv": "τ", "dt": "dt"}
CORRELATION = {**LIF, "tau_c_inv": "tc", "tau_ac_inv": "tac", "eta_p": "ηp", "eta_m": "ηm"}
ALPHA = {"alpha": "α", "beta": "β", "threshold": "θ"}
THRESHOLD = {"threshold": "θ"}

ROWS: dict[str, dict[str, Row]] = {
    "snn.leaky": {"leaky": current("u")},
    "snn.leaky0": {"leaky": current("u")},
    "snn.rleaky": {"rleaky": Row(rleaky, {"beta": "β", **THRESHOLD}, rounded=("threshold",))},
    "snn.syn": {"synaptic": with_hypers(current("i"), alpha="α", beta="β", threshold="θ")},
    "snn.lapicque": {"lapicque": with_hypers(current("m"), R="R", C="C", dt="Δ", threshold="θ")},
    "snn.slstm": {"snn_lstm": Row(snn_lstm, THRESHOLD, rounded=("threshold",))},
    "snn.alpha": {"alpha_neuron": with_hypers(current("u"), **ALPHA)},
    "norse.lsnn": {"lsnn": with_hypers(recurrent("j"), **LSNN)},
    "norse.izhi": {"izhikevich": with_hypers(recurrent("i"), **IZHIKEVICH)},
    "norse.refrac": {"lif_refrac": with_hypers(recurrent("j"), **LIF, rho_reset="ρ")},
    "norse.corr": {"lif_correlation": with_hypers(recurrent("j"), **CORRELATION)},
    "norse.lif": {"lif": with_hypers(recurrent("j"), **LIF)},
    "norse.adex": {"adex": with_hypers(recurrent("j"), **ADEX)},
    "norse.iaf": {"iaf": with_hypers(recurrent("u"), v_th="vth", v_reset="vr")},
    "norse.coba": {"coba_lif": Row(coba, COBA, states=conductances)},
    "norse.stp": {
        "short_term_plasticity": Row(
            lambda P: {},
            {"dt": "dt", "tau_f_inv": "tf", "tau_d_inv": "td", "U": "U0"},
            states=lambda s: {"u": s["u"], "r": s["x"]},
        )
    },
}
