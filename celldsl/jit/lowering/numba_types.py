"""Routines as Numba sees them.  In: a routine.  Out: what it compiles calls of, or all of it.

    dispatcher_of(function)      # what Numba makes of a function that calls routines
    run = by_numba(forward_steps)
    run(part, parts, share, shares, rows, dims, hyper, …)

A routine gets pointers where a kernel has arrays, which are one-dimensional and contiguous.

Elsewhere our own lowering makes LLVM's instructions of a routine's text, and Numba those of the
functions around them.  With `by_numba`, Numba's types and instructions stand in for ours all the
way down, and plain loops for our products; what they have in common is LLVM, and the formulas of
`tanh` and its like.  It takes ten times as long to compile, and nothing of it is kept on disk.
"""

# What is subclassed and called here is Numba's, which has no types.
# mypy: disable-error-code="misc, no-untyped-call, no-untyped-def"

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from types import FunctionType
from typing import Any, TypeAlias

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils, errors
from numba.core.caching import FunctionCache
from numba.core.codegen import CPUCodeLibrary
from numba.core.imputils import lower_builtin
from numba.core.registry import cpu_target
from numba.core.typing.templates import AbstractTemplate, signature
from numba.extending import overload, typeof_impl

from celldsl.jit.functions import (
    FAST_MATH,
    Routine,
    given_array,
    given_integers,
    given_truths,
)
from celldsl.jit.gemm.plain import PLAIN
from celldsl.jit.lowering.numba_intrinsics import (
    code_of,
    intrinsic_type,
    kind_of,
    numba_type,
    register_elementary,
)
from celldsl.jit.lowering.statements import ROUTINE_PREFIX, RoutineCode
from celldsl.jit.lowering.types import Intrinsic, Values, void
from celldsl.jit.lowering.types import Type as Kind
from celldsl.jit.symbols import CodeName
from celldsl.jit.target import facts_of, runtime_digest, target


class PartLibrary(CPUCodeLibrary):
    """Code that will be linked into another library's; it is neither optimised nor translated."""

    def _optimize_functions(self, ll_module: llvmlite.binding.ModuleRef) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True


class KernelCache(FunctionCache):
    """Compiled kernels on disk, for one runtime alone: its routines are linked into them."""

    def _index_key(self, sig: Any, codegen: object) -> tuple[object, ...]:
        return (*super()._index_key(sig, codegen), runtime_digest(), facts_of(target()))


def dispatcher_of(function: Callable[..., Any], on_disk: bool = True) -> Any:
    """Numba's object for a function; what it calls are routines and other such functions."""
    register_routines()
    made = njit(nogil=True, error_model="numpy", fastmath=set(FAST_MATH))(function)
    if on_disk:
        # Where nothing can be kept, as of a module in a zip file, each process compiles for itself.
        with suppress(RuntimeError):
            made._cache = KernelCache(function)
    return made


@cache
def register_routines() -> None:
    """Tells Numba what to take a routine for, where a kernel names it, and what `given_array` and
    the like are."""
    typeof_impl.register(Routine)(lambda routine, _: routine_type(routine))
    typeof_impl.register(Intrinsic)(lambda found, _: intrinsic_type(found))
    register_elementary()
    overload(given_array, prefer_literal=True)(_given_array)
    overload(given_integers, prefer_literal=True)(_given_integers)
    overload(given_truths, prefer_literal=True)(_given_truths)


def _given_array(array, like, axes, told):  # Numba compares the names with those of the results
    if not isinstance(told, types.StringLiteral):
        return None  # Numba asks again so, where the first answer was an error
    wanted = f"{told.literal_value} of {like.dtype}"
    if not isinstance(array, types.Array):
        raise errors.TypingError(f"{wanted}, got {array}")
    if array.dtype != like.dtype or array.ndim != axes.literal_value:
        raise errors.TypingError(f"{wanted}, got {array.ndim} axes of {array.dtype}")
    if array.layout == "C":
        return lambda array, like, axes, told: array
    return lambda array, like, axes, told: np.ascontiguousarray(array)


_Library: TypeAlias = "tuple[CPUCodeLibrary, Kind, ir.Function]"


def _given_integers(array, like, axes, limit, told):
    if not isinstance(told, types.StringLiteral):
        return None
    _check_given(array, axes, told, types.Integer, "integers")
    message = f"{told.literal_value}, and an integer is out of range"

    def converted(array, like, axes, limit, told):
        for value in array.flat:
            if value < 0 or value >= limit:
                raise ValueError(message)
        return array.astype(like.dtype)

    return converted


def _given_truths(array, like, axes, told):
    if not isinstance(told, types.StringLiteral):
        return None
    _check_given(array, axes, told, types.Boolean, "truth values")
    return lambda array, like, axes, told: array.astype(like.dtype)


def _check_given(array, axes, told, kind, words):
    found = isinstance(array, types.Array)
    if not found or not isinstance(array.dtype, kind) or array.ndim != axes.literal_value:
        got = f"{array.ndim} axes of {array.dtype}" if found else array
        raise errors.TypingError(f"{told.literal_value} of {words}, got {got}")


@cache
def routine_type(routine: Routine) -> types.Type:
    """What Numba takes the routine for, where a kernel names it: a function of its own kind."""
    made: dict[tuple[Kind, ...], _Library] = {}

    def compiled(arguments: Any) -> _Library:
        kinds = tuple(map(kind_of, arguments))
        if kinds not in made:
            made[kinds] = _library(routine, kinds)
        return made[kinds]

    def generic(_: AbstractTemplate, arguments: Any, __: object) -> Any:
        plain = tuple(_plain(types.unliteral(a)) for a in arguments)
        return signature(numba_type(compiled(plain)[1]), *plain)

    def call(context: Any, builder: ir.IRBuilder, sig: Any, arguments: Values) -> Any:
        library, kind, function = compiled(sig.args)
        context.add_linking_libs([library])
        pairs = zip(sig.args, arguments, strict=True)
        codes = [code_of(context, builder, *pair) for pair in pairs]
        outside = cgutils.get_or_insert_function(builder.module, function.ftype, function.name)
        found = builder.call(outside, codes)
        return context.get_dummy_value() if kind == void else found

    members = {"generic": generic, "key": routine}
    template = type(f"_Typed_{routine.name}", (AbstractTemplate,), members)
    lower_builtin(routine, types.VarArg(types.Any))(call)
    cpu_target.target_context.refresh()
    return types.Function(template)


def _plain(kind: types.Type) -> types.Type:
    """The type that an argument is cast to."""
    if isinstance(kind, types.Integer) and kind != types.uint64:
        return types.int64
    return kind


def _library(routine: Routine, kinds: tuple[Kind, ...]) -> _Library:
    """Code of the routine and of all that it calls, the type of its result, and its function."""
    library = PartLibrary(cpu_target.target_context.codegen(), routine.name)
    module = library.create_ir_module(routine.name)
    function, kind = RoutineCode(module).function(routine, kinds)
    function.linkage = "external"
    text = str(module)
    # What lies in Numba's cache was named by other processes: names must say what they stand for.
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    own = f"{ROUTINE_PREFIX}{digest}."
    library.add_llvm_module(llvmlite.binding.parse_assembly(text.replace(ROUTINE_PREFIX, own)))
    function.name = function.name.replace(ROUTINE_PREFIX, own)
    return library, kind, function


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
