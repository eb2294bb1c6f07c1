"""Complex numbers mean what NumPy's complex arithmetic gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import celldsl
from tests.semantics.lowering import B, Cell, T, close, codes, initialisers, params

HEAD = """
cell C[N, M]:
    input z, w: complex[N]
    input x: [N]
    input s: complex
    param A: complex[M, N]
    param U: [M, N]
    param E: complex[N, M]
    require N > 2, "there is something to cut"
    y = {}
    output y
"""
N, M = 3, 2


def pairs(array: Any) -> Any:
    """The complex numbers that an array with a last axis of 2 keeps."""
    assert array.shape[-1] == 2
    return array[..., 0] + 1j * array[..., 1]


def matmul(a: Any, v: Any) -> Any:
    return np.einsum("mn,...n->...m", a, v)


# What is written, and what it is of z, w, x, s, A, U, E.  Leading axes are time and batch.
COMPLEX: list[tuple[str, Callable[..., Any]]] = [
    ("z + w", lambda v: v.z + v.w),
    ("z - x", lambda v: v.z - v.x),
    ("x - z", lambda v: v.x - v.z),
    ("-z", lambda v: -v.z),
    ("z * w", lambda v: v.z * v.w),
    ("z * x * 2", lambda v: v.z * v.x * 2),
    ("s * z", lambda v: v.s[..., None] * v.z),
    ("z + s", lambda v: v.z + v.s[..., None]),
    ("z / w", lambda v: v.z / v.w),
    ("z / x", lambda v: v.z / v.x),
    ("x / w", lambda v: v.x / v.w),
    ("1 / w", lambda v: 1 / v.w),
    ("1i * z", lambda v: 1j * v.z),
    ("x + 0.5i", lambda v: v.x + 0.5j),
    ("3i * 2i * z", lambda v: -6 * v.z),
    ("x * 1e-2i", lambda v: v.x * 0.01j),
    ("exp(z)", lambda v: np.exp(v.z)),
    ("exp(1i * x)", lambda v: np.exp(1j * v.x)),
    ("exp(-exp(x) + 1i * x)", lambda v: np.exp(-np.exp(v.x) + 1j * v.x)),
    ("conj(z)", lambda v: v.z.conj()),
    ("conj(1i * x)", lambda v: -1j * v.x),
    ("z ** 0 + 0i", lambda v: v.z**0),
    ("z ** 1", lambda v: v.z),
    ("z ** 2", lambda v: v.z**2),
    ("z ** 5", lambda v: v.z**5),
    ("square(z)", lambda v: v.z**2),
    ("(1i * x) ** 2 + 0i", lambda v: -(v.x**2) + 0j),
    ("log(z)", lambda v: np.log(v.z)),
    ("log(-1i * x)", lambda v: np.log(-1j * v.x)),
    ("log(0i - abs(x))", lambda v: np.log(-abs(v.x) + 0j)),
    ("sqrt(z)", lambda v: np.sqrt(v.z)),
    ("sqrt(0i - abs(x))", lambda v: np.sqrt(-abs(v.x) + 0j)),
    ("sqrt(z * 0)", lambda v: 0 * v.z),
    ("(z * 0) ** 1.5", lambda v: 0 * v.z),
    ("(z * 0) ** (abs(x) + 0.1 + 1i)", lambda v: 0 * v.z),
    ("(z * 0) ** (w * 0)", lambda v: 0 * v.z + 1),
    ("1 / sqrt(w)", lambda v: 1 / np.sqrt(v.w)),
    ("sin(z)", lambda v: np.sin(v.z)),
    ("cos(z)", lambda v: np.cos(v.z)),
    ("tan(z)", lambda v: np.tan(v.z)),
    ("tanh(z)", lambda v: np.tanh(v.z)),
    ("tanh(300 * z + 400)", lambda v: np.tanh(300 * v.z + 400)),
    ("tanh(1i * x)", lambda v: np.tanh(1j * v.x)),
    ("z ** 0.5", lambda v: v.z**0.5),
    ("z ** -1.5", lambda v: v.z**-1.5),
    ("z ** 65", lambda v: v.z**65),
    ("z ** x", lambda v: v.z**v.x),
    ("z ** w", lambda v: v.z**v.w),
    ("2 ** z", lambda v: 2**v.z),
    ("x ** z", lambda v: (v.x + 0j) ** v.z),
    ("s ** w", lambda v: v.s[..., None] ** v.w),
    ("A @ z", lambda v: matmul(v.A, v.z)),
    ("A @ x", lambda v: matmul(v.A, v.x)),
    ("U @ z", lambda v: matmul(v.U, v.z)),
    ("z @ E", lambda v: matmul(v.E.T, v.z)),
    ("outer(z, w)", lambda v: v.z[..., :, None] * v.w[..., None, :]),
    ('einsum("i,ij,j->i", z, E, A @ w)', lambda v: v.z * matmul(v.E, matmul(v.A, v.w))),
    ("concat([z, x])", lambda v: np.concatenate([v.z, v.x + 0j], -1)),
    ("concat([x, 1i * x, w])", lambda v: np.concatenate([v.x + 0j, 1j * v.x, v.w], -1)),
    ("z[0:2]", lambda v: v.z[..., :2]),
    ("roll(z, 1)", lambda v: np.roll(v.z, 1, -1)),
    ("reshape(z, [N, 1]) * 2", lambda v: 2 * v.z[..., None]),
    ("expand(z, 0) * transpose(E)", lambda v: v.z[..., None, :] * v.E.T),
    ("cumsum(z)", lambda v: np.cumsum(v.z, -1)),
    ("where(x > 0, z, w)", lambda v: np.where(v.x > 0, v.z, v.w)),
    ("where(x > 0, z, 0)", lambda v: np.where(v.x > 0, v.z, 0)),
    ("where(x > 0, x, 1i)", lambda v: np.where(v.x > 0, v.x, 1j)),
    ("stop_gradient(z)", lambda v: v.z),
    ("scale_gradient(z, 2)", lambda v: v.z),
    ("surrogate(z, x)", lambda v: v.z),
    ("dropout(z, 0.5)", lambda v: v.z),
    ("zoneout(z, w, 0.25)", lambda v: 0.25 * v.w + 0.75 * v.z),
    ("normalize(z)", lambda v: v.z / np.linalg.norm(v.z, axis=-1, keepdims=True)),
    ("sum(z) + 0 * x", lambda v: v.z.sum(-1, keepdims=True) + 0 * v.x),
    ("mean(z) * z", lambda v: v.z.mean(-1, keepdims=True) * v.z),
    ("sum(for k in 0..3: z * k * 1i)", lambda v: 3j * v.z),
    ("product(for k in 1..3: z + k)", lambda v: (v.z + 1) * (v.z + 2)),
    ("dot(z, w) * z", lambda v: (v.z * v.w).sum(-1, keepdims=True) * v.z),
]
REAL: list[tuple[str, Callable[..., Any]]] = [
    ("real(z)", lambda v: v.z.real),
    ("imag(z)", lambda v: v.z.imag),
    ("abs(z)", lambda v: abs(v.z)),
    ("abs(1i * x)", lambda v: abs(v.x)),
    ("abs(z) ** 2", lambda v: abs(v.z) ** 2),
    ("real(z * conj(z))", lambda v: abs(v.z) ** 2),
    ("real(x) + imag(x) + conj(x)", lambda v: 2 * v.x),
    ("real(1i * x)", lambda v: 0 * v.x),
    ("imag(1i * x)", lambda v: v.x),
    ("real(A @ z)", lambda v: matmul(v.A, v.z).real),
    ("norm(z) * x", lambda v: np.linalg.norm(v.z, axis=-1, keepdims=True) * v.x),
    ("real(dot(conj(z), w)) * x", lambda v: (v.z.conj() * v.w).sum(-1, keepdims=True).real * v.x),
    ("where(abs(z) > 1, x, 0)", lambda v: np.where(abs(v.z) > 1, v.x, 0)),
]


class Values:
    """The leaves of a cell as NumPy's complex and real arrays."""

    def __init__(self, cell: Cell) -> None:
        self.x, self.U = cell["x"], cell["U"]
        self.z, self.w, self.s, self.A, self.E = (pairs(cell[k]) for k in "zwsAE")


@pytest.mark.parametrize(("written", "means"), COMPLEX, ids=[text for text, _ in COMPLEX])
def test_a_complex_value(written: str, means: Callable[..., Any]) -> None:
    cell = Cell(HEAD.format(written), N=N, M=M)
    found, expected = pairs(cell.output("y")), means(Values(cell))
    close(found, np.broadcast_to(expected, found.shape))


@pytest.mark.parametrize(("written", "means"), REAL, ids=[text for text, _ in REAL])
def test_a_real_value(written: str, means: Callable[..., Any]) -> None:
    cell = Cell(HEAD.format(written), N=N, M=M)
    close(cell.output("y"), means(Values(cell)))


@pytest.mark.parametrize("exponent", ["1.5", "0.5", "q", "(q + 0.5i)"])
def test_a_power_of_zero_sends_nothing_back(exponent: str) -> None:
    """As PyTorch has it; the logarithm's infinite slope times 0 would be NaN."""
    text = f"""
cell Power[N]:
    input z: complex[N]
    param q: [N] = constant(1.5)
    y = z ** {exponent}
    output y
"""
    cell = celldsl.compile_source(text)(N=2, dtype="float64")
    z = np.zeros((1, 1, 2, 2))
    z[..., 1, 0] = 0.7
    y, _, tape = cell.forward(z)
    found = cell.backward(tape, np.ones_like(y))
    assert not y[..., 0, :].any()
    assert not found.inputs["z"][..., 0, :].any()
    assert found.inputs["z"][..., 1, :].any()
    if "q" in exponent:
        assert found.params["q"][0] == 0.0
        assert found.params["q"][1] != 0.0


def test_states_carry_both_parts() -> None:
    """LRU as its paper prints it, against the same lines in NumPy."""
    cell = Cell(
        """
cell LRU[I, N]:
    input x: [I]
    param ν, θ, γ: [N]
    param B: complex[N, I]
    param C: complex[I, N]
    state h: complex[N] = 0.5i
    λ  = exp(-exp(ν) + 1i * exp(θ))
    h' = λ * h + exp(γ) * (B @ x)
    y  = real(C @ h')
    output y, h'
""",
        I=3,
        N=4,
    )
    lam = np.exp(-np.exp(cell["nu"]) + 1j * np.exp(cell["theta"]))

    def step(t: int, h: Any) -> tuple[Any, tuple[Any]]:
        h = lam * h + np.exp(cell["gamma"]) * matmul(pairs(cell["B"]), cell["x"][t])
        return matmul(pairs(cell["C"]), h).real, (h,)

    y, (h,) = cell.loop(step, h=np.full((B, 4), 0.5j))
    close(cell.output("y"), y)
    close(pairs(cell.final("h")), h)


def test_linear_of_a_complex_value_has_complex_blocks() -> None:
    text = """
cell C[I, N]:
    input x: [I]
    state z: complex[N]
    z' = linear([x, z], N)
    y = linear(real(z'), 2)
    output y
"""
    assert params(text) == {
        "z.W_x": "I, N, 2", "z.W_z": "N, N, 2", "z.b": "N, 2", "y.W_0": "N, 2", "y.b": "2"
    }  # fmt: skip
    cell = Cell(text, I=2, N=3)

    def step(t: int, z: Any) -> tuple[Any, tuple[Any]]:
        z = cell["x"][t] @ pairs(cell["z.W_x"]) + z @ pairs(cell["z.W_z"]) + pairs(cell["z.b"])
        return z.real @ cell["y.W_0"] + cell["y.b"], (z,)

    close(cell.output("y"), cell.loop(step, z=np.zeros((B, 3), complex))[0])


def test_blocks_of_groups_and_kernels_are_complex_too() -> None:
    text = """
cell C[N]:
    input z: complex[2*N]
    a = group_linear(z, 4, 2, bias=false)
    b = conv(reshape(z, [2, N]), 3, 1)
    output a, b
"""
    assert params(text) == {"a.W_z": "2, N, 2, 2", "b.W_0": "3, 2, 1, 2", "b.b": "3, 2"}
    cell = Cell(text, N=3)
    z = pairs(cell["z"])
    groups = np.einsum("tbgi,gij->tbgj", z.reshape(T, B, 2, 3), pairs(cell["a.W_z"]))
    close(pairs(cell.output("a")), groups.reshape(T, B, 4))
    kernel = pairs(cell["b.W_0"])[:, :, 0]
    line = np.einsum("oc,tbcl->tbol", kernel, z.reshape(T, B, 2, 3))
    close(pairs(cell.output("b")), line + pairs(cell["b.b"])[:, None])


def test_slices_loops_branches_functions_and_inner_cells_take_them() -> None:
    cell = Cell(
        """
def turn(v, by) = v * exp(1i * by)

cell Inner[N]:
    input u: complex[N]
    state q: complex[N]
    q' = 0.5 * q + u
    output q'

cell Outer[N, K=2](turned = true):
    input x: [N]
    input z: complex[N]
    state m: complex[K, N]
    sub g = Inner[N]

    a = x + 0i
    for k in 0..3:
        a = turn(a, 0.1 * k) + z
    if turned:
        b = g(1i * a)
    else:
        b = g(a)
    for k in 0..K:
        m'[k] = m[k] * 0.5i + b * k
    y = m'[1] + g.q'
    output y
""",
        cell="Outer",
        N=2,
    )

    def step(t: int, m: Any, q: Any) -> tuple[Any, tuple[Any, Any]]:
        a = cell["x"][t] + 0j
        for k in range(3):
            a = a * np.exp(0.1j * k) + pairs(cell["z"])[t]
        q = 0.5 * q + 1j * a
        m = m * 0.5j + q[:, None] * np.arange(2)[:, None]
        return m[:, 1] + q, (m, q)

    zeros = np.zeros((B, 2, 2), complex)
    close(pairs(cell.output("y")), cell.loop(step, m=zeros, q=zeros[:, 0])[0])


def test_integers_pick_complex_rows() -> None:
    cell = Cell(
        """
cell C[V, N]:
    input k: int[V]
    param E: complex[V, N]
    y = E[k]
    output y
""",
        leaves={"k": np.array([[0, 1], [2, 2], [1, 0]])},
        V=3,
        N=2,
    )
    close(pairs(cell.output("y")), pairs(cell["E"])[cell["k"].astype(int)])


STARTS = """
cell C[N]:
    input x: [N]
    param a: [N] = uniform(0, 1)
    param B: complex[N, N] = {}
    state z: complex[N]
    z' = B @ z + a * x
    output z'
"""


@pytest.mark.parametrize(
    "start", ["normal(0.1) + 1i * normal(0.2)", "exp(1i * a)", "zeros", "eye(N)", "2.0", "1 - 2i"]
)
def test_what_complex_parameters_begin_with(start: str) -> None:
    assert codes(STARTS.format(start)) == []
    assert initialisers(STARTS.format(start))["B"] in ("concat", "broadcast")


def test_existing_names_stay_legal() -> None:
    text = """
def conj(v) = 2 * v

cell complex[N](imag = 1.0):
    input real, i: [N]
    param int: [N]
    j = conj(real) * imag + i * int
    output j
"""
    assert codes(text) == []
