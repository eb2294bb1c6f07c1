"""Calls in stages.  In: what is called, values.  Out: instructions.

    called(code, builder, tanh, [x])

Stages call other stages, intrinsics (`lane`, `gemm`, …), elementary functions, conversions such as
`np.int64`, and `min` and `max` of integers.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from types import FunctionType
from typing import Any

import numpy as np
from numba import types

from celldsl.runtime.elementary.functions import FORMULAS, elementary_function
from celldsl.runtime.kernel import Stage
from celldsl.runtime.stages.panels import panel_width
from celldsl.runtime.stages.values import StageError, Typed, cast, constant, extreme, llvm_type

_CONVERSIONS = {
    np.int64: types.int64,
    np.uint64: types.uint64,
    np.float32: types.float32,
    np.float64: types.float64,
}


class _Target:
    """What intrinsics ask of Numba's context."""

    get_value_type = staticmethod(llvm_type)

    @staticmethod
    def get_dummy_value() -> None:
        return None


def is_elementary(function: Any) -> bool:
    return getattr(function, "stands_for", function) in FORMULAS


def called(code: Any, builder: Any, function: Any, given: Sequence[Typed]) -> Typed | None:
    """The value of a call; None where it has none."""
    function = getattr(function, "stands_for", function)
    if isinstance(function, Stage):
        return _stage(code, builder, function, given)
    if function in FORMULAS:
        return _elementary(builder, function, given)
    if function in _CONVERSIONS:
        kind = _CONVERSIONS[function]
        return Typed(kind, cast(builder, given[0], kind))
    if function in (min, max):
        order = ast.Lt if function is min else ast.Gt
        first, *others = given
        for other in others:
            first = extreme(builder, order, first, other)
        return first
    if function is panel_width:
        width = panel_width(str(given[0].kind.dtype))
        return Typed(types.int64, constant(types.int64, width).code, width)
    define = getattr(function, "__wrapped__", None)
    if isinstance(function, FunctionType) or define is None:
        raise StageError(f"{function!r} cannot be called in a stage")
    return _intrinsic(builder, define, given)


def _stage(code: Any, builder: Any, stage: Stage, given: Sequence[Typed]) -> Typed | None:
    function, kind = code.function(stage, [value.kind for value in given])
    found = builder.call(function, [value.code for value in given])
    return None if kind == types.none else Typed(kind, found)


def _intrinsic(builder: Any, define: Any, given: Sequence[Typed]) -> Typed | None:
    """What Numba's `intrinsic` marks says its types and writes its instructions."""
    kinds = [v.kind if v.literal is None else types.literal(v.literal) for v in given]
    found = define(None, *kinds)
    if found is None:
        raise StageError(f"{define.__name__} takes no {', '.join(map(str, kinds))}")
    sig, generate = found
    codes = [cast(builder, v, kind) for v, kind in zip(given, sig.args, strict=True)]
    result = generate(_Target, builder, sig, codes)
    return None if sig.return_type == types.none else Typed(sig.return_type, result)


def _elementary(builder: Any, function: Any, given: Sequence[Typed]) -> Typed:
    kind = types.float32 if all(v.kind == types.float32 for v in given) else types.float64
    code = elementary_function(builder.module, function, llvm_type(kind), len(given))
    return Typed(kind, builder.call(code, [cast(builder, v, kind) for v in given]))
