"""What the published equations are made of, in NumPy.

A step takes parameters, inputs and states of one example by our names, and gives outputs and the
next states:

def rnn(p, x, s):
    h = np.tanh(x["x"] @ p["h.W_x"] + s["h"] @ p["h.W_h"] + p["h.b"])
    return {"h": h}, {"h": h}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Arrays = dict[str, Any]
Step = Callable[[Arrays, Arrays, Arrays], tuple[Arrays, Arrays]]


def sigma(v: Any) -> Any:
    return 1 / (1 + np.exp(-v))


def softplus(v: Any) -> Any:
    return np.logaddexp(0, v)


def log_sigma(v: Any) -> Any:
    return -np.logaddexp(0, -v)


def silu(v: Any) -> Any:
    return v * sigma(v)


def relu(v: Any) -> Any:
    return np.maximum(v, 0)


def soft_max(v: Any) -> Any:
    e = np.exp(v - v.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def normed(v: Any, eps: float = 1e-5) -> Any:
    """Layer norm without gain and shift."""
    return (v - v.mean(-1, keepdims=True)) / np.sqrt(v.var(-1, keepdims=True) + eps)


def unit(v: Any) -> Any:
    return v / np.sqrt((v * v).sum() + 1e-6)


def affine(p: Arrays, name: str, **operands: Any) -> Any:
    """`name = linear([…], N)`, its bias where it has one: `affine(p, "i", x=x, h=h)`."""
    products = sum(v @ p[f"{name}.W_{key}"] for key, v in operands.items())
    return products + p.get(f"{name}.b", 0.0)
