"""Names, shapes and initial values of parameters: they are part of what a cell is."""

from __future__ import annotations

import pytest

from celldsl.ir.attributes import INITIALISER, PARAM
from celldsl.ir.program import Node
from tests.semantics.lowering import codes, initialisers, lower, params


def cell(*lines: str, out: str = "h'", header: str = "C[I, H]") -> str:
    body = ["input x: [I]", "state h: [H]", *lines]
    if not any(line.startswith(("h' =", "h',")) for line in lines):
        body.append("h' = h")
    return f"cell {header}:\n" + "".join(f"    {line}\n" for line in [*body, f"output {out}"])


def test_operands_give_their_names() -> None:
    text = cell("h' = tanh(h)", "a = linear([x, 2 * h, h', dropout(h, 0.5)], 3)", out="a")
    assert params(text) == {
        "a.W_x": "I, 3",
        "a.W_1": "H, 3",
        "a.W_h_next": "H, 3",
        "a.W_h": "H, 3",
        "a.b": "3",
    }


def test_targets_give_their_names() -> None:
    text = cell(
        "h', c' = split(linear(x, 2*H), 2)",
        "state c: [H]",
        "s = layer_norm(c)",
        "n = rms_norm(h', gain=false)",
        out="s, n",
    )
    assert list(params(text)) == ["h_c.W_x", "h_c.b", "s.gain", "s.bias"]


def test_functions_add_their_own() -> None:
    text = (
        "def gate(v, N) = sigmoid(linear(v, N))\n"
        "def deep(v, N):\n"
        "    param scale: [N] = ones\n"
        "    a = linear(v, N)\n"
        "    b = gate(a * scale, N)\n"
        "    return layer_norm(b), a\n"
    ) + cell("f = gate(x, H)", "d, e = deep(x, H)", out="f, d, e")
    assert list(params(text)) == [
        "f.gate.W_v",
        "f.gate.b",
        "d_e.deep.scale",
        "d_e.deep.a.W_v",
        "d_e.deep.a.b",
        "d_e.deep.b.gate.W_v",
        "d_e.deep.b.gate.b",
        "d_e.deep.gain",
        "d_e.deep.bias",
    ]


def test_loops_add_the_iteration() -> None:
    text = "def gate(v, N) = sigmoid(linear(v, N))\n" + cell(
        "a = linear(x, H)",
        "for k in 0..2:",
        "    a = linear(a, H)",
        "    param w: [H] = ones",
        "    g = gate(a, H)",
        "    y[k] = g * w",
        out="y, a",
    )
    names = list(params(text))
    assert names[:2] == ["a.W_x", "a.b"]
    assert {"a.0.W_a", "a.1.b", "w.0", "w.1", "g.1.gate.W_v"} <= set(names)


def test_nested_loops() -> None:
    text = cell(
        "a = 1 * h",
        "for k in 0..2:",
        "    for j in 1..3:",
        "        a = linear(a, H, bias=false)",
        out="a",
    )
    assert list(params(text)) == ["a.0.1.W_a", "a.0.2.W_a", "a.1.1.W_a", "a.1.2.W_a"]


def test_inner_cells_put_theirs_before() -> None:
    inner = cell("a = linear([x, h], H)", "h' = tanh(a)")
    outer = inner.replace("cell C", "cell D").replace(
        "    a = linear([x, h], H)\n    h' = tanh(a)\n",
        "    sub g = C[I, H]\n    y = g(x)\n    h' = h + y + g.h - g.h'\n",
    )
    _, spec = lower(inner + outer, "D")
    assert [p.name for p in spec.params] == ["g.a.W_x", "g.a.W_h", "g.a.b"]
    assert [s.name for s in spec.states] == ["h", "g.h"]


def test_default_initialisers() -> None:
    text = cell(
        "param W: [H, I]",
        "param v: [H]",
        "z = tanh(x)",
        "m = z * W[0] + sum(h)",
        "a = linear([x, z, m, v], H, bias=true)",
        "h' = a + W @ x",
    )
    assert initialisers(text) == {
        "W": "glorot_uniform",
        "v": "broadcast",
        "a.W_x": "glorot_uniform",
        "a.W_z": "glorot_uniform",
        "a.W_m": "orthogonal",
        "a.W_v": "glorot_uniform",
        "a.b": "broadcast",
    }


def nodes(text: str) -> dict[str, Node]:
    _, spec = lower(text)
    by_name = {node.name: node for node in spec.initial}
    return {p.name: by_name[p.value] for p in spec.params if p.value is not None}


def test_fans() -> None:
    text = cell(
        'require H % 4 == 0, "groups"',
        'require I % 4 == 0, "groups"',
        "param W: [H, I]",
        "a = linear(x, 2*H, bias=false)",
        "b = group_linear(x, H, 4, bias=false)",
        "c = conv(expand(x, 0), 3, 5, bias=false)",
        "w = W @ x",
        out="a, b, c, w",
    )
    told = {n: dict(d.attributes) for n, d in nodes(text).items()}
    fans = {n: (str(d["fan_in"]), str(d["fan_out"])) for n, d in told.items()}
    assert fans == {
        "W": ("I", "H"),
        "a.W_x": ("I", "2*H"),
        "b.W_x": ("I/4", "H/4"),
        "c.W_0": ("5", "15"),
    }


def test_options_of_linear() -> None:
    text = cell(
        "a = linear(x, H, bias=uniform(-1, 1), init=orthogonal(0.5))",
        "b = linear(x, H, bias=fb)",
        "c = linear(x, H, bias=with_bias)",
        "d = linear(x, H, bias=log(fb) * 2, init=zeros)",
        out="a, b, c, d",
        header="C[I, H](fb = 1.0, with_bias = false)",
    )
    found = initialisers(text)
    assert found["a.b"] == "uniform"
    assert found["a.W_x"] == "orthogonal"
    assert found["d.W_x"] == "broadcast"
    assert "c.b" not in found
    _, spec = lower(text)
    by_name = {node.name: node for node in spec.initial}
    start = by_name[str(next(p.value for p in spec.params if p.name == "b.b"))]
    assert start.args == ("fb",)


def test_the_bias_follows_the_structure() -> None:
    text = cell("a = linear(x, H, bias=b)", out="a", header="C[I, H](b = false)")
    assert list(params(text)) == ["a.W_x"]
    assert list(params(text, b=True)) == ["a.W_x", "a.b"]


def test_expressions_of_initialisers() -> None:
    text = cell(
        "param A: [I, H] = log(expand(arange(I), 1) + 1)",
        "param s: [H] = uniform(0, 1) * tau - normal(0.1)",
        "param g: [H] = softmax(s)",
        "const k: [H, H] = eye(H) * 2",
        "y = x @ A + s * g + k @ h",
        out="y",
        header="C[I, H](tau = 2.0)",
    )
    _, spec = lower(text)
    draws = [(n[INITIALISER], n[PARAM]) for n in spec.initial if n.op == "draw"]
    assert draws == [("uniform", "s"), ("normal", "s#2")]
    assert [(c.name, c.value is not None) for c in spec.consts] == [("k", True)]


def test_a_const_without_a_value_must_be_given() -> None:
    _, spec = lower(cell("const A: [H, H]", "h' = A @ h + x[0]"))
    assert [(c.name, c.value) for c in spec.consts] == [("A", None)]


@pytest.mark.parametrize(
    "line",
    [
        "param p: [H] = chrono(10)",
        "param p: [H] = log_uniform(1, 10)",
        "param p: [H] = truncated_normal(0.5)",
        "param p: [H] = constant(3)",
        "param p: [H] = -inf",
        "param p: [H] = legendre_b(H)",
        "param p: [H] = ones([H]) * sqrt(H / 2)",
    ],
)
def test_initialisers_of_vectors(line: str) -> None:
    assert codes(cell(line, "a = p * h", out="a, x")) == []


@pytest.mark.parametrize(
    "start",
    ["legendre_a(H)", "identity(0.5)", "he_normal", "lecun_normal", "glorot_normal", "he_uniform"],
)
def test_initialisers_of_matrices(start: str) -> None:
    assert codes(cell(f"param P: [H, H] = {start}", "a = P @ h", out="a, x")) == []
