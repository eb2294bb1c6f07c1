"""Machine code on disk and in memory.  In: routines, a dtype.  Out: where their code is.

    inputs, steps = phase_addresses([forward_inputs, forward_steps], "float32")

What was compiled once is kept beside its module, under a name that says all that it depends on
(`object_key`).  Loading it needs LLVM's linker alone, and takes a few milliseconds.  It is read
where nobody can write whom the reader does not trust (`files`); where nothing can be kept, each
process compiles for itself.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from glob import escape
from pathlib import Path
from typing import Any

import llvmlite.binding
import numpy as np

from celldsl.cache_folders import (
    code_folder,
    code_folders,
    keep_checked,
    read_checked,
    warn_of_memory,
)
from celldsl.files import matching, remove
from celldsl.jit.forks import COMPILING
from celldsl.jit.functions import Routine
from celldsl.jit.object_key import RUNTIME, object_name
from celldsl.jit.process_target import target
from celldsl.jit.source_text import stamp_of
from celldsl.jit.target import MachineCodeError

_loaded: dict[tuple[Any, ...], list[int]] = {}


def phase_addresses(phases: Sequence[Any], dtype: Any, label: str = "") -> list[int] | None:
    """The code of each phase: compiled now, or found on disk or in this process.

    None for phases that are no routines but functions written by hand.  Others of the same file
    need a label, or one object would replace the other's.
    """
    name = np.dtype(dtype).name
    if not all(isinstance(phase, Routine) for phase in phases):
        return None
    key = (*phases, name)
    with COMPILING:
        if key not in _loaded:
            symbols = [f"celldsl_run_{phase.name}" for phase in phases]
            source, text = phases[0].file, phases[0].text

            def compiled() -> bytes:
                from celldsl.jit.compile import compile_phases

                return compile_phases(phases, name)

            # Written anew since it was imported, its code would replace that of another module.
            kept = text is not None and stamp_of(source) == phases[0].stamp
            place = source if kept else None
            _loaded[key] = addresses_of(place, text or "", label + name, symbols, compiled)
        return _loaded[key]


def runtime_addresses(
    label: str, symbols: Sequence[str], compiled: Callable[[], bytes], facts: str = ""
) -> list[int]:
    """Those of code that belongs to the runtime, whose own text says what it is."""
    return addresses_of(RUNTIME, "", label, symbols, compiled, facts)


def addresses_of(
    source: Path | None,
    text: str,
    label: str,
    symbols: Sequence[str],
    compiled: Callable[[], bytes],
    facts: str = "",
) -> list[int]:
    """Where the symbols of an object are in memory, for good; `compiled` makes one if need be.

    `facts` is what else the code depends on.  Nothing is kept on disk without a source.  Raises
    MachineCodeError where memory may not be made executable.
    """
    with COMPILING:
        check_executable_memory()
        code = None
        if source is not None:
            name = object_name(source.stem, text, label, symbols, facts, target())
            code = _read_object(source, name)
        if code is None:
            code = compiled()
            if source is not None:
                _keep_object(source, name, code)
        engine = linked(code)
        found = [engine.get_function_address(symbol) for symbol in symbols]
        if not all(found):
            raise RuntimeError(f"an object of {label} lacks one of {', '.join(symbols)}")
        return found


@cache
def check_executable_memory() -> None:
    """Raises MachineCodeError where the system forbids it; LLVM would end the process."""
    try:
        llvmlite.binding.check_jit_execution()
    except OSError as error:
        raise MachineCodeError(
            "the system lets this process make no memory executable (MemoryDenyWriteExecute of "
            "systemd, SELinux, seccomp and others do so), and cells run as machine code, whatever "
            "the engine: allow it for this process"
        ) from error


def _read_object(source: Path, name: str) -> bytes | None:
    for folder, trusted in code_folders(source):
        found = read_checked(folder / name, trusted)
        if found is not None:
            return found
    return None


def _keep_object(source: Path, name: str, code: bytes) -> None:
    """Writes an object, and removes those that it replaces; those of other machines stay."""
    folder = code_folder(source)
    if folder is None:
        warn_of_memory(f"machine code of {source.name}", module=source)
        return
    try:
        keep_checked(folder / name, code)
        for old in matching(folder, f"{escape(name.rpartition('-')[0])}-*.o"):
            if old.name != name:
                remove(old)
    except OSError as error:
        # A full disk costs the next process time, and nothing else.
        warn_of_memory(folder / name, error)


def linked(code: bytes) -> Any:
    """An engine with the object in it.  Raises MachineCodeError, as `addresses_of` does."""
    check_executable_memory()
    llvm = llvmlite.binding
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    # Never taken away: threads may still be in it when the interpreter ends.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine))
    return engine
