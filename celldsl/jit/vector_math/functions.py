"""Elementary functions that LLVM vectorises.  In: a float32 or float64.  Out: the same type.

    for j in range(H):
        h[j] = sigmoid(o[j]) * tanh(c[j])

exp, expm1, log, log1p, tanh, sigmoid, softplus, erf, sin, cos, tan, atan, sqrt, floor, round_even,
bfloat16, power(x, y), hypot(x, y), copysign(x, y).  They also work in plain Python, on numbers and
arrays of NumPy's.

Results are within 4 units of the last place over the whole range, subnormal ones too, and exact
at infinities; NaN gives NaN.  sin, cos and tan: for |x| up to 1e5; farther out they lose digits and
stay bounded.  Without fused products they lose digits earlier, and so does power.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
from llvmlite import ir

from celldsl.jit.lowering.emit import known_function
from celldsl.jit.vector_math.arithmetic import (
    Number,
    Real,
    Traced,
    floor_of,
    root,
    rounded,
    with_sign,
)
from celldsl.jit.vector_math.coefficients import DOUBLE, SINGLE, Table
from celldsl.jit.vector_math.formulas import (
    atan_formula,
    bfloat16_formula,
    cos_formula,
    erf_formula,
    exp_formula,
    expm1_formula,
    hypot_formula,
    log1p_formula,
    log_formula,
    power_formula,
    sigmoid_formula,
    sin_formula,
    softplus_formula,
    tan_formula,
    tanh_formula,
)

Formula = Callable[..., Real]


def _elementary_value(formula: Formula, *arguments: Number) -> Real:
    single = np.result_type(*map(np.asarray, arguments)) == np.float32
    numbers = [np.asarray(a, np.float32 if single else np.float64)[()] for a in arguments]
    with np.errstate(all="ignore"):
        return formula(*numbers, SINGLE if single else DOUBLE)


def _root_formula(x: Real, _: Table) -> Real:
    return root(x)


def _floor_formula(x: Real, _: Table) -> Real:
    return floor_of(x)


def _round_formula(x: Real, _: Table) -> Real:
    return rounded(x)


def _copysign_formula(x: Real, y: Real, _: Table) -> Real:
    return with_sign(x, y)


def exp(x: Number) -> Real:
    return _elementary_value(exp_formula, x)


def expm1(x: Number) -> Real:
    return _elementary_value(expm1_formula, x)


def log(x: Number) -> Real:
    return _elementary_value(log_formula, x)


def log1p(x: Number) -> Real:
    return _elementary_value(log1p_formula, x)


def tanh(x: Number) -> Real:
    return _elementary_value(tanh_formula, x)


def sigmoid(x: Number) -> Real:
    return _elementary_value(sigmoid_formula, x)


def softplus(x: Number) -> Real:
    return _elementary_value(softplus_formula, x)


def erf(x: Number) -> Real:
    return _elementary_value(erf_formula, x)


def sin(x: Number) -> Real:
    return _elementary_value(sin_formula, x)


def cos(x: Number) -> Real:
    return _elementary_value(cos_formula, x)


def tan(x: Number) -> Real:
    return _elementary_value(tan_formula, x)


def atan(x: Number) -> Real:
    return _elementary_value(atan_formula, x)


def power(x: Number, y: Number) -> Real:
    """x ** y, with the answers of C's pow at zeros, infinities and negative numbers."""
    return _elementary_value(power_formula, x, y)


def hypot(x: Number, y: Number) -> Real:
    """The root of x * x + y * y, also where the squares leave the range."""
    return _elementary_value(hypot_formula, x, y)


def copysign(x: Number, y: Number) -> Real:
    """The magnitude of x with the sign of y."""
    return _elementary_value(_copysign_formula, x, y)


def sqrt(x: Number) -> Real:
    return _elementary_value(_root_formula, x)


def floor(x: Number) -> Real:
    return _elementary_value(_floor_formula, x)


def round_even(x: Number) -> Real:
    """To the nearest integer, halves to the even one."""
    return _elementary_value(_round_formula, x)


def bfloat16(x: Number) -> Real:
    """To the nearest bfloat16, halves to the even one; denormal numbers to zeros."""
    return _elementary_value(bfloat16_formula, x)


FORMULAS: dict[Formula, Formula] = {
    exp: exp_formula, expm1: expm1_formula, log: log_formula, log1p: log1p_formula,
    tanh: tanh_formula, sigmoid: sigmoid_formula, softplus: softplus_formula, erf: erf_formula,
    sin: sin_formula, cos: cos_formula, tan: tan_formula, atan: atan_formula, power: power_formula,
    sqrt: _root_formula, floor: _floor_formula, round_even: _round_formula,
    hypot: hypot_formula, copysign: _copysign_formula, bfloat16: bfloat16_formula,
}  # fmt: skip


def elementary_function(
    module: ir.Module, function: Formula, kind: ir.Type, count: int
) -> ir.Function:
    """One function for a module, so that its text stays short; LLVM puts it where it is called."""
    single = isinstance(kind, ir.FloatType)
    function_type = ir.FunctionType(kind, [kind] * count)
    full_name = f"celldsl_{function.__name__}_{'f32' if single else 'f64'}"
    made = known_function(module, function_type, full_name)
    if not made.blocks:
        made.linkage = "internal"
        made.attributes.add("alwaysinline")
        builder = ir.IRBuilder(made.append_basic_block("entry"))
        numbers = [Traced(builder, argument) for argument in made.args]
        result = FORMULAS[function](*numbers, SINGLE if single else DOUBLE)
        builder.ret(cast("Traced", result).value)
    return made
