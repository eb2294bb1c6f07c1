"""Zeros keep their signs, as in NumPy: in kernels, in plain code, and ahead of time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.ir.builder import Builder
from celldsl.targets.reference import evaluate
from celldsl.transforms.cse import cse
from celldsl.transforms.fold_constants import fold_constants
from tests.end_to_end.subject import Subject, subject_of
from tests.programs import Cell, H
from tests.targets.compare import TARGETS, flat_gradients
from tests.targets.written import Values, written


def complex_of(real: Any, imag: Any) -> Any:
    found = np.empty(np.shape(real), complex)
    found.real, found.imag = real, imag
    return found


# What is written of x, y (numbers) and b (truth values), and what it is.
EXACT: dict[str, tuple[str, Callable[[Any, Any, Any], Any]]] = {
    "below": ("where(b, -0.0, x)", lambda x, y, b: np.where(b, -0.0, x)),
    "above": ("where(b, 0.0, x)", lambda x, y, b: np.where(b, 0.0, x)),
    "either": ("where(b, -0.0, 0.0)", lambda x, y, b: np.where(b, -0.0, 0.0)),
    "more": ("x + 0.0", lambda x, y, b: x + 0.0),
    "same": ("x + -0.0", lambda x, y, b: x),
    "less": ("x - 0.0", lambda x, y, b: x),
    "other": ("0.0 - x", lambda x, y, b: 0.0 - x),
    "turned": ("-0.0 - x", lambda x, y, b: -x),
    "minus": ("-x", lambda x, y, b: -x),
    "times": ("x * 0.0", lambda x, y, b: x * 0.0),
    "against": ("x * -0.0", lambda x, y, b: x * -0.0),
    "twice": ("x + x", lambda x, y, b: x + x),
    "apart": ("x - x", lambda x, y, b: x - x),
    "product": ("x * y", lambda x, y, b: x * y),
    "size": ("abs(x)", lambda x, y, b: abs(x)),
    "sign": ("sign(x)", lambda x, y, b: np.sign(x)),
    "down": ("floor(x)", lambda x, y, b: np.floor(x)),
    "near": ("round(x * 0.25)", lambda x, y, b: np.rint(x * 0.25)),
    "odd": ("tanh(x) * 1", lambda x, y, b: np.tanh(x)),
    "sine": ("sin(x)", lambda x, y, b: np.sin(x)),
    "tangent": ("tan(x)", lambda x, y, b: np.tan(x)),
    "expm1": ("expm1(x)", lambda x, y, b: np.expm1(x)),
    "log1p": ("log1p(x * 0.25)", lambda x, y, b: np.log1p(x * 0.25)),
    "elu": ("elu(x)", lambda x, y, b: np.where(x > 0, x, np.expm1(x))),
    "first": ("round(-0.25) + 0 * abs(x)", lambda x, y, b: -0.0 + 0 * abs(x)),
    "root_real": ("real(sqrt(x + 1i * y))", lambda x, y, b: np.sqrt(complex_of(x, y)).real),
    "root_imag": ("imag(sqrt(x + 1i * y))", lambda x, y, b: np.sqrt(complex_of(x, y)).imag),
    "angle": ("imag(log(x + 1i * y))", lambda x, y, b: np.arctan2(y, x)),
    "conjugate": (
        "imag(log(conj(x + 1i * y)))", lambda x, y, b: np.arctan2(-y, x),
    ),
}  # fmt: skip
TEXT = f"""
cell Main[N]:
    input x, y: [N]
    input b: bool[N]

    {chr(10).join(f"    {name} = {text}" for name, (text, _) in EXACT.items()).strip()}

    output {", ".join(EXACT)}
"""
NUMBERS = (0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 0.75, -0.75)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    path = tmp_path_factory.mktemp("signs") / "signs.cell"
    path.write_text(TEXT, encoding="utf-8")
    return subject_of(path)


def drawn() -> dict[str, Any]:
    """All pairs of numbers, with both truth values, at one step."""
    x, y, b = np.meshgrid(NUMBERS, NUMBERS, [True, False])
    return {"x": x.ravel()[None, None], "y": y.ravel()[None, None], "b": b.ravel()[None, None]}


def check(found: Any, without: Collection[str] = ()) -> None:
    inputs = drawn()
    for name, (text, exact) in EXACT.items():
        if name in without:
            continue
        wanted = np.broadcast_to(exact(inputs["x"], inputs["y"], inputs["b"]), found[name].shape)
        np.testing.assert_allclose(found[name], wanted, rtol=1e-6, atol=1e-15, err_msg=text)
        np.testing.assert_array_equal(np.signbit(found[name]), np.signbit(wanted), err_msg=text)


def test_the_reference(subject: Subject) -> None:
    inputs = drawn()
    run = evaluate(subject.program, inputs, {"N": inputs["x"].size}, 1, 1)
    check({name: run.results["output", name] for name in EXACT})


@pytest.mark.parametrize(("dtype", "engine"), [("float64", "llvm"), ("float32", "llvm"),
                                               ("float64", "numba")])  # fmt: skip
def test_kernels(subject: Subject, dtype: str, engine: str) -> None:
    inputs = drawn()
    cell = celldsl.compile_source(TEXT)(N=inputs["x"].size, dtype=dtype, engine=engine)
    y = cell.forward({k: v if v.dtype == bool else v.astype(dtype) for k, v in inputs.items()})[0]
    check(dict(zip(EXACT, y, strict=True)))


@pytest.mark.parametrize("target", TARGETS)
def test_plain_code(target: str, subject: Subject) -> None:
    pytest.importorskip(target)
    inputs = drawn()
    dy = {name: np.ones_like(inputs["x"]) for name in EXACT}
    dims = {"N": inputs["x"].size}
    module = written(subject, target)
    found = flat_gradients(target, module, subject, dims, Values(), inputs, {}, dy, {})
    # XLA takes x for x + 0, and JAX's sign of -0.0 is -0.0.
    without = ("more", "sign") if target == "jax" else ()
    check({name: found[f"output {name}"] for name in EXACT}, without)


def test_zeros_of_two_signs_are_two_numbers() -> None:
    c = Cell(input_x=(H,))
    x = c["x"]
    below = x.op("lt", 1.0).where(0.0, x)
    p = c.program({"a": below, "b": x.op("lt", 1.0).where(-0.0, x)}, {})
    for better in (cse(p), fold_constants(cse(p))):
        assert len({result.value for result in better.results}) == 2
    b = Builder()
    assert b.number(0.0) == b.number(0.0) != b.number(-0.0)
