"""Machine code on disk and in memory.  In: stages, a dtype.  Out: where their code is.

    inputs, steps = phase_addresses([forward_inputs, forward_steps], "float32")

What was compiled once is kept beside its module under a hash of all that it depends on: the
module's text, that of the runtime, the versions and settings of Numba and LLVM, the processor.
Loading it needs LLVM's linker alone, and takes a few milliseconds.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from glob import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import llvmlite.binding
import numpy as np

from celldsl.files import code_folder, replace_file
from celldsl.jit.forks import COMPILING
from celldsl.jit.functions import Stage, stamp_of

NUMBA_SETTINGS = (  # those that make other machine code of the same text
    "CPU_NAME", "CPU_FEATURES", "ENABLE_AVX", "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE",
)  # fmt: skip
_loaded: dict[tuple[Any, ...], list[int]] = {}


def phase_addresses(phases: Sequence[Any], dtype: Any, label: str = "") -> list[int] | None:
    """The code of each phase: compiled now, or found on disk or in this process.

    None for phases that are no stages but functions written by hand.  Others of the same file need
    a label, or one object would replace the other's.
    """
    name = np.dtype(dtype).name
    if not all(isinstance(phase, Stage) for phase in phases):
        return None
    key = (*phases, name)
    with COMPILING:
        if key not in _loaded:
            symbols = [f"celldsl_run_{phase.name}" for phase in phases]
            source = phases[0].file

            def compiled() -> bytes:
                from celldsl.jit.compile import compile_phases

                return compile_phases(phases, name)

            # Written anew since it was imported, its text would name the code of another module.
            kept = stamp_of(source) == phases[0].stamp
            _loaded[key] = addresses_of(source if kept else None, label + name, symbols, compiled)
        return _loaded[key]


def addresses_of(
    source: Path | None,
    label: str,
    symbols: Sequence[str],
    compiled: Callable[[], bytes],
    facts: str = "",
) -> list[int]:
    """Where the symbols of an object are in memory, for good; `compiled` makes one if need be.

    `facts` is what else the code depends on.  Nothing is kept on disk without a source.
    """
    with COMPILING:
        path = _object_path(source, label, symbols, facts) if source is not None else None
        code = _read_object(path) if path is not None else None
        if code is None:
            code = compiled()
            if path is not None:
                _keep_object(path, code)
        engine = linked(code)
        found = [engine.get_function_address(symbol) for symbol in symbols]
        if not all(found):
            raise RuntimeError(f"an object of {label} lacks one of {', '.join(symbols)}")
        return found


def _object_path(source: Path, label: str, symbols: Sequence[str], facts: str) -> Path | None:
    """The file for an object; None where nothing says when it would be out of date."""
    try:
        text = source.read_bytes()
    except OSError:
        return None
    asked = f"{runtime_digest()} {label} {' '.join(symbols)} {facts} ".encode()
    digest = hashlib.sha256(asked + text).hexdigest()
    made_by = f"{sys.implementation.cache_tag}.{_surroundings()}"
    return code_folder(source) / f"{source.stem}.{label}.{made_by}-{digest[:24]}.o"


def _numba_config() -> str | None:
    """What Numba reads settings from besides the environment, where it is imported."""
    try:
        return Path(".numba_config.yaml").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


@cache
def _surroundings() -> str:
    """What machine code depends on besides texts: computers that share a folder differ in this."""
    numba = find_spec("numba")
    if numba is None or numba.origin is None:
        raise ImportError("celldsl needs Numba: pip install numba")
    status = Path(numba.origin).stat()
    facts = [
        llvmlite.__version__,
        [numba.origin, status.st_mtime_ns, status.st_size],
        llvmlite.binding.get_host_cpu_name(),
        llvmlite.binding.get_host_cpu_features().flatten(),
        [os.environ.get(f"NUMBA_{name}") for name in NUMBA_SETTINGS],
        _numba_config(),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:8]


@cache
def runtime_digest() -> str:
    """That of the runtime's files; of nothing where they are part of the module's own text."""
    alone = __name__ != "celldsl.jit.object_cache"
    package = Path(__file__).parents[1]
    rooms = [] if alone else [package / "jit", package / "runtime"]
    files = [file for room in rooms for file in sorted(room.rglob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _read_object(path: Path) -> bytes | None:
    """An object that is whole: its hash comes first."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data[32:] if hashlib.sha256(data[32:]).digest() == data[:32] else None


def _keep_object(path: Path, code: bytes) -> None:
    """Writes an object, and removes those that it replaces; those of other machines stay."""
    try:
        replace_file(path, [hashlib.sha256(code).digest(), code])
        stem = path.name.rpartition("-")[0]
        for old in path.parent.glob(f"{escape(stem)}-*.o"):
            if old != path:
                old.unlink(missing_ok=True)
    except OSError:
        # A full or read-only disk costs the next process time, and nothing else.
        return


def linked(code: bytes) -> Any:
    """An engine with the object in it."""
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
