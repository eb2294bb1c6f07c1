"""Routines compiled by Numba alone.  In: a routine.  Out: a function of arrays, for Python to call.

    run = by_numba(forward_steps)
    run(part, parts, share, shares, rows, dims, hyper, …)

Elsewhere our own lowering makes LLVM's instructions of a routine's text, and Numba those of the
functions around them.  Here Numba's types and instructions stand in for ours all the way down, and
plain loops for our products; what they have in common is LLVM, and the formulas of `tanh` and its
like.  It takes ten times as long to compile, and nothing of it is kept on disk.
"""

from __future__ import annotations

from functools import cache
from types import FunctionType
from typing import Any

from numba import njit

from celldsl.jit.functions import FAST_MATH, Routine
from celldsl.jit.gemm.plain import PLAIN
from celldsl.jit.lowering.numba_types import register_routines
from celldsl.jit.symbols import CodeName


@cache
def by_numba(routine: Routine) -> Any:
    """The routine as Numba compiles it, when it is first called."""
    register_routines()
    function = routine.function
    names = set(_names(function.__code__))
    known = {n: _translated(v) for n, v in function.__globals__.items() if n in names}
    own = {"__name__": function.__module__, "__file__": str(routine.file), **known}
    copy = FunctionType(
        function.__code__, own, routine.name, function.__defaults__, function.__closure__
    )
    return njit(nogil=True, error_model="numpy", fastmath=set(FAST_MATH))(copy)


def _names(code: Any) -> list[str]:
    inner = [name for each in code.co_consts if hasattr(each, "co_names") for name in _names(each)]
    return [*code.co_names, *inner]


def _translated(value: Any) -> Any:
    """What a global of a routine stands for here."""
    match value:
        case Routine():
            return by_numba(value)
        case CodeName(name=name) if name in PLAIN:
            return by_numba(PLAIN[name])
        case CodeName():
            found = value.stands_for
            return by_numba(found) if isinstance(found, Routine) else found
        case _:
            return value
