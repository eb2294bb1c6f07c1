"""Routines to machine code, by LLVM.  In: routines, a dtype.  Out: an object file's bytes.

    compile_phases([forward_steps, backward_steps], "float32")
    compile_symbols({"celldsl_pack_f32": (pack_loops, "iixiix")}, "float32")

Each phase is a module with what it calls, and so is each lot of the routines of its file that stand
apart, which phases call: LLVM translates several modules at a time, and none twice.

NUMBA_OPT, NUMBA_LOOP_VECTORIZE and NUMBA_SLP_VECTORIZE say what they say to Numba, and the
processor is that of `target`.  At the third level LLVM makes loops anew for each
outcome of a condition in them: the same kernels, as fast, of twice the code.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeAlias

import llvmlite.binding
from llvmlite import ir

from celldsl.jit.forks import COMPILING
from celldsl.jit.functions import Routine
from celldsl.jit.lowering import types
from celldsl.jit.lowering.emit import known_function
from celldsl.jit.lowering.statements import Elsewhere, Key, RoutineCode
from celldsl.jit.lowering.types import REALS, Made, Pointer
from celldsl.jit.lowering.values import llvm_type
from celldsl.jit.translation import Translation, target_machine

PHASE_NUMBERS = 4  # part, parts, share and shares, before the arrays
PHASE_INTEGERS = 2  # rows and dims, the first arrays
LOT = 1_500  # instructions of routines that stand apart, which take LLVM about a fifth of a second
APART_PREFIX = "celldsl_apart_"
_INT = ir.IntType(64)
# Writes a function of this name that calls another one with arguments of these types.
Write: TypeAlias = "Callable[[ir.Module, str, ir.Function, Sequence[ir.Type]], None]"


def compile_phases(phases: Sequence[Routine], dtype: str) -> list[Translation]:
    """Functions `celldsl_run_<name>` of what is a task's own and what all share, see `task_abi`."""
    apart = _Apart(phases[0].file)
    for phase in phases:
        count = phase.function.__code__.co_argcount - PHASE_NUMBERS
        elements = [types.int64] * PHASE_INTEGERS + [types.float64]
        elements += [REALS[dtype]] * (count - len(elements))
        pointers = [Pointer(element, -1) for element in elements]
        arguments = (*[types.intp] * PHASE_NUMBERS, *pointers)
        entry = {f"celldsl_run_{phase.name}": (phase, arguments)}
        apart.begun.append(_begun(entry, _write_unpacking, apart.declared))
    return apart.done()


def compile_symbols(entries: Mapping[str, tuple[Routine, str]], dtype: str) -> list[Translation]:
    """Functions by their symbols; arguments: i an intp, x a pointer to the dtype, s one to intp."""
    kinds = {
        "i": types.intp,
        "x": Pointer(REALS[dtype], -1),
        "s": Pointer(types.intp, -1),
    }
    typed = {
        symbol: (routine, tuple(kinds[kind] for kind in text))
        for symbol, (routine, text) in entries.items()
    }
    return [_begun(typed, _write_passing)]


def _begun(
    entries: Mapping[str, tuple[Routine, tuple[types.Type, ...]]],
    write: Write,
    elsewhere: Elsewhere | None = None,
) -> Translation:
    with COMPILING:
        module = empty_module("celldsl")
        code = RoutineCode(module, elsewhere)
        for symbol, (routine, arguments) in entries.items():
            function, _ = code.function(routine, arguments)
            write(module, symbol, function, [llvm_type(kind) for kind in arguments])
        return Translation(str(module))


class _Apart:
    """The routines of a file that stand apart, in modules of their own, a lot in each."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._symbols: dict[Key, tuple[str, ir.FunctionType, types.Type]] = {}
        self._room: RoutineCode | None = None
        self._depth = 0  # how many are being written, each for a call in the one before
        self.begun: list[Translation] = []

    def declared(self, key: Key, module: ir.Module) -> Made | None:
        """A routine in the module that calls it; None for what belongs into it."""
        routine = key[0]
        if not routine.noinline or routine.file != self._file:
            return None
        if key not in self._symbols:
            self._symbols[key] = self._written(key)
        symbol, kind, result = self._symbols[key]
        return known_function(module, kind, symbol), result

    def _written(self, key: Key) -> tuple[str, ir.FunctionType, types.Type]:
        if self._room is None:
            self._room = RoutineCode(empty_module("celldsl"), self.declared)
        self._depth += 1
        symbol = f"{APART_PREFIX}{len(self._symbols)}_{self._depth}_{key[0].name}"
        function, result = self._room.written(key, symbol)
        function.linkage = ""
        self._depth -= 1
        if not self._depth and _length(self._room.module) > LOT:
            self._close()
        return symbol, function.function_type, result

    def _close(self) -> None:
        if self._room is not None:
            self.begun.append(Translation(str(self._room.module)))
            self._room = None

    def done(self) -> list[Translation]:
        self._close()
        return self.begun


def _length(module: ir.Module) -> int:
    return sum(len(block.instructions) for f in module.functions for block in f.blocks)


def _write_unpacking(
    module: ir.Module, symbol: str, function: ir.Function, kinds: Sequence[ir.Type]
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
    module: ir.Module, symbol: str, function: ir.Function, kinds: Sequence[ir.Type]
) -> None:
    result = function.function_type.return_type
    entry = ir.Function(module, ir.FunctionType(result, kinds), symbol)
    builder = ir.IRBuilder(entry.append_basic_block("entry"))
    found = builder.call(function, entry.args)
    if result == ir.VoidType():
        builder.ret_void()
    else:
        builder.ret(found)


def empty_module(name: str) -> ir.Module:
    module = ir.Module(name)
    module.triple = llvmlite.binding.get_process_triple()
    module.data_layout = _data_layout()
    return module


@cache
def _data_layout() -> str:
    return str(target_machine().target_data)
