"""Whole cells against a few lines of NumPy each."""

from __future__ import annotations

import numpy as np

from tests.semantics.lowering import B, Cell, T, close, sigmoid

GRU = """
cell GRU[I, H](activation = tanh):
    input x: [I]
    state h: [H]

    r, u = split(sigmoid(linear([x, h], 2*H, bias=1.0)), 2)
    c  = activation(linear([x, r * h], H))
    h' = u * h + (1 - u) * c

    output h'
"""


def test_gru() -> None:
    c = Cell(GRU, I=3, H=4)
    h = np.zeros((B, 4))
    for t in range(T):
        x = c["x"][t]
        r, u = np.split(sigmoid(x @ c["r_u.W_x"] + h @ c["r_u.W_h"] + c["r_u.b"]), 2, axis=-1)
        candidate = np.tanh(x @ c["c.W_x"] + (r * h) @ c["c.W_1"] + c["c.b"])
        h = u * h + (1 - u) * candidate
        close(c.output("h")[t], h)
    close(c.final("h"), h)


def test_gru_with_another_activation() -> None:
    c = Cell(GRU, {"activation": "relu"}, I=3, H=4)
    assert any(node.op == "relu" for node in c.program.step)
    assert not any(node.op == "tanh" for node in c.program.step)
    assert [(h.value, h.fixed) for h in c.spec.hypers] == [("relu", True)]


PEEPHOLE = """
cell PeepholeLSTM[I, H](forget_bias = 1.0):
    input x: [I]
    state h, c: [H]
    param p_i, p_f, p_o: [H] = zeros

    i  = sigmoid(linear([x, h], H) + p_i * c)
    f  = sigmoid(linear([x, h], H, bias=forget_bias) + p_f * c)
    g  = tanh(linear([x, h], H))
    c' = f * c + i * g
    o  = sigmoid(linear([x, h], H) + p_o * c')
    h' = o * tanh(c')

    output h'
"""


def test_peephole_lstm() -> None:
    m = Cell(PEEPHOLE, I=3, H=4)
    h = c = np.zeros((B, 4))

    def linear(name: str, x: np.ndarray, h: np.ndarray) -> np.ndarray:
        return x @ m[f"{name}.W_x"] + h @ m[f"{name}.W_h"] + m[f"{name}.b"]

    for t in range(T):
        x = m["x"][t]
        i = sigmoid(linear("i", x, h) + m["p_i"] * c)
        f = sigmoid(linear("f", x, h) + m["p_f"] * c)
        c = f * c + i * np.tanh(linear("g", x, h))
        h = sigmoid(linear("o", x, h) + m["p_o"] * c) * np.tanh(c)
        close(m.output("h")[t], h)
    close(m.final("c"), c)


LAYER_NORM = """
def norm_gate(v, N) = sigmoid(layer_norm(linear(v, N, bias=false)))

cell LN[I, H]:
    input x: [I]
    state h: [H]
    z = norm_gate(concat([x, h]), H)
    s = linear([x, h], H, bias=false)
    c = layer_norm(s, bias=false, eps=0.001, groups=2)
    require H % 2 == 0, "two groups"
    h' = z * h + (1 - z) * tanh(c)
    output h'
"""


def normalised(v: np.ndarray, eps: float) -> np.ndarray:
    return (v - v.mean(-1, keepdims=True)) / np.sqrt(v.var(-1, keepdims=True) + eps)


def test_layer_norm_in_a_function_and_in_groups() -> None:
    m = Cell(LAYER_NORM, I=3, H=4)
    h = np.zeros((B, 4))
    for t in range(T):
        x = m["x"][t]
        v = np.concatenate([x, h], -1) @ m["z.norm_gate.W_v"]
        z = sigmoid(normalised(v, 1e-5) * m["z.norm_gate.gain"] + m["z.norm_gate.bias"])
        s = x @ m["s.W_x"] + h @ m["s.W_h"]
        c = normalised(s.reshape(B, 2, 2), 0.001).reshape(B, 4) * m["c.gain"]
        h = z * h + (1 - z) * np.tanh(c)
        close(m.output("h")[t], h)
    assert [c.code for c in m.spec.conditions] == ['(v["H"]) % (2) == 0']


MATRIX = """
cell Delta[I, K, V](scale = 0.5):
    input x: [I]
    param S0: [K, V] = uniform(-1, 1) * scale
    state S: [K, V] = S0

    k = linear(x, K)
    k_unit = k / norm(k)
    v = linear(x, V, bias=false)
    beta = sigmoid(linear(x, 1))
    S' = S + outer(k_unit, beta * (v - k_unit @ S))
    y = (k_unit @ S') / sqrt(K)
    output y
"""


def test_matrix_state_with_a_learned_start() -> None:
    m = Cell(MATRIX, I=3, K=4, V=5)
    S = np.broadcast_to(m["S0"], (B, 4, 5))
    for t in range(T):
        x = m["x"][t]
        k = x @ m["k.W_x"] + m["k.b"]
        k = k / np.linalg.norm(k, axis=-1, keepdims=True)
        v = x @ m["v.W_x"]
        beta = sigmoid(x @ m["beta.W_x"] + m["beta.b"])
        S = S + k[:, :, None] * (beta * (v - np.einsum("bk,bkv->bv", k, S)))[:, None, :]
        close(m.output("y")[t], np.einsum("bk,bkv->bv", k, S) / 2)


STACK = """
cell Plain[I, H](gain = 1.0):
    input x: [I]
    state h: [H]
    a = linear([x, h], H)
    h' = tanh(gain * a)
    output h'

cell Stack[I, H](layers = 2, residual = true, rate = 0.25):
    input x: [I]
    state total: [H] = ones([H]) * rate
    a = linear(x, H)
    for k in 0..layers:
        sub layer = Plain[H, H](gain=2 * rate)
        y = layer(a)
        if residual:
            a = a + y
        else:
            a = y
        z[k] = y * (k + 1)
    total' = total + sum(z, axis=0)
    output a, total'
"""


def test_inner_cells_in_a_loop() -> None:
    m = Cell(STACK, cell="Stack", I=3, H=4, leaves={"rate": 0.25})
    h = [np.zeros((B, 4)), np.zeros((B, 4))]
    total = np.full((B, 4), 0.25)
    for t in range(T):
        a = m["x"][t] @ m["a.W_x"] + m["a.b"]
        for k in range(2):
            pre = a @ m[f"layer.{k}.a.W_x"] + h[k] @ m[f"layer.{k}.a.W_h"] + m[f"layer.{k}.a.b"]
            h[k] = np.tanh(0.5 * pre)
            a = a + h[k]
            total = total + h[k] * (k + 1)
        close(m.output("a")[t], a)
        close(m.output("total")[t], total)
    assert [s.name for s in m.spec.states] == ["total", "layer.0.h", "layer.1.h"]


def test_structure_is_what_the_loop_and_the_branch_need() -> None:
    m = Cell(STACK, {"layers": 3, "residual": False}, cell="Stack", I=3, H=4)
    assert [s.name for s in m.spec.states][1:] == ["layer.0.h", "layer.1.h", "layer.2.h"]
    fixed = {h.name: h.fixed for h in m.spec.hypers}
    assert fixed == {"layers": True, "residual": True, "rate": False}


MASKED = """
cell Masked[I, H](drop = 0.5, zone = 0.1):
    input x, m: [I]
    input dt: []
    state h: [H]
    param U: [H, H] = orthogonal
    decay = exp(-relu(dt))
    seen = where(m > 0.5, x, 0)
    kept = dropout(U, drop, per=sequence)
    new = tanh(linear([dropout(seen, drop), dt], H) + kept @ h)
    h' = zoneout(new, decay * h, zone)
    output h'
"""


def test_masks_and_where() -> None:
    rng = np.random.default_rng(1)
    masks = {
        0: rng.choice([0.0, 2.0], (4, 4)),
        1: rng.choice([0.0, 2.0], (T, B, 3)),
        2: rng.choice([0.0, 1.0], (T, B, 4)),
    }
    m = Cell(MASKED, masks=masks, leaves={"drop": 0.5, "zone": 0.1}, I=3, H=4)
    h = np.zeros((B, 4))
    assert "new.W_seen" in m.leaves and "new.W_dt" in m.leaves
    for t in range(T):
        x = np.where(m["m"][t] > 0.5, m["x"][t], 0) * masks[1][t]
        dt = m["dt"][t][:, None]
        pre = x @ m["new.W_seen"] + dt @ m["new.W_dt"] + m["new.b"]
        new = np.tanh(pre + h @ (m["U"] * masks[0]).T)
        keep = masks[2][t]
        h = keep * np.exp(-np.maximum(dt, 0)) * h + (1 - keep) * new
        close(m.output("h")[t], h)


def test_masks_at_inference() -> None:
    m = Cell(MASKED, leaves={"drop": 0.5, "zone": 0.25}, I=3, H=4)
    x, dt = np.where(m["m"][0] > 0.5, m["x"][0], 0), m["dt"][0][:, None]
    pre = x @ m["new.W_seen"] + dt @ m["new.W_dt"] + m["new.b"]
    close(m.output("h")[0], 0.75 * np.tanh(pre))


CONV = """
cell ConvGate[C, Y, X, D]:
    input x: [C, Y, X]
    state h: [D, Y, X]
    h' = tanh(conv([x, h], D, [3, 1]))
    output h'

cell Grouped[I, H, G]:
    require I % G == 0, "groups of the input"
    require H % G == 0, "groups of the state"
    input x: [I]
    state h: [H]
    h' = tanh(group_linear([x, h], H, G))
    output h'
"""


def test_convolution() -> None:
    m = Cell(CONV.split("\ncell Grouped")[0], C=2, Y=3, X=4, D=5)
    assert m["h.W_x"].shape == (5, 2, 3, 1)
    x = np.pad(m["x"][0], ((0, 0), (0, 0), (1, 1), (0, 0)))
    pre = sum(np.einsum("bcyx,dc->bdyx", x[:, :, k : k + 3], m["h.W_x"][:, :, k, 0])
              for k in range(3))  # fmt: skip
    close(m.output("h")[0], np.tanh(pre + m["h.b"][:, None, None]))


def test_groups_of_a_dim() -> None:
    m = Cell("cell Grouped" + CONV.split("cell Grouped")[1], I=4, H=6, G=2)
    x = m["x"][0].reshape(B, 2, 2)
    pre = np.einsum("bgi,gij->bgj", x, m["h.W_x"]).reshape(B, 6) + m["h.b"]
    close(m.output("h")[0], np.tanh(pre))


SPIKING = """
cell Leaky[H](beta = 0.9, threshold = 1.0):
    input x: [H]
    state m: [H]
    reset = stop_gradient(step(m - threshold))
    m' = clip(beta, 0, 1) * m + x - reset * threshold
    over = m' - threshold
    y = surrogate(step(over), atan(over))
    output y
"""


def test_spikes_without_warnings() -> None:
    m = Cell(SPIKING, leaves={"beta": 0.9, "threshold": 1.0}, H=4)
    v = np.zeros((B, 4))
    for t in range(T):
        v = 0.9 * v + m["x"][t] - (v > 1)
        close(m.output("y")[t], (v > 1) * 1.0)


NEW_INPUT = """
cell Window[I, N]:
    input x: [I]
    state M: [N, I]
    M' = concat([M[1:], expand(x, 0)], axis=0)
    require N >= 2, "a window"
    output M'
"""


def test_shift_register() -> None:
    m = Cell(NEW_INPUT, I=2, N=3)
    close(m.final("M"), np.swapaxes(m["x"], 0, 1))
