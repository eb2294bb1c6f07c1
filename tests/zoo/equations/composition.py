"""Cells in cells: told where to begin, stepped several times."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.zoo.equations.terms import Arrays, Step, affine, sigma

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


STEPS: dict[str, Step] = {"act": act, "nested_lstm": nested_lstm}
