"""Stages to machine code, by Numba and LLVM.  In: stages, a dtype.  Out: an object file's bytes.

    compile_phases([forward_steps, backward_steps], "float32")
    compile_symbols({"celldsl_pack_f32": (pack_loops, "iixiix")}, "float32")

What stages call is linked into one module, which LLVM optimises and translates once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from celldsl.runtime.kernel import FAST_MATH, Stage
from celldsl.runtime.lanes import LaneType
from celldsl.runtime.stage_code import PartLibrary, compiled, forget

PHASE_NUMBERS = 2  # part and parts, before the arrays
PHASE_INTEGERS = 2  # rows and dims, the first arrays
_INT = ir.IntType(64)


@cache
def dispatcher(function: Callable[..., Any]) -> Any:
    """Numba's object for a function that Python calls."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": set(FAST_MATH)}
    return njit(cache=True, **options)(function)


def compile_phases(phases: Sequence[Stage], dtype: str) -> bytes:
    """Functions `celldsl_run_<name>` of one pointer, to the numbers and addresses of arguments."""
    entries = {}
    for phase in phases:
        count = phase.function.__code__.co_argcount - PHASE_NUMBERS
        elements = [types.int64] * PHASE_INTEGERS + [types.float64]
        elements += [getattr(types, dtype)] * (count - len(elements))
        lanes = [LaneType(element, -1) for element in elements]
        arguments = (*[types.intp] * PHASE_NUMBERS, *lanes)
        entries[f"celldsl_run_{phase.name}"] = phase, arguments
    code = _object_of(entries, _write_unpacking)
    forget(phases[0].function.__module__)
    return code


def compile_symbols(entries: Mapping[str, tuple[Stage, str]], dtype: str) -> bytes:
    """Functions by their symbols, with arguments as the kinds of `gemm_calls` say."""
    kinds = {
        "i": types.intp,
        "x": LaneType(getattr(types, dtype), -1),
        "s": LaneType(types.intp, -1),
    }
    typed = {
        symbol: (stage, tuple(kinds[kind] for kind in text))
        for symbol, (stage, text) in entries.items()
    }
    return _object_of(typed, _write_passing)


def _object_of(entries: Mapping[str, tuple[Stage, tuple[Any, ...]]], write: Any) -> bytes:
    cpu_target.typing_context.refresh()
    context = cpu_target.target_context
    context.refresh()
    library = PartLibrary(context.codegen(), "celldsl")
    module = library.create_ir_module("celldsl")
    with _numba_at_work(), context.push_code_library(library):
        for symbol, (stage, arguments) in entries.items():
            found = compiled(stage, arguments)
            context.add_linking_libs([found.library])
            write(context, module, symbol, found)
        library.add_ir_module(module)
        return library.object_code()


@contextmanager
def _numba_at_work() -> Iterator[None]:
    """Numba for this thread alone, and switched on.

    NUMBA_DISABLE_JIT is for functions that Python can run instead, which stages are not.
    """
    with global_compiler_lock:
        before, config.DISABLE_JIT = config.DISABLE_JIT, 0
        try:
            yield
        finally:
            config.DISABLE_JIT = before


def _write_unpacking(context: Any, module: Any, symbol: str, found: Any) -> None:
    """A function of a pointer to 64-bit numbers, each an argument or its address."""
    kind = ir.FunctionType(ir.VoidType(), [_INT.as_pointer()])
    function = ir.Function(module, kind, symbol)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    arguments = []
    for place, argument in enumerate(found.signature.args):
        value = builder.load(builder.gep(function.args[0], [_INT(place)]))
        if isinstance(argument, LaneType):
            value = builder.inttoptr(value, context.get_value_type(argument))
        arguments.append(value)
    context.call_internal_no_propagate(builder, found.fndesc, found.signature, arguments)
    builder.ret_void()


def _write_passing(context: Any, module: Any, symbol: str, found: Any) -> None:
    kinds = [context.get_value_type(argument) for argument in found.signature.args]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), symbol)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    arguments = list(function.args)
    context.call_internal_no_propagate(builder, found.fndesc, found.signature, arguments)
    builder.ret_void()
