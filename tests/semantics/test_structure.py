"""Branches, loops, inner cells and requirements."""

from __future__ import annotations

import numpy as np
import pytest

from celldsl.diagnostics.errors import CellError
from tests.semantics.lowering import B, Cell, T, close, codes, lower, messages, params

NESTED = """
cell Nested[I, H](deep = true, wide = false, k = 2):
    require I == H or wide, "the residual adds x"
    input x: [I]
    state h: [H]
    if deep:
        if wide:
            a = linear(x, H)
        else:
            a = linear(x, H, bias=false)
        if k > 1:
            a2 = a * 2
        else:
            a2 = a
    else:
        a2 = linear(x, H, init=zeros)
    h' = a2 + h
    output h'
"""


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        ({}, ["a.W_x"]),
        ({"wide": True}, ["a.W_x", "a.b"]),
        ({"deep": False}, ["a2.W_x", "a2.b"]),
        ({"deep": False, "k": 1}, ["a2.W_x", "a2.b"]),
    ],
)
def test_branches_not_taken_have_no_parameters(
    structure: dict[str, object], expected: list[str]
) -> None:
    assert codes(NESTED) == []
    assert list(params(NESTED, **structure)) == expected


def test_what_decides_is_fixed_and_the_rest_is_not() -> None:
    _, spec = lower(NESTED, deep=False)
    assert {h.name: h.fixed for h in spec.hypers} == {"deep": True, "wide": True, "k": False}
    assert [d.fixed for d in spec.dims] == [None, None]


DIM_LOOP = """
cell Powers[I, K = 3]:
    input x: [I]
    if K > I:
        y = x * 2
    else:
        y = x
    a = y
    for k in 0..K:
        a = a * y
        z[k] = a
    output z
"""


def test_a_dim_in_a_loop_bound_is_fixed() -> None:
    _, spec = lower(DIM_LOOP, I=5)
    assert {d.name: d.fixed for d in spec.dims} == {"I": 5, "K": 3}
    cell = Cell(DIM_LOOP, {"K": 2, "I": 1})
    y = cell["x"] * 2
    close(cell.output("z"), np.stack([y**2, y**3], 2))


def test_a_dim_that_decides_must_be_given() -> None:
    with pytest.raises(CellError, match="`I` decides the structure of `Powers`"):
        lower(DIM_LOOP)


def test_every_branch_is_checked_under_its_condition() -> None:
    text = """
cell C[I, H](flag = false):
    input x: [I]
    state h: [H]
    if I == H:
        y = x + h
    else:
        y = linear(x, H) + h
    if H > 3 and flag:
        z = h[:4]
    else:
        z = zeros([4])
    h' = y * z[0]
    output h'
"""
    assert codes(text) == []
    assert messages(text.replace("H > 3", "H > 2")) == ["an index may be out of range"]


def test_requirements_are_assumed() -> None:
    text = """
cell C[I, H, K]:
    require I == 2*H, "pairs"
    require H % K == 0, "heads"
    require K % 2 == 0, "even"
    require K >= 3, "some"
    input x: [I]
    state h: [K, H / K]
    a, b = split(x, 2)
    c, d = split(h, 2, axis=0)
    p = c * d
    h' = reshape(a + b, [K, H/K]) * p[0, :1] * x[4]
    output h'
"""
    assert codes(text) == []
    _, spec = lower(text)
    assert [c.code for c in spec.conditions] == [
        'v["I"] == 2 * v["H"]', '(v["H"]) % (v["K"]) == 0', '(v["K"]) % (2) == 0', 'v["K"] >= 3',
    ]  # fmt: skip
    assert [str(s) for s in spec.inputs[0].shape] == ["I"]


def test_a_requirement_on_hyperparameters_is_code() -> None:
    text = """
cell C[H](rate = 0.5, deep = true, n = 2):
    require rate < 1 and rate >= 0, "a rate"
    require not deep or n > 1, "depth"
    input x: [H]
    y = dropout(x, rate)
    output y
"""
    _, spec = lower(text)
    codes_ = [c.code for c in spec.conditions]
    assert codes_ == [
        '(v["rate"] < 1) and (v["rate"] >= 0)',
        '(not (True)) or (v["n"] > 1)',
        '0 <= v["rate"] < 1',  # what dropout asks of its rate
    ]


SLICES = """
cell Slices[I, N]:
    input x: [I]
    state S: [N, I]
    state s: [4, I] = ones([4, I])
    total = zeros([I])
    for k in 0..4:
        s'[k] = s[k] + x * k
        total = total + s[k]
        if k % 2 == 0:
            y[k] = s[k]
        else:
            y[k] = -s[k]
    S' = S + expand(total, 0)
    output y, S'
"""


def test_slices_of_a_state_and_rebinding() -> None:
    cell = Cell(SLICES, I=2, N=3)
    s, S = np.ones((B, 4, 2)), np.zeros((B, 3, 2))
    sign = np.array([1, -1, 1, -1])[:, None]
    for t in range(T):
        close(cell.output("y")[t], s * sign)
        S = S + s.sum(1)[:, None]
        s = s + cell["x"][t][:, None] * np.arange(4)[:, None]
        close(cell.output("S")[t], S)


INNER = """
cell Pair[I, H = I](scale = 1.0, act = tanh):
    require H >= 1, "a size"
    input x, z: [I]
    param w: [I] = uniform(0, 1) * scale
    state h: [H] = h0
    param h0: [H] = ones
    a = linear(x * w + z, H)
    h' = act(a * scale + h)
    twice = 2 * h'
    output h', twice

cell Outer[I, H](gain = 0.5):
    input x: [I]
    state h: [H]
    sub p = Pair[I, H](scale=gain * 2, act=relu)
    old = p.h
    y, t = p(z=x, x=x)
    h' = h + old + p.h' - y + t
    output h'
"""


def test_inner_cells() -> None:
    text = INNER.replace("    state h: [H] = h0\n    param h0: [H] = ones\n",
                         "    param h0: [H] = ones\n    state h: [H] = h0\n")  # fmt: skip
    cell = Cell(text, cell="Outer", leaves={"gain": 0.5}, I=3, H=4)
    inner, h = np.broadcast_to(cell["p.h0"], (B, 4)), np.zeros((B, 4))
    for t in range(T):
        x = cell["x"][t]
        old = inner
        inner = np.maximum((x * cell["p.w"] + x) @ cell["p.a.W_0"] + cell["p.a.b"] + inner, 0)
        h = h + old + 2 * inner
        close(cell.output("h")[t], h)
    assert [p.name for p in cell.spec.params] == ["p.w", "p.h0", "p.a.W_0", "p.a.b"]


def test_a_computed_hyperparameter_reaches_initial_values() -> None:
    text = INNER.replace("    state h: [H] = h0\n    param h0: [H] = ones\n",
                         "    param h0: [H] = ones\n    state h: [H] = h0\n")  # fmt: skip
    _, spec = lower(text, "Outer")
    nodes = {n.name: n for n in spec.initial}
    start = nodes[str(spec.params[0].value)]
    reached, waiting = set(), [start.name]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += nodes[name].args if name in nodes else ()
    assert "gain" in reached


def test_states_of_inner_cells_follow_the_own_ones() -> None:
    text = """
cell A[H]:
    input x: [H]
    state a: [H]
    a' = tanh(x + a)
    output a'

cell M[H]:
    input x: [H]
    sub first = A[H]
    sub second = A[H]
    state m: [H]
    z = second(x)
    y = first(x)
    m' = y + z + m
    output m'

cell Top[H]:
    input x: [H]
    sub l = M[H]
    sub r = M[H]
    state t: [H]
    z = r(x)
    y = l(x)
    t' = y + z + t
    output t'
"""
    _, spec = lower(text, "Top")
    assert [s.name for s in spec.states] == [
        "t", "l.m", "l.first.a", "l.second.a", "r.m", "r.first.a", "r.second.a",
    ]  # fmt: skip


def test_hyperparameters_without_defaults() -> None:
    text = """
cell C[H](act, depth, rate, flag):
    input x: [H]
    a = x
    for k in 0..depth:
        a = act(a) * rate
    if flag:
        y = a
    else:
        y = 2 * a
    output y
"""
    assert codes(text) == []
    with pytest.raises(CellError, match="decides the structure"):
        lower(text)
    _, spec = lower(text, act="relu", depth=2, flag=True)
    assert [(h.name, h.kind, h.value, h.fixed) for h in spec.hypers] == [
        ("act", "function", "relu", True),
        ("depth", "integer", 2, True),
        ("rate", "real", None, False),
        ("flag", "boolean", True, True),
    ]


def test_a_function_of_the_file_as_hyperparameter() -> None:
    text = """
def twice(v) = 2 * v

cell C[H](act = twice):
    input x: [H]
    y = act(x)
    output y
"""
    cell = Cell(text, H=2)
    close(cell.output("y"), 2 * cell["x"])
    assert Cell(text, {"act": "gelu"}, H=2).spec.hypers[0].value == "gelu"


def test_functions_take_functions_and_sizes() -> None:
    text = """
def apply(g, v: [N], M):
    a = concat([v, zeros([M])])
    b = g(a)
    return b, sum(b)

cell C[H]:
    input x: [H]
    y, s = apply(sigmoid, x, 2*H)
    output y, s
"""
    cell = Cell(text, H=2)
    assert cell.output("y").shape == (T, B, 6)
    close(cell.output("y")[..., 2:], np.full((T, B, 4), 0.5))


def test_constant_outputs_and_states() -> None:
    text = """
cell C[H](k = 2.0):
    input x: [H]
    state h: [H]
    param p: [H]
    y = p * k
    h' = ones([H]) * 3
    n = H / 2
    output y, h', n, x
"""
    cell = Cell(text, leaves={"k": 2.0}, H=3)
    close(cell.output("y"), np.broadcast_to(cell["p"] * 2, (T, B, 3)))
    close(cell.final("h"), np.full((B, 3), 3.0))
    close(cell.output("n"), np.full((T, B), 1.5))


def test_an_infinite_start() -> None:
    text = """
cell C[H](clip_at = inf):
    input x: [H]
    state m: [H] = -inf
    m' = max(m, x)
    if clip_at < inf:
        y = clip(m', -clip_at, clip_at)
    else:
        y = m'
    output y
"""
    assert codes(text) == []
    cell = Cell(text, H=2)
    close(cell.output("y")[-1], cell["x"].max(0))
    limited = Cell(text, {"clip_at": 0.5}, H=2)
    close(limited.output("y")[-1], np.clip(limited["x"].max(0), -0.5, 0.5))


def test_branches_that_the_default_does_not_reach() -> None:
    text = """
cell C[H](depth = 2):
    input x: [H]
    a = x
    for k in 0..depth:
        a = tanh(a)
    if depth > 4:
        a2 = foo
    else:
        a2 = a
    output a2
"""
    assert messages(text) == ["`foo` is not defined"]
    assert codes(text.replace("foo", "a * 2")) == []
