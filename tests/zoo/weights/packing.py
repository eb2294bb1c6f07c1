"""Weights as libraries pack them.  In: the parameters of a trace.  Out: parameters of our cells.

gates = unpack(P, "ifgo")          gates["i"].W is (out, in), gates["i"].b a sum of biases
blocks("i", gates["i"])            {"i.W_x": (in, out), "i.W_h": …, "i.b": …}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.zoo.weights.row import Arrays


@dataclass(frozen=True)
class Gate:
    """Weights of the input and of the state, (out, in), and one bias."""

    W: Any
    U: Any
    b: Any


def unpack(P: Arrays, order: str, units: int = 4, inputs: int = 3) -> dict[str, Gate]:
    """The gates of `W, U` or of a joint kernel `K`, by letters in their packed order."""
    W, U = (P["W"], P["U"]) if "W" in P else (P["K"][:, :inputs], P["K"][:, inputs:])
    b = sum((P[name] for name in ("b", "d") if name in P), np.zeros(len(W)))
    cut = [np.split(array, len(order)) for array in (W, U, b)]
    assert all(len(piece) == units for piece in cut[0])
    return {letter: Gate(*pieces) for letter, *pieces in zip(order, *cut, strict=True)}


def blocks(name: str, gates: Gate | Sequence[Gate]) -> Arrays:
    """The parameters of `name = linear([x, h], …)`, packed from several gates."""
    gates = [gates] if isinstance(gates, Gate) else gates
    return {
        f"{name}.W_x": np.concatenate([g.W for g in gates]).T,
        f"{name}.W_h": np.concatenate([g.U for g in gates]).T,
        f"{name}.b": np.concatenate([g.b for g in gates]),
    }


def each(gates: Mapping[str, Gate], names: Mapping[str, str]) -> Arrays:
    """One equation for each gate: `names` maps ours to the library's letters."""
    found: Arrays = {}
    for ours, letter in names.items():
        found |= blocks(ours, gates[letter])
    return found


def raised(gate: Gate, amount: float) -> Gate:
    """A gate whose forget bias was added at run time."""
    return Gate(gate.W, gate.U, gate.b + amount)


def negated(gate: Gate) -> Gate:
    """The gate that is one minus this one."""
    return Gate(-gate.W, -gate.U, -gate.b)


def cut(array: Any, letters: str) -> dict[str, Any]:
    """Equal pieces of a packed array, by letters."""
    return dict(zip(letters, np.split(array, len(letters)), strict=True))


def linear(name: str, bias: Any = None, **weights: Any) -> Arrays:
    """The parameters of `name = linear([operand, …], …)`; weights (out, in) by operand."""
    found = {f"{name}.W_{operand}": np.asarray(weight).T for operand, weight in weights.items()}
    return found if bias is None else {**found, f"{name}.b": bias}


def gated(P: Arrays, x: str, h: str | None = None, **second: str) -> Arrays:
    """An equation for each letter, which is its name.

    `x` are the letters of W and b, `h` those of U and d where they are others; a letter that `h`
    lacks reads x alone.  `second` says what the second operand is called where it is not h:
    `gated(P, "rn", n="1")` for `n = tanh(linear([x, r * h], H))`.
    """
    h = x if h is None else h
    W, b, U = cut(P["W"], x), cut(P["b"], x), cut(P["U"], h) if h else {}
    d = cut(P["d"], h) if h and "d" in P else {}
    found: Arrays = {}
    for letter in x:
        weights = {"x": W[letter]}
        if letter in U:
            weights[second.get(letter, "h")] = U[letter]
        found |= linear(letter, b[letter] + d.get(letter, 0.0), **weights)
    return found


def joint(K: Any, b: Any, letters: str, inputs: int = 3) -> Arrays:
    """An equation for each letter of a kernel (out, in) over x and h together."""
    return gated({"W": K[:, :inputs], "U": K[:, inputs:], "b": b}, letters)


def named(arrays: Arrays, **names: str) -> Arrays:
    """Equations by other names: `named(arrays, t="theta")` has `theta.W_x`."""
    parts = {key: key.split(".", 1) for key in arrays}
    return {".".join([names.get(e, e), rest]): arrays[key] for key, (e, rest) in parts.items()}
