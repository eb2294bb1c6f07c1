"""Cells of Flax, Haiku and Equinox: values, states and gradients in float64.

pip install jax flax dm-haiku equinox
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.zoo.live.compare import agree
from tests.zoo.live.peer import Peer, draw, run_jax

jax = pytest.importorskip("jax")
# Libraries of JAX warn of one another.
pytestmark = pytest.mark.filterwarnings("ignore")

Tree = dict[str, dict[str, Any]]


def packed(P: Any, name: str, order: str) -> dict[str, Any]:
    """Pieces of a packed array."""
    pieces = np.split(np.arange(len(P[name])), len(order))
    return {letter: P[name][piece] for letter, piece in zip(order, pieces, strict=True)}


def flax_peer(kind: str, shapes: dict[str, tuple[int, ...]], tree: Any, **options: Any) -> Peer:
    """`tree` makes the library's parameters of the row's."""
    linen = pytest.importorskip("flax.linen")
    module = getattr(linen, kind)(4, **options)
    two = kind == "LSTMCell"

    def step(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        carry = (states["c"], states["h"]) if two else states["h"]
        carry, out = module.apply({"params": tree(P)}, carry, inputs["x"])
        return out, {"c": carry[0], "h": carry[1]} if two else {"h": carry}

    states = {"c": (4,), "h": (4,)} if two else {"h": (4,)}
    return Peer(shapes, states, {"x": (3,)}, step)


def flax_lstm(P: Any) -> Tree:
    W, U, d = (packed(P, name, "ifgo") for name in ("W", "U", "d"))
    inputs = {f"i{k}": {"kernel": W[k].T} for k in "ifgo"}
    return {**inputs, **{f"h{k}": {"kernel": U[k].T, "bias": d[k]} for k in "ifgo"}}


def flax_gru(P: Any) -> Tree:
    W, U, b = (packed(P, name, "rzn") for name in ("W", "U", "b"))
    tree: Tree = {f"i{k}": {"kernel": W[k].T, "bias": b[k]} for k in "rzn"}
    tree |= {f"h{k}": {"kernel": U[k].T} for k in "rz"}
    return {**tree, "hn": {"kernel": U["n"].T, "bias": P["dn"]}}


def flax_simple(P: Any) -> Tree:
    return {"i": {"kernel": P["W"].T, "bias": P["b"]}, "h": {"kernel": P["U"].T}}


def flax_mgu(P: Any) -> Tree:
    tree: Tree = {f"i{k}": {"kernel": P[f"W{k}"].T, "bias": P[f"b{k}"]} for k in "fn"}
    tree |= {f"h{k}": {"kernel": P[f"U{k}"].T} for k in "fn"}
    if "dn" in P:
        tree["hn"]["bias"] = P["dn"]
    return tree


def flax_conv_lstm() -> Peer:
    """Over a plane of 5 by 4 places, channels last."""
    linen = pytest.importorskip("flax.linen")
    module = linen.ConvLSTMCell(2, (3, 3))

    def step(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        tree = {"ih": {"kernel": P["W"], "bias": P["b"]}, "hh": {"kernel": P["U"], "bias": P["d"]}}
        carry, out = module.apply({"params": tree}, (states["c"], states["h"]), inputs["x"])
        return out, {"c": carry[0], "h": carry[1]}

    shapes = {"W": (3, 3, 3, 8), "U": (3, 3, 2, 8), "b": (8,), "d": (8,)}
    return Peer(shapes, {"c": (5, 4, 2), "h": (5, 4, 2)}, {"x": (5, 4, 3)}, step)


def haiku_peer(kind: str, shapes: dict[str, tuple[int, ...]], tree: Any) -> Peer:
    hk = pytest.importorskip("haiku")
    two = kind == "LSTM"
    apply = hk.without_apply_rng(hk.transform(lambda x, s: getattr(hk, kind)(4)(x, s))).apply

    def step(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        state = hk.LSTMState(states["h"], states["c"]) if two else states["h"]
        out, after = apply(tree(P), inputs["x"], state)
        return out, {"h": after.hidden, "c": after.cell} if two else {"h": after}

    return Peer(shapes, dict.fromkeys(("h", "c")[: 1 + two], (4,)), {"x": (3,)}, step)


def haiku_rnn(P: Any) -> Tree:
    inputs, hidden = {"w": P["W"].T, "b": P["b"]}, {"w": P["U"].T, "b": P["d"]}
    return {"vanilla_rnn/linear": inputs, "vanilla_rnn/linear_1": hidden}


def equinox_gru() -> Peer:
    eqx = pytest.importorskip("equinox")
    module = eqx.nn.GRUCell(3, 4, key=jax.random.key(0))

    def step(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        def leaves(m: Any) -> list[Any]:
            return [m.weight_ih, m.weight_hh, m.bias, m.bias_n]

        cell = eqx.tree_at(leaves, module, [P["W"], P["U"], P["b"], P["bn"]])
        h = cell(inputs["x"], states["h"])
        return h, {"h": h}

    shapes = {"W": (12, 3), "U": (12, 4), "b": (12,), "bn": (4,)}
    return Peer(shapes, {"h": (4,)}, {"x": (3,)}, step)


LSTM = {"W": (16, 3), "U": (16, 4), "d": (16,)}
GRU = {"W": (12, 3), "U": (12, 4), "b": (12,)}
RNN = {"W": (4, 3), "U": (4, 4), "b": (4,)}
MGU2 = {"Wf": (4, 3), "Uf": (4, 4), "bf": (4,), "Wn": (4, 3), "Un": (4, 4), "bn": (4,)}
MGU = {**MGU2, "dn": (4,)}
JOINT = {"K": (16, 7), "b": (16,)}

CASES = {
    ("flax.lstm", "lstm"): lambda: flax_peer("LSTMCell", LSTM, flax_lstm),
    ("flax.gru", "cudnn_gru"): lambda: flax_peer("GRUCell", {**GRU, "dn": (4,)}, flax_gru),
    ("flax.simple", "rnn"): lambda: flax_peer("SimpleCell", RNN, flax_simple, residual=True),
    ("flax.mgu", "flax_mgu"): lambda: flax_peer("MGUCell", MGU, flax_mgu),
    ("flax.mgu2", "flax_mgu"): lambda: flax_peer("MGUCell", MGU2, flax_mgu, reset_gate=False),
    ("flax.convlstm", "conv_lstm"): flax_conv_lstm,
    ("haiku.rnn", "rnn"): lambda: haiku_peer("VanillaRNN", {**RNN, "d": (4,)}, haiku_rnn),
    ("haiku.lstm", "packed_lstm"): lambda: haiku_peer(
        "LSTM", JOINT, lambda P: {"lstm/linear": {"w": P["K"].T, "b": P["b"]}}
    ),
    ("haiku.gru", "chung_gru"): lambda: haiku_peer(
        "GRU", GRU, lambda P: {"gru": {"w_i": P["W"].T, "w_h": P["U"].T, "b": P["b"]}}
    ),
    ("eqx.gru", "cudnn_gru"): equinox_gru,
}


@pytest.mark.parametrize(("name", "file"), CASES, ids=[f"{r}-{f}" for r, f in CASES])
def test_values_and_gradients_are_the_librarys(name: str, file: str) -> None:
    peer = CASES[name, file]()
    drawn = draw(peer)
    agree(name, file, peer, drawn, run_jax(peer, drawn))
