"""Routines to machine code, by LLVM.  In: routines, a dtype.  Out: an object file's bytes.

    compile_phases([forward_steps, backward_steps], "float32")
    compile_symbols({"celldsl_pack_f32": (pack_loops, "iixiix")}, "float32")

What routines call is put into one module, which LLVM optimises and translates once.

NUMBA_OPT, NUMBA_LOOP_VECTORIZE and NUMBA_SLP_VECTORIZE say what they say to Numba, and the
processor is that of `target`.  At the third level LLVM makes loops anew for each
outcome of a condition in them: the same kernels, as fast, of twice the code.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock

from celldsl.jit.functions import Routine
from celldsl.jit.lowering.pointers import Pointer
from celldsl.jit.lowering.statements import RoutineCode
from celldsl.jit.lowering.values import llvm_type
from celldsl.jit.process_target import target

PHASE_NUMBERS = 4  # part, parts, share and shares, before the arrays
PHASE_INTEGERS = 2  # rows and dims, the first arrays
_INT = ir.IntType(64)


def compile_phases(phases: Sequence[Routine], dtype: str) -> bytes:
    """Functions `celldsl_run_<name>` of what is a task's own and what all share, see `task_abi`."""
    entries = {}
    for phase in phases:
        count = phase.function.__code__.co_argcount - PHASE_NUMBERS
        elements = [types.int64] * PHASE_INTEGERS + [types.float64]
        elements += [getattr(types, dtype)] * (count - len(elements))
        pointers = [Pointer(element, -1) for element in elements]
        arguments = (*[types.intp] * PHASE_NUMBERS, *pointers)
        entries[f"celldsl_run_{phase.name}"] = phase, arguments
    return _object_of(entries, _write_unpacking)


def compile_symbols(entries: Mapping[str, tuple[Routine, str]], dtype: str) -> bytes:
    """Functions by their symbols; arguments: i an intp, x a pointer to the dtype, s one to intp."""
    kinds = {
        "i": types.intp,
        "x": Pointer(getattr(types, dtype), -1),
        "s": Pointer(types.intp, -1),
    }
    typed = {
        symbol: (routine, tuple(kinds[kind] for kind in text))
        for symbol, (routine, text) in entries.items()
    }
    return _object_of(typed, _write_passing)


def _object_of(entries: Mapping[str, tuple[Routine, tuple[types.Type, ...]]], write: Any) -> bytes:
    with global_compiler_lock:  # types are Numba's, which is for one thread at a time
        module = empty_module("celldsl")
        code = RoutineCode(module)
        for symbol, (routine, arguments) in entries.items():
            function, _ = code.function(routine, arguments)
            write(module, symbol, function, [llvm_type(kind) for kind in arguments])
        return object_code(module)


def _write_unpacking(
    module: ir.Module, symbol: str, function: ir.Function, kinds: Sequence[types.Type]
) -> None:
    """A function of two pointers: to numbers and where `rows` is, and to where arrays are.

    It returns 0: a phase that is written by hand may return why it failed.
    """
    words = _INT.as_pointer()
    entry = ir.Function(module, ir.FunctionType(_INT, [words] * 2), symbol)
    builder = ir.IRBuilder(entry.append_basic_block("entry"))
    own, shared = entry.args
    arguments = []
    for place, argument in enumerate(kinds):
        at = (own, place) if place <= PHASE_NUMBERS else (shared, place - PHASE_NUMBERS - 1)
        value = builder.load(builder.gep(at[0], [_INT(at[1])]))
        if isinstance(argument, ir.PointerType):
            value = builder.inttoptr(value, argument)
        arguments.append(value)
    builder.call(function, arguments)
    builder.ret(_INT(0))


def _write_passing(
    module: ir.Module, symbol: str, function: ir.Function, kinds: Sequence[types.Type]
) -> None:
    result = function.function_type.return_type
    entry = ir.Function(module, ir.FunctionType(result, kinds), symbol)
    builder = ir.IRBuilder(entry.append_basic_block("entry"))
    found = builder.call(function, entry.args)
    if result == ir.VoidType():
        builder.ret_void()
    else:
        builder.ret(found)


# llvmlite is not typed.


_MOST_SPEED = 2
_OTHERS_GIVE = ("llvm.", "celldsl_", "mem")  # functions that an object may leave to others


def empty_module(name: str) -> ir.Module:
    module = ir.Module(name)
    module.triple = llvmlite.binding.get_process_triple()
    module.data_layout = str(_machine().target_data)
    return module


def object_code(module: ir.Module) -> bytes:
    """What LLVM makes of the module.  Raises RuntimeError for functions that nobody has."""
    made = llvmlite.binding.parse_assembly(str(module))
    made.verify()
    tuning = llvmlite.binding.create_pipeline_tuning_options(min(int(config.OPT), _MOST_SPEED))
    tuning.loop_vectorization = bool(config.LOOP_VECTORIZE)
    tuning.slp_vectorization = bool(config.SLP_VECTORIZE)
    builder = llvmlite.binding.create_pass_builder(_machine(), tuning)
    builder.getModulePassManager().run(made, builder)
    strange = [
        f.name for f in made.functions if f.is_declaration and not f.name.startswith(_OTHERS_GIVE)
    ]
    if strange:
        raise RuntimeError(f"compiled code needs {', '.join(strange)}")
    code: bytes = _machine().emit_object(made)
    return code


@cache
def _machine() -> llvmlite.binding.TargetMachine:
    """As Numba sets it up for the target of this process."""
    llvmlite.binding.initialize_native_target()
    llvmlite.binding.initialize_native_asmprinter()
    triple = llvmlite.binding.Target.from_triple(llvmlite.binding.get_process_triple())
    return triple.create_target_machine(
        cpu=target().cpu,
        features=target().features,
        opt=int(config.OPT),
        reloc="static" if triple.name.startswith("x86") else "default",
        codemodel="jitdefault",
        jit=True,
    )
