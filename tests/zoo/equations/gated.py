"""Cells with gates and norms, as their papers and libraries say it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.zoo.equations.terms import (
    Arrays,
    Step,
    affine,
    log_sigma,
    normed,
    relu,
    sigma,
    soft_max,
)

Result = tuple[Arrays, Arrays]


def lstm(i: Any, f: Any, g: Any, o: Any, c: Any) -> tuple[Any, Any]:
    """h and c, of sums ahead of their gates."""
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    return sigma(o) * np.tanh(c), c


def pair(h: Any, c: Any) -> Result:
    return {"h": h}, {"h": h, "c": c}


def addons_ln_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    v = normed(x["x"] @ p["v.W_x"], 1e-3) * p["v.gain"]
    w = normed(s["h"] @ p["w.W_h"], 1e-3) * p["w.gain"]
    i, f, g, o = np.split(v + w + p["b"], 4)
    c = sigma(f) * s["c"] + sigma(i) * np.tanh(g)
    c = normed(c, 1e-3) * p["c.gain"] + p["c.bias"]
    return pair(sigma(o) * np.tanh(c), c)


def _gate_norm(v: Any, gain: Any, bias: Any) -> list[Any]:
    """Each of four gates by itself."""
    four = normed(v.reshape(4, -1), 1e-3).reshape(-1) * gain + bias
    return np.split(four, 4)


def _sketch(p: Arrays, prefix: str, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
    name = f"{prefix}i_j_f_o"
    total = x @ p[f"{name}.W_x"] + h @ p[f"{name}.W_h"]
    i, j, f, o = _gate_norm(total, p[f"{name}.gain"], p[f"{name}.bias"])
    c = c * sigma(f + 1) + sigma(i) * np.tanh(j)
    shown = normed(c, 1e-3) * p[f"{prefix}h.gain"] + p[f"{prefix}h.bias"]
    return np.tanh(shown) * sigma(o), c


def sketch_ln_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    return pair(*_sketch(p, "", x["x"], s["h"], s["c"]))


def hyper_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """Gate by gate, as Magenta's hyper_norm and hyper_bias."""
    both = np.concatenate([x["x"], s["h"]])
    hh, hc = _sketch(p, "small.", both, s["small.h"], s["small.c"])
    Z = p["z_x.W_u"].shape[1] // 4
    H = len(s["h"])
    sums = []
    for k in range(4):
        cut, rows = slice(k * Z, (k + 1) * Z), slice(k * H, (k + 1) * H)
        z_x = hh @ p["z_x.W_u"][:, cut] + p["z_x.b"][cut]
        z_h = hh @ p["z_h.W_u"][:, cut] + p["z_h.b"][cut]
        z_b = hh @ p["z_b.W_u"][:, cut]
        v = (z_x @ p["d_x.W_z_x"][k]) * (x["x"] @ p["v.W_x"][:, rows])
        w = (z_h @ p["d_h.W_z_h"][k]) * (s["h"] @ p["w.W_h"][:, rows])
        sums.append(v + w + z_b @ p["d_b.W_z_b"][k] + p["d_b.b"][rows])
    i, j, f, o = _gate_norm(np.concatenate(sums), p["i_j_f_o.gain"], p["i_j_f_o.bias"])
    c = s["c"] * sigma(f + 1) + sigma(i) * np.tanh(j)
    h = np.tanh(normed(c, 1e-3) * p["h.gain"] + p["h.bias"]) * sigma(o)
    return {"h": h}, {"h": h, "c": c, "small.h": hh, "small.c": hc}


def sligru(p: Arrays, x: Arrays, s: Arrays) -> Result:
    v = normed(x["x"] @ p["v.W_x"]) * p["v.gain"] + p["v.bias"]
    a, z = np.split(v + normed(s["h"] @ p["w.W_h"]), 2)
    h = sigma(z) * s["h"] + (1 - sigma(z)) * relu(a)
    return {"h": h}, {"h": h}


def mogrifier_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    u, v = x["x"], s["h"]
    u = 2 * sigma(v @ p["u.0.W_v"] + p["u.0.b"]) * u
    v = 2 * sigma(u @ p["v.1.W_u"] + p["v.1.b"]) * v
    u = 2 * sigma(v @ p["u.2.W_v"] + p["u.2.b"]) * u
    v = 2 * sigma(u @ p["v.3.W_u"] + p["v.3.b"]) * v
    u = 2 * sigma(v @ p["u.4.W_v"] + p["u.4.b"]) * u
    j, o, f, i = np.split(affine(p, "j_o_f_i", u=u, v=v), 4)
    c = sigma(f) * s["c"] + np.minimum(1 - sigma(f), sigma(i)) * np.tanh(j)
    return pair(sigma(o) * np.tanh(c), c)


def highway_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    *gates, r = np.split(affine(p, "i_f_g_o_r", x=x["x"], h=s["h"]), 5)
    t, c = lstm(*gates, s["c"])
    return pair(sigma(r) * t + (1 - sigma(r)) * affine(p, "s", x=x["x"]), c)


def elmo_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    i, f, g, o = np.split(affine(p, "i_f_g_o", x=x["x"], h=s["h"]), 4)
    c = np.clip(sigma(i) * np.tanh(g) + sigma(f) * s["c"], -p["cell_clip"], p["cell_clip"])
    h = (sigma(o) * np.tanh(c)) @ p["p.W_m"]
    return pair(np.clip(h, -p["proj_clip"], p["proj_clip"]), c)


def ur_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    f, r, u, o = np.split(affine(p, "f_r_u_o", x=x["x"], h=s["h"]), 4)
    f, r = sigma(f + p["b"]), sigma(r - p["b"])
    g = r * (1 - (1 - f) ** 2) + (1 - r) * f**2
    c = g * s["c"] + (1 - g) * np.tanh(u)
    return pair(sigma(o) * np.tanh(c), c)


def weight_drop_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    sums = x["x"] @ p["i_f_g_o.W_x"] + p["i_f_g_o.b"] + s["h"] @ p["U"]
    return pair(*lstm(*np.split(sums, 4), s["c"]))


def on_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """As Ordered-Neurons, levels repeated for their units."""
    name, H = "m_i_m_f_o_g_i_f", len(s["h"])
    total = affine(p, name, x=x["x"], h=s["h"])
    levels = (len(total) - 4 * H) // 2
    low = np.repeat(1 - np.cumsum(soft_max(total[:levels])), H // levels)
    high = np.repeat(np.cumsum(soft_max(total[levels : 2 * levels])), H // levels)
    o, g, i, f = np.split(total[2 * levels :], 4)
    overlap = low * high
    f, i = sigma(f) * overlap + (high - overlap), sigma(i) * overlap + (low - overlap)
    c = f * s["c"] + i * np.tanh(g)
    return pair(sigma(o) * np.tanh(c), c)


def skip_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    i, j, f, o = np.split(affine(p, "i_j_f_o", x=x["x"], h=s["h"]), 4)
    h, c = lstm(i, f + 1, j, o, s["c"])
    wished = sigma(c @ p["p_new.W_c_new"] + p["p_new.b"])
    u = s["q"] + np.minimum(s["p"], 1 - s["q"])
    if np.round(u[0]) == 1:
        states = {"h": h, "c": c, "p": wished, "q": 0 * u}
    else:
        states = {"h": s["h"], "c": s["c"], "p": s["p"], "q": u}
    return {"h": states["h"], "gate": np.round(u)}, states


def slstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """Without a stabiliser: c and n carry the factor exp(-m) that came in."""
    sums = {
        g: x["x"] @ p[f"{g}.gate.u.W_x"] + p[f"{g}.gate.u.b"] + s["h"] @ p[f"{g}.gate.v.W_h"][0]
        for g in "ifzo"
    }
    f, i = sigma(sums["f"]) * np.exp(s["m"]), np.exp(sums["i"])
    c, n = f * s["c"] + i * np.tanh(sums["z"]), f * s["n"] + i
    m = np.maximum(log_sigma(sums["f"]) + s["m"], sums["i"])
    h = sigma(sums["o"]) * c / n
    return {"h": h}, {"h": h, "c": c / np.exp(m), "n": n / np.exp(m), "m": m}


def mi_rnn(p: Arrays, x: Arrays, s: Arrays) -> Result:
    h = np.tanh(affine(p, "v", x=x["x"]) * affine(p, "w", h=s["h"]))
    return {"h": h}, {"h": h}


def mi_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    v, w = x["x"] @ p["v.W_x"], s["h"] @ p["w.W_h"]
    sums = p["alpha"] * v * w + p["beta"] * v + p["gamma"] * w + p["b"]
    i, f, g, o = np.split(sums, 4)
    return pair(*lstm(i, f + 1, g, o, s["c"]))


def rhn(p: Arrays, x: Arrays, s: Arrays) -> Result:
    h = s["h"]
    a = np.tanh(x["x"] @ p["a.W_x"] + h @ p["a.W_h"] + p["a.b"])
    t = sigma(x["x"] @ p["t.W_x"] + h @ p["t.W_h"] + p["t.b"])
    h = (a - h) * t + h
    for level in (1, 2):
        a = np.tanh(h @ p[f"n.{level}.W_s"] + p[f"n.{level}.b"])
        t = sigma(h @ p[f"g.{level}.W_s"] + p[f"g.{level}.b"])
        h = (a - h) * t + h
    return {"h": h}, {"h": h}


def eunn(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """Complex, each layer as a unitary matrix."""
    h, H = s["h_r"] + 1j * s["h_i"], len(s["h_r"])
    for layer in range(2):
        theta, phi = p[f"theta.{layer}"], p[f"phi.{layer}"]
        F = np.zeros((H, H), complex)
        for j, (t, f) in enumerate(zip(theta, phi, strict=True)):
            turn = np.exp(1j * f)
            F[2 * j, 2 * j : 2 * j + 2] = turn * np.cos(t), -turn * np.sin(t)
            F[2 * j + 1, 2 * j : 2 * j + 2] = np.sin(t), np.cos(t)
        np.testing.assert_allclose(F @ F.conj().T, np.eye(H), atol=1e-12)
        h = np.roll(F @ h, 1)
    z = np.exp(1j * p["omega"]) * h + x["x"] @ (p["z_r.W_x"] + 1j * p["z_i.W_x"])
    m = np.sqrt(np.abs(z) ** 2 + 1e-10)
    h = relu(m + p["b"]) * z / m
    return {"y": np.concatenate([h.real, h.imag])}, {"h_r": h.real, "h_i": h.imag}


def captioner_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    w = {n: p[f"i_f_g_o.{n}"] for n in ("W_0", "W_picture", "W_h", "b")}
    seen = p["E"][x["word"]] @ w["W_0"] + x["picture"] @ w["W_picture"]
    h, c = lstm(*np.split(seen + s["h"] @ w["W_h"] + w["b"], 4), s["c"])
    return pair(h, c)


def agent_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    old = {n: np.zeros_like(a) if x["done"] else a for n, a in s.items()}
    last = np.eye(len(p["i_f_g_o.W_1"]))[x["action"]]
    seen = np.concatenate([x["x"], last, [x["reward"]], old["h"]])
    blocks = [p[f"i_f_g_o.W_{n}"] for n in ("x", "1", "reward", "h_old")]
    h, c = lstm(*np.split(seen @ np.concatenate(blocks) + p["i_f_g_o.b"], 4), old["c"])
    return pair(h, c)


STEPS: dict[str, Step] = {
    "captioner_lstm": captioner_lstm,
    "agent_lstm": agent_lstm,
    "addons_ln_lstm": addons_ln_lstm,
    "sketch_ln_lstm": sketch_ln_lstm,
    "hyper_lstm": hyper_lstm,
    "sligru": sligru,
    "mogrifier_lstm": mogrifier_lstm,
    "highway_lstm": highway_lstm,
    "elmo_lstm": elmo_lstm,
    "ur_lstm": ur_lstm,
    "weight_drop_lstm": weight_drop_lstm,
    "on_lstm": on_lstm,
    "skip_lstm": skip_lstm,
    "slstm": slstm,
    "mi_rnn": mi_rnn,
    "mi_lstm": mi_lstm,
    "rhn": rhn,
    "eunn": eunn,
}
