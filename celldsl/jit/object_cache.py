"""Machine code on disk and in memory.  In: routines, a dtype.  Out: where their code is.

    inputs, steps = phase_addresses([forward_inputs, forward_steps], "float32")

What was compiled once is kept beside its module, under a name that says all that it depends on
(`target`).  Loading it needs LLVM's linker alone, and takes a few milliseconds.  It is read
where nobody can write whom the reader does not trust (`files`); where nothing can be kept, each
process compiles for itself.  What several ask for at once, or what was begun ahead of need, is
compiled once.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from glob import escape
from itertools import accumulate
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
from celldsl.jit.source_text import stamp_of
from celldsl.jit.target import RUNTIME, MachineCodeError, object_name, target
from celldsl.jit.translation import Translation, all_of

_loaded: dict[tuple[Any, ...], list[int]] = {}
_begun: dict[str, list[Translation]] = {}  # by the names of objects
_found: dict[str, list[bytes]] = {}  # read from disk, and not yet asked for
_in_memory: set[str] = set()  # whose functions are in memory
_coming: dict[tuple[Any, ...], Code] = {}  # of phases that are begun
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begun.clear)  # who was at it is not there


@dataclass(frozen=True)
class Code:
    """Functions that are compiled together, and what their object is kept under.

    `text` and `facts` are what the code depends on besides the runtime's own text.  Nothing is kept
    on disk without a source, the file that the object lies beside.
    """

    label: str
    symbols: Sequence[str]
    compiled: Callable[[], list[Translation]]
    facts: str = ""
    text: str = ""
    source: Path | None = RUNTIME

    def begin(self) -> None:
        """Reads it, or compiles what is on no disk yet without waiting for it.

        What is in memory already, nobody will ask for again.
        """
        if self.source is not None:
            with COMPILING:
                if self.name not in _in_memory:
                    self._known(self.source)

    def addresses(self) -> list[int]:
        """Where the symbols are in memory, for good.

        Raises MachineCodeError where memory may not be made executable.
        """
        check_executable_memory()
        objects = self._objects()
        with COMPILING:
            engine = linked(objects)
            found = [engine.get_function_address(symbol) for symbol in self.symbols]
        if not all(found):
            raise RuntimeError(f"an object of {self.label} lacks one of {', '.join(self.symbols)}")
        if self.source is not None:
            with COMPILING:
                _in_memory.add(self.name)
        return found

    @cached_property
    def name(self) -> str:
        stem = "" if self.source is None else self.source.stem
        return object_name(stem, self.text, self.label, self.symbols, self.facts, target())

    def _known(self, source: Path) -> None:
        """Sees to it that the object is found or begun."""
        if self.name in _begun or self.name in _found:
            return
        kept = _read_object(source, self.name)
        if kept is None:
            _begun[self.name] = self.compiled()
        else:
            _found[self.name] = _apart(kept)

    def _objects(self) -> list[bytes]:
        """Read or compiled; while LLVM is at work, others may write what comes next for it."""
        if self.source is None:
            return all_of(self.compiled())
        with COMPILING:  # the name too: a fork must not leave the lock of `cached_property` taken
            name = self.name
            self._known(self.source)
            if name in _found:
                return _found.pop(name)
            begun = _begun[name]
        try:
            objects = all_of(begun)
        finally:
            with COMPILING:
                # Of several who waited, the first keeps them.
                first = _begun.get(name) is begun
                if first:
                    del _begun[name]
        if first:
            _keep_object(self.source, name, _together(objects))
        return objects


def phase_addresses(phases: Sequence[Any], dtype: Any, label: str = "") -> list[int] | None:
    """The code of each phase: compiled now, or found on disk or in this process.

    None for phases that are no routines but functions written by hand.  Others of the same file
    need a label, or one object would replace the other's.
    """
    if not all(isinstance(phase, Routine) for phase in phases):
        return None
    key = (*phases, np.dtype(dtype).name)
    if key not in _loaded:
        code = _coming.pop(key, None) or _phase_code(phases, dtype, label)
        _loaded[key] = code.addresses()
    return _loaded[key]


def begin_phases(phases: Sequence[Any], dtype: Any, label: str = "") -> None:
    """Compiles what `phase_addresses` will be asked for, without waiting for it."""
    key = (*phases, np.dtype(dtype).name)
    if key not in _loaded and all(isinstance(phase, Routine) for phase in phases):
        code = _coming[key] = _phase_code(phases, dtype, label)
        code.begin()


def _phase_code(phases: Sequence[Routine], dtype: Any, label: str) -> Code:
    name, first = np.dtype(dtype).name, phases[0]

    def compiled() -> list[Translation]:
        from celldsl.jit.compile import compile_phases

        return compile_phases(phases, name)

    # Written anew since it was imported, its code would replace that of another module.
    kept = first.text is not None and stamp_of(first.file) == first.stamp
    symbols = [f"celldsl_run_{phase.name}" for phase in phases]
    source = first.file if kept else None
    return Code(label + name, symbols, compiled, text=first.text or "", source=source)


def _together(objects: Sequence[bytes]) -> bytes:
    """One text of several: their number, their lengths, themselves."""
    numbers = (len(objects), *map(len, objects))
    return b"".join([*(number.to_bytes(8, "little") for number in numbers), *objects])


def _apart(data: bytes) -> list[bytes]:
    count = int.from_bytes(data[:8], "little")
    lengths = [int.from_bytes(data[at : at + 8], "little") for at in range(8, 8 + 8 * count, 8)]
    starts = accumulate(lengths, initial=8 + 8 * count)
    return [data[start : start + n] for start, n in zip(starts, lengths, strict=False)]


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


def linked(objects: Sequence[bytes]) -> Any:
    """An engine with the objects in it, which may call one another.

    Raises MachineCodeError, as `Code.addresses` does.
    """
    check_executable_memory()
    llvm = llvmlite.binding
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    for code in objects:
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    # Never taken away: threads may still be in it when the interpreter ends.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine))
    return engine
