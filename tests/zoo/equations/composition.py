"""Cells in cells: told where to begin, stepped several times."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.zoo.equations.terms import Arrays, Step, affine, relu, sigma, soft_max

Result = tuple[Arrays, Arrays]


def _lstm(gates: Any, c: Any) -> tuple[Any, Any]:
    """Of all gates in PyTorch's order."""
    i, f, g, o = np.split(gates, 4)
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    return sigma(o) * np.tanh(c), c


def nested_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    i, f, g, o = np.split(affine(p, "i_f_g_o", x=x["x"], h=s["h"]), 4)
    kept, new = sigma(f) * s["memory.h"], sigma(i) * np.tanh(g)
    c, inner = _lstm(affine(p, "memory.i_f_g_o", x=new, h=kept), s["memory.c"])
    h = sigma(o) * np.tanh(c)
    return {"h": h}, {"h": h, "memory.h": c, "memory.c": inner}


def act(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """As the paper says it: N steps, whose last one has the remainder for its probability."""
    h, states, chances = s["h"], [], []
    for n in range(int(p["steps"])):
        here = np.concatenate([x["x"], [1.0 if n == 0 else 0.0]])
        h = np.tanh(affine(p, "inner.h", x=here, h=h))
        states.append(h)
        chances.append(sigma(affine(p, "halt", s=h))[0])
        if sum(chances) > 1 - p["eps"]:
            break
    rest = 1 - sum(chances[:-1])
    mean = sum(c * h for c, h in zip([*chances[:-1], rest], states, strict=True))
    return {"h": mean, "ponder": len(states) + rest}, {"h": mean}


def _gru(p: Arrays, name: str, x: Any, h: Any) -> Any:
    r, u = np.split(sigma(affine(p, f"{name}.r_u", x=x, h=h)), 2)
    c = np.tanh(x @ p[f"{name}.c.W_x"] + (r * h) @ p[f"{name}.c.W_1"] + p[f"{name}.c.b"])
    return u * h + (1 - u) * c


def residual_stack(p: Arrays, x: Arrays, s: Arrays) -> Result:
    v = first = _gru(p, "layer.0", x["x"], s["layer.0.h"])
    states = {"layer.0.h": first}
    for k in range(1, int(p["layers"])):
        states[f"layer.{k}.h"] = _gru(p, f"layer.{k}", v, s[f"layer.{k}.h"])
        v = v + states[f"layer.{k}.h"]
    return {"v": v}, states


def window_attention(p: Arrays, x: Arrays, s: Arrays) -> Result:
    h = _gru(p, "read", x["x"], s["read.h"])
    window = np.stack([*s["window"][1:], h])
    scores = np.tanh(window @ p["k.W_window_next"] + p["k.b"] + s["y"] @ p["q.W_y"]) @ p["s"]
    weights = soft_max(scores)
    y = _gru(p, "write", np.concatenate([x["x"], weights @ window]), s["write.h"])
    return {"y": y, "p": weights}, {"window": window, "y": y, "read.h": h, "write.h": y}


def muzero_dynamics(p: Arrays, x: Arrays, s: Arrays) -> Result:
    chosen = np.eye(len(p["v.W_0"]))[int(x["action"])]
    v = relu(chosen @ p["v.W_0"] + s["h"] @ p["v.W_s"] + p["v.b"])
    z = relu(s["h"] + affine(p, "w", v=v))
    h = (z - z.min()) / (z.max() - z.min() + 1e-5)
    return {"h": h, "reward": affine(p, "reward", n=relu(affine(p, "n", h_next=h)))}, {"h": h}


def bahdanau_decoder(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """As the appendix of the paper, word by word and pair by pair of maxout units."""
    e, old = p["W_e"][int(x["word"])], s["s"]
    scores = [p["v_a"] @ np.tanh(m @ p["U_a"] + affine(p, "a", s=old)) for m in x["M"]]
    weights = soft_max(np.array(scores))
    c = sum(w * m for w, m in zip(weights, x["M"], strict=True))
    r, z = np.split(sigma(affine(p, "r_z", e=e, s=old, c=c)), 2)
    n = np.tanh(e @ p["n.W_e"] + (r * old) @ p["n.W_1"] + c @ p["n.W_c"] + p["n.b"])
    pairs = [affine(p, f"t.{k}", s=old, e=e, c=c) for k in (0, 1)]
    y = affine(p, "y", t=np.array([max(pair) for pair in zip(*pairs, strict=True)]))
    new = (1 - z) * old + z * n
    return {"y": y, "alpha": weights}, {"s": new}


def siamese_lstm(p: Arrays, x: Arrays, s: Arrays) -> Result:
    """Both readers by the parameters of the left one, which are all that there are."""
    assert all(name.startswith("left.") for name in p)
    ends = {}
    for side, word in (("left", x["x"]), ("right", x["z"])):
        gates = affine(p, "left.i_f_g_o", x=word, h=s[f"{side}.h"])
        ends[f"{side}.h"], ends[f"{side}.c"] = _lstm(gates, s[f"{side}.c"])
    apart = np.abs(ends["left.h"] - ends["right.h"]).sum()
    return {"y": np.exp(-apart)}, ends


STEPS: dict[str, Step] = {
    "muzero_dynamics": muzero_dynamics,
    "bahdanau_decoder": bahdanau_decoder,
    "act": act,
    "nested_lstm": nested_lstm,
    "siamese_lstm": siamese_lstm,
    "residual_stack": residual_stack,
    "window_attention": window_attention,
}
