"""Cells of ncps with gaps of time.  In: their parameters.  Out: ours, by row and by file."""

from __future__ import annotations

from tests.zoo.weights.row import Arrays, Row


def cfc(P: Arrays) -> Arrays:
    found: Arrays = {"z.W_x": P["B"][:, :3].T, "z.W_h": P["B"][:, 3:].T, "z.b": P["bb"]}
    for ours, W, b in (("a", "Ta", "ta"), ("b", "Tb", "tb"), ("f", "F1", "f1"), ("g", "F2", "f2")):
        found |= {f"{ours}.W_z": P[W].T, f"{ours}.b": P[b]}
    return found


def cfc_pure(P: Arrays) -> Arrays:
    backbone = {"z.W_x": P["B"][:, :3].T, "z.W_h": P["B"][:, 3:].T, "z.b": P["bb"]}
    return {**backbone, "q.W_z": P["F1"].T, "q.b": P["f1"], "w": P["w"], "A": P["A"]}


def timed(step: Arrays) -> Arrays:
    return {{"Δt": "dt"}.get(name, name): value for name, value in step.items()}


def ltc(P: Arrays) -> Arrays:
    return {ours: P[theirs] for ours, theirs in LTC.items()}


def as_voltage(states: Arrays) -> Arrays:
    return {"v": states["h"]}


LTC = {
    "in_scale": "input_w", "in_shift": "input_b", "w_in": "sensory_w", "mu_in": "sensory_mu",
    "sigma_in": "sensory_sigma", "e_in": "sensory_erev", "w": "w", "mu": "mu", "sigma_": "sigma",
    "e": "erev", "g_leak": "gleak", "v_leak": "vleak", "c_m": "cm", "out_scale": "output_w",
    "out_shift": "output_b",
}  # fmt: skip
WIDE = {"P": 6}

ROWS: dict[str, dict[str, Row]] = {
    "ltc": {"ltc": Row(ltc, states=as_voltage, inputs=timed)},
    "cfc": {"cfc": Row(cfc, inputs=timed, sizes=WIDE)},
    "cfc.nogate": {"cfc": Row(cfc, inputs=timed, sizes=WIDE)},
    "cfc.pure": {"cfc_pure": Row(cfc_pure, inputs=timed, sizes=WIDE)},
}
