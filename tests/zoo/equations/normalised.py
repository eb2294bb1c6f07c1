"""Layer norms of gates, as Haste and TensorFlow's contrib place them."""

from __future__ import annotations

import numpy as np

from tests.zoo.equations.terms import Arrays, Step, affine, normed, sigma

Result = tuple[Arrays, Arrays]


def ln_gru(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """Over all three gates at once, by the input and by the state."""
    v, w = normed(affine(p, "xz_xr_xg", x=x["x"])), normed(affine(p, "hz_hr_hg", h=s["h"]))
    xz, xr, xg = np.split(p["xz_xr_xg.gain"] * v + p["xz_xr_xg.bias"], 3)
    hz, hr, hg = np.split(p["hz_hr_hg.gain"] * w + p["hz_hr_hg.bias"], 3)
    z, r = sigma(xz + hz), sigma(xr + hr)
    h = z * s["h"] + (1 - z) * np.tanh(xg + r * hg)
    return {"h": h}, {"h": h}


def ln_peephole_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """Each gate by itself; the stored cell is normalised, then clipped."""
    c, bound = s["c"], p["cell_clip"]
    pieces = np.split(affine(p, "i_j_f_o", x=x["x"], h=s["h"]), 4)
    joined = np.concatenate([normed(v, 1e-12) for v in pieces])
    i, j, f, o = np.split(p["i_j_f_o.gain"] * joined + p["i_j_f_o.bias"], 4)
    kept = sigma(f + p["forget_bias"] + p["p_f"] * c) * c + sigma(i + p["p_i"] * c) * np.tanh(j)
    c = np.clip(p["s.gain"] * normed(kept, 1e-12) + p["s.bias"], -bound, bound)
    h = sigma(o + p["p_o"] * c) * np.tanh(c)
    return {"h": h}, {"c": c, "h": h}


STEPS: dict[str, Step] = {"ln_gru": ln_gru, "ln_peephole_lstm": ln_peephole_lstm}
