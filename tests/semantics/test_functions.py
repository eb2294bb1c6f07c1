"""Every builtin function against NumPy, and how the functions behave at their edges."""

from __future__ import annotations

from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np
import pytest

from celldsl.ir.ops.table import OPS
from celldsl.runtime import numerics
from celldsl.semantics.builtins.table import FUNCTIONS, PRELUDE, definition_of
from tests.semantics.lowering import Cell, close, codes, sigmoid

TEXT = """
cell F[N, M]:
    input x, z: [N]
    input A: [M, N]
    input s: []
    y = {}
    output y{}
"""
ERF = np.vectorize(erf)


def value_of(expression: str, **leaves: Any) -> tuple[Any, Cell]:
    """The value of an expression at all steps, and the cell for its inputs."""
    unused = [name for name in ("x", "z", "A", "s") if name not in expression]
    rest = "".join(f", {name}" for name in unused)
    cell = Cell(TEXT.format(expression, rest), N=4, M=3, leaves=leaves)
    return cell.output("y"), cell


UNARY: dict[str, Callable[[Any], Any]] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda v: np.maximum(v, 0),
    "leaky_relu": lambda v: np.where(v > 0, v, 0.01 * v),
    "elu": lambda v: np.where(v > 0, v, np.expm1(v)),
    "selu": lambda v: 1.0507009873554805 * np.where(v > 0, v, 1.6732632423543772 * np.expm1(v)),
    "gelu": lambda v: 0.5 * v * (1 + ERF(v / np.sqrt(2))),
    "silu": lambda v: v * sigmoid(v),
    "softplus": lambda v: np.log1p(np.exp(v)),
    "logsigmoid": lambda v: np.log(sigmoid(v)),
    "hard_sigmoid": lambda v: np.clip(v / 6 + 0.5, 0, 1),
    "hard_tanh": lambda v: np.clip(v, -1, 1),
    "softsign": lambda v: v / (1 + np.abs(v)),
    "exp": np.exp,
    "expm1": np.expm1,
    "square": np.square,
    "abs": np.abs,
    "sign": np.sign,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "atan": np.arctan,
    "erf": ERF,
    "floor": np.floor,
    "round": np.rint,
    "step": lambda v: (v > 0) * 1.0,
}


@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str) -> None:
    found, cell = value_of(f"{name}(x)")
    close(found, UNARY[name](cell["x"]))


def soft(v: Any, axis: int = -1) -> Any:
    grown = np.exp(v - v.max(axis, keepdims=True))
    return grown / grown.sum(axis, keepdims=True)


# The expression, and its value from the cell's inputs x, z [N], A [M, N], s [].
OTHERS: list[tuple[str, Callable[[Any, Any, Any, Any], Any]]] = [
    ("log(abs(x))", lambda x, z, A, s: np.log(np.abs(x))),
    ("log1p(abs(x))", lambda x, z, A, s: np.log1p(np.abs(x))),
    ("sqrt(abs(x))", lambda x, z, A, s: np.sqrt(np.abs(x))),
    ("rsqrt(abs(x))", lambda x, z, A, s: 1 / np.sqrt(np.abs(x))),
    ("leaky_relu(x, slope=0.3)", lambda x, z, A, s: np.where(x > 0, x, 0.3 * x)),
    ("mod(x, 0.7)", lambda x, z, A, s: np.mod(x, 0.7)),
    ("x % 0.7", lambda x, z, A, s: np.mod(x, 0.7)),
    ("max(x, z)", lambda x, z, A, s: np.maximum(x, z)),
    ("min(x, 0)", lambda x, z, A, s: np.minimum(x, 0)),
    ("max(A)", lambda x, z, A, s: A.max(-1)),
    ("min(A, axis=0)", lambda x, z, A, s: A.min(-2)),
    ("clip(x, -0.5, z)", lambda x, z, A, s: np.where(x < -0.5, -0.5, np.where(x > z, z, x))),
    ("where(x > z and not (s > 0), x, s)",
     lambda x, z, A, s: np.where((x > z) & ~(s > 0)[..., None], x, s[..., None])),
    ("where(x <= z or x == z, 1, A)", lambda x, z, A, s: np.where((x <= z)[..., None, :], 1, A)),
    ("where(x != z, x, z)", lambda x, z, A, s: x),
    ("x ** 2 - -x ** 3", lambda x, z, A, s: x**2 + x**3),
    ("2 ** s + s / 4", lambda x, z, A, s: 2**s + s / 4),
    ("+x * N / (M + 1)", lambda x, z, A, s: x * 4 / 4),
    ("x / (N / M)", lambda x, z, A, s: x / (4 / 3)),
    ("A @ x", lambda x, z, A, s: np.einsum("tbmn,tbn->tbm", A, x)),
    ("x @ transpose(A)", lambda x, z, A, s: np.einsum("tbmn,tbn->tbm", A, x)),
    ("A @ transpose(A)", lambda x, z, A, s: A @ np.swapaxes(A, -1, -2)),
    ("x @ z", lambda x, z, A, s: (x * z).sum(-1)),
    ("dot(x, z)", lambda x, z, A, s: (x * z).sum(-1)),
    ("outer(x, z)", lambda x, z, A, s: x[..., :, None] * z[..., None, :]),
    ("expand(A, 1) @ x", lambda x, z, A, s: np.einsum("tbmn,tbn->tbm", A, x)[..., None]),
    ("x @ expand(transpose(A), 0)",
     lambda x, z, A, s: np.einsum("tbmn,tbn->tbm", A, x)[..., None, :]),
    ("expand(A, 1) @ expand(expand(x, 0), -1)",
     lambda x, z, A, s: np.einsum("tbmn,tbn->tbm", A, x)[..., None, None]),
    ("reshape(outer(x, A[0]), [N, 1, N]) @ outer(x, z)",
     lambda x, z, A, s: np.einsum("tbi,tbj,tbj,tbk->tbik", x, A[..., 0, :], x, z)[..., None, :]),
    ('einsum("mn,n->m", A, x)', lambda x, z, A, s: np.einsum("tbmn,tbn->tbm", A, x)),
    ('einsum("mn, n, n -> nm", A, x, z)',
     lambda x, z, A, s: np.einsum("tbmn,tbn,tbn->tbnm", A, x, z)),
    ('einsum("Mn,M->n", A, A[:, 0])', lambda x, z, A, s: np.einsum("tbmn,tbm->tbn", A, A[..., 0])),
    ('einsum("mn->nm", A)', lambda x, z, A, s: np.swapaxes(A, -1, -2)),
    ('einsum("mn->", A) + einsum("->", s)', lambda x, z, A, s: A.sum((-1, -2)) + s),
    ('einsum("n,m,n->m", x, A[:, 0], z)',
     lambda x, z, A, s: (x * z).sum(-1)[..., None] * A[..., 0]),
    ('einsum("an,mn->am", expand(x, 0), A)',
     lambda x, z, A, s: np.einsum("tbmn,tbn->tbm", A, x)[..., None, :]),
    ('einsum("am,mn->mn", ones([1, M]), A)', lambda x, z, A, s: A),
    ("sum(A, axis=0)", lambda x, z, A, s: A.sum(-2)),
    ("mean(A)", lambda x, z, A, s: A.mean(-1)),
    ("norm(A)", lambda x, z, A, s: np.linalg.norm(A, axis=-1)),
    ("logsumexp(A, axis=-2)", lambda x, z, A, s: np.log(np.exp(A).sum(-2))),
    ("softmax(A)", lambda x, z, A, s: soft(A)),
    ("softmax(A, axis=0)", lambda x, z, A, s: soft(A, -2)),
    ("cumsum(A, axis=0)", lambda x, z, A, s: A.cumsum(-2)),
    ("cumprod(x)", lambda x, z, A, s: x.cumprod(-1)),
    ("concat([x, z, s])", lambda x, z, A, s: np.concatenate([x, z, s[..., None]], -1)),
    ("concat([A, expand(x, 0)], axis=0)",
     lambda x, z, A, s: np.concatenate([A, x[..., None, :]], -2)),
    ("reshape(A, [N, M])", lambda x, z, A, s: A.reshape(*A.shape[:2], 4, 3)),
    ("expand(x, 1) * z", lambda x, z, A, s: x[..., :, None] * z[..., None, :]),
    ("expand(x, -1) * z", lambda x, z, A, s: x[..., :, None] * z[..., None, :]),
    ("roll(x, 1)", lambda x, z, A, s: np.roll(x, 1, -1)),
    ("roll(A, -1, axis=0)", lambda x, z, A, s: np.roll(A, -1, -2)),
    ("zeros([N]) + ones([N]) * s", lambda x, z, A, s: s[..., None] + 0 * x),
    ("arange(2, N + 2) * x", lambda x, z, A, s: np.arange(2, 6) * x),
    ("arange(0, N) - arange(N) + x", lambda x, z, A, s: x),
    ("normalize(x)", lambda x, z, A, s: x / np.linalg.norm(x, axis=-1, keepdims=True)),
    ("normalize(A, axis=0, eps=9.0)", lambda x, z, A, s: A / np.maximum(
        np.linalg.norm(A, axis=-2, keepdims=True), 9.0)),
    ("sum(for k in 0..3: x * k)", lambda x, z, A, s: 3 * x),
    ("product(for k in 1..4: z + k)", lambda x, z, A, s: (z + 1) * (z + 2) * (z + 3)),
    ("max(for k in 0..2: where(k > 0, x, z))", lambda x, z, A, s: np.maximum(x, z)),
    ("min(for k in 0..1: sum(for j in k..3: x + j))", lambda x, z, A, s: 3 * x + 3),
    ("eye(N) @ x", lambda x, z, A, s: x),
    ("arange(N) * x", lambda x, z, A, s: np.arange(4) * x),
    ("stop_gradient(x)", lambda x, z, A, s: x),
    ("surrogate(x, z)", lambda x, z, A, s: x),
    ("clip_gradient(x, -0.1, 2)", lambda x, z, A, s: x),
    ("scale_gradient(x, z)", lambda x, z, A, s: x),
    ("dropout(x, 0.5) + dropout(z, 0.25, per=sequence)", lambda x, z, A, s: x + z),
    ("zoneout(x, z, 0.25)", lambda x, z, A, s: 0.25 * z + 0.75 * x),
    ("real(exp(1i * x)) + imag(conj(x + 1i * z))", lambda x, z, A, s: np.cos(x) - z),
    ("x[0] + A[0, 0] + s", lambda x, z, A, s: x[..., 0] + A[..., 0, 0] + s),
    ("A[0] + x", lambda x, z, A, s: A[..., 0, :] + x),
    ("A[:, 0]", lambda x, z, A, s: A[..., 0]),
    ("A[0:1, :] * x", lambda x, z, A, s: A[..., 0:1, :] * x[..., None, :]),
    ("x[:N] * z[0:]", lambda x, z, A, s: x * z),
    ("split(x, [N])", lambda x, z, A, s: x),
    ("layer_norm(x, gain=false, bias=false)",
     lambda x, z, A, s: (x - x.mean(-1, keepdims=True))
     / np.sqrt(x.var(-1, keepdims=True) + 1e-5)),
    ("rms_norm(x, gain=false, eps=0.1)",
     lambda x, z, A, s: x / np.sqrt((x**2).mean(-1, keepdims=True) + 0.1)),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), OTHERS, ids=[e for e, _ in OTHERS])
def test_value(expression: str, expected: Callable[[Any, Any, Any, Any], Any]) -> None:
    found, cell = value_of(expression)
    close(found, expected(cell["x"], cell["z"], cell["A"], cell["s"]))


# These have parameters, take integers, or stand where values begin: other tests have them.
ELSEWHERE = {"linear", "group_linear", "conv", "legendre_a", "legendre_b", "ode", "one_hot"}


def test_every_function_is_tested() -> None:
    used = " ".join([*UNARY, *(e for e, _ in OTHERS), *OF_ENTRIES])
    assert {name for name in FUNCTIONS if name not in used} == ELSEWHERE


OF_ENTRIES = {entry.function: entry for entry in OPS.values() if entry.function}


@pytest.mark.parametrize("name", OF_ENTRIES)
def test_the_function_of_an_operation_is_that(name: str) -> None:
    """What the language computes is what the entry's template does with NumPy."""
    x = np.abs(value_of("x")[1]["x"]) + 0.1
    found, _ = value_of(f"{name}(x)", x=x)
    entry = OF_ENTRIES[name]
    names = {"np": np, "numerics": numerics}
    close(found, eval(entry.value.format("x", axis=-1, reverse=False), {**names, "x": x}))


@pytest.mark.parametrize("name", PRELUDE)
def test_the_prelude_is_elementwise(name: str) -> None:
    x = np.abs(value_of("x")[1]["x"]) + 0.1
    whole, _ = value_of(f"{name}(x)", x=x)
    turned, _ = value_of(f"{name}(x)", x=x[..., ::-1])
    assert whole.shape == x.shape
    close(turned, whole[..., ::-1])


def test_the_prelude_is_what_it_says() -> None:
    for name in PRELUDE:
        definition = definition_of(name).definition
        assert definition is not None
        assert definition.name.id == name
    assert not set(PRELUDE) & set(FUNCTIONS)


def test_softmax_and_logsumexp_of_infinities() -> None:
    x = np.full((3, 2, 4), -np.inf)
    x[0, :, 1] = 2.0
    x[1, :, :2] = 1.0
    soft_found, _ = value_of("softmax(x)", x=x)
    close(soft_found[0], np.tile([0, 1, 0, 0], (2, 1)))
    close(soft_found[1], np.tile([0.5, 0.5, 0, 0], (2, 1)))
    close(soft_found[2], np.zeros((2, 4)))
    found, _ = value_of("logsumexp(x)", x=x)
    close(found[0], [2, 2])
    assert np.isneginf(found[2]).all()


def test_large_numbers_do_not_overflow() -> None:
    x = np.array([1e4, 1e4, -1e4, 0.0]) * np.ones((3, 2, 4))
    close(value_of("softmax(x)", x=x)[0][0, 0], [0.5, 0.5, 0, 0])
    close(value_of("logsumexp(x)", x=x)[0], np.full((3, 2), 1e4 + np.log(2)))


def test_split_in_equal_parts_and_along_an_axis() -> None:
    text = "cell S[N]:\n    input A: [4, 2*N]\n    a, b = split(A, 2)\n"
    text += "    c, d = split(b, [1, 3], axis=0)\n    output a, c, d\n"
    cell = Cell(text, N=3)
    close(cell.output("a"), cell["A"][..., :3])
    close(cell.output("c"), cell["A"][..., :1, 3:])
    close(cell.output("d"), cell["A"][..., 1:, 3:])


@pytest.mark.parametrize(
    "line",
    [
        "y = where(x, 1, 0)",
        "y = x[N]",
        "y = dot(x, A)",
        "y = sum(x, axis=1)",
        "y = split(x, 2)",
        "y = reshape(x, [M])",
        "y = layer_norm(1)",
        "y = x @ A",
        "y = A * outer(x, x)",
        "y = dropout(x, z)",
        "y = zeros(N)",
        "y = conv(x, 1, 1)",
        "y = max(x, z, axis=0)",
        "y = transpose(x)",
    ],
)
def test_errors(line: str) -> None:
    text = TEXT.replace("    y = {}\n", f"    {line}\n").format("")
    assert any(code.startswith("E") for code in codes(text))
