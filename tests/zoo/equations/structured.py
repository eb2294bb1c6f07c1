"""Groups, masks and grids, as TensorFlow's contrib has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.zoo.equations.terms import Arrays, Step, relu, sigma

Result = tuple[Arrays, Arrays]


def lstm(i: Any, j: Any, f: Any, o: Any, c: Any) -> tuple[Any, Any]:
    """The forget bias is in f."""
    c = sigma(f) * c + sigma(i) * np.tanh(j)
    return c, sigma(o) * np.tanh(c)


def group_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """Each group of units reads its own part of the input, and itself."""
    n, gates = p["groups"], {}
    xs, hs = np.split(x["x"], n), np.split(s["h"], n)
    for k in "ijfo":
        each = [xs[g] @ p[f"{k}.W_x"][g] + hs[g] @ p[f"{k}.W_h"][g] for g in range(n)]
        gates[k] = np.concatenate(each) + p[f"{k}.b"]
    c, h = lstm(gates["i"], gates["j"], gates["f"] + p["forget_bias"], gates["o"], s["c"])
    return {"h": h}, {"c": c, "h": h}


def masked_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    kernel = np.concatenate([p["mask_x"] * p["K_x"], p["mask_h"] * p["K_h"]])
    i, j, f, o = np.split(np.concatenate([x["x"], s["h"]]) @ kernel + p["b"], 4)
    c, h = lstm(i, j, f + p["forget_bias"], o, s["c"])
    return {"h": h}, {"c": c, "h": h}


def grid_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """From window to window; V is along time, W along frequency."""
    windows, width, cells, outputs, y = len(s["c"]), len(p["V_x"]), [], [], []
    c_f = m_f = np.zeros(s["c"].shape[1])
    for k in range(windows):
        seen = (x["x"][k : k + width], s["m"][k], m_f)
        z_t, z_f = (
            sum(v @ p[f"{kind}_{name}"] for v, name in zip(seen, "xtf", strict=True)) + p[bias]
            for kind, bias in (("V", "b_t"), ("W", "b_f"))
        )
        i, j, f, o = np.split(z_t, 4)
        c_t, m_t = lstm(i, j, f + p["forget_bias"], o, s["c"][k])
        i, j, f, o = np.split(z_f, 4)
        c_f, m_f = lstm(i, j, f + p["forget_bias"], o, c_f)
        cells.append(c_t)
        outputs.append(m_t)
        y.append(np.concatenate([m_t, m_f]))
    return {"y": np.array(y)}, {"c": np.array(cells), "m": np.array(outputs)}


def urnn(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """With NumPy's complex numbers and its fast Fourier transform."""

    def number(array: Any) -> Any:
        return array[..., 0] + 1j * array[..., 1]

    def reflect(z: Any, v: Any) -> Any:
        return z - 2 * v * np.vdot(v, z) / np.vdot(v, v)

    z = np.fft.fft(np.exp(1j * p["theta"]) * number(s["h"]), norm="ortho")
    z = np.fft.ifft(np.exp(1j * p["phi"]) * (p["P"] @ reflect(z, number(p["u"]))), norm="ortho")
    z = np.exp(1j * p["psi"]) * reflect(z, number(p["v"])) + number(p["V"]) @ x["x"]
    h = relu(abs(z) + p["b"]) / (abs(z) + 1e-5) * z
    y = np.concatenate([h.real, h.imag]) @ p["y.W_0"] + p["y.b"]
    return {"y": y}, {"h": np.stack([h.real, h.imag], -1)}


STEPS: dict[str, Step] = {
    "urnn": urnn,
    "group_lstm": group_lstm,
    "masked_lstm": masked_lstm,
    "grid_lstm": grid_lstm,
}
