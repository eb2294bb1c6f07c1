"""Modules of LLVM to object files, several at a time.  In: texts.  Out: bytes.

    begun = [Translation(text) for text in texts]
    codes = [each.result() for each in begun]

LLVM does most of the work of compiling, and Python is free meanwhile: a module is translated on
another thread while the next one is written, and who waits for one does it himself if nobody has
begun, or another one meanwhile.  There are as many threads at it as the process has cores, one with
CELLDSL_NUM_THREADS=1; none stays when there is nothing left to do, or when the main thread has
ended: an interpreter that exits waits for what LLVM is at, and for no more.

Each module has a context of its own, so that LLVM has nothing in common between two threads.
llvmlite takes a lock for every call all the same; the two calls that take long go by it.
"""

# llvmlite is not typed.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import ctypes
import os
from functools import cache
from threading import Condition, RLock, Thread, main_thread
from typing import Any

import llvmlite.binding
from llvmlite.binding import ffi

from celldsl.jit.cores import available_cores, threads_asked_for
from celldsl.jit.forks import TRANSLATING
from celldsl.jit.target import numba_number, target

_MOST_SPEED = 2
_OTHERS_GIVE = ("llvm.", "celldsl_", "mem")  # functions that an object may leave to others
_WAITING, _AT_WORK, _DONE = range(3)


class Translation:
    """The object file of a module, which is begun at once where a core is free."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._changed = Condition()
        self._progress = _WAITING
        self._code = b""
        self._error: Exception | None = None
        _QUEUE.put(self)

    def __len__(self) -> int:
        return len(self._text)

    def run(self) -> bool:
        """Makes it, unless somebody has begun; whether it was made here."""
        with self._changed:
            if self._progress != _WAITING:
                return False
            self._progress = _AT_WORK
        progress = _WAITING  # where Ctrl-C ends the work, another may begin it again
        try:
            _QUEUE.forget([self])
            with TRANSLATING:
                self._code = object_code(self._text)
            progress = _DONE
        except Exception as error:  # it is raised again, where somebody asks for the result
            self._error, progress = error, _DONE
        finally:
            with self._changed:
                self._progress = progress
                self._changed.notify_all()
        return True

    def result(self) -> bytes:
        """The object file.  Raises RuntimeError for functions that nobody has."""
        while self._progress != _DONE:
            if self.run():
                continue
            other = _QUEUE.take()
            if other is not None:
                other.run()
                continue
            with self._changed:
                self._changed.wait_for(lambda: self._progress != _AT_WORK)
        if self._error is not None:
            raise self._error
        return self._code


class _Queue:
    """Modules that nobody has begun, and the threads that look for them."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._modules: list[Translation] = []
        self._helpers = 0
        self._lock = RLock()

    def put(self, module: Translation) -> None:
        with self._lock:
            self._modules.append(module)
            if self._helpers >= threads() - 1:
                return
            self._helpers += 1
        try:
            Thread(target=self._help, name="celldsl-compile").start()
        except RuntimeError:  # the system gives no more threads: who waits does the work
            with self._lock:
                self._helpers -= 1

    def _help(self) -> None:
        while True:
            with self._lock:
                module = self.take() if main_thread().is_alive() else None
                if module is None:
                    self._helpers -= 1
                    return
            module.run()

    def take(self) -> Translation | None:
        """What takes longest, so that it is not waited for alone at the end."""
        with self._lock:
            module = max(self._modules, key=len, default=None)
            if module is not None:
                self._modules.remove(module)
            return module

    def forget(self, modules: list[Translation]) -> None:
        """Those that nobody waits for any more are not begun."""
        with self._lock:
            self._modules = [each for each in self._modules if each not in modules]


_QUEUE = _Queue()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_QUEUE.clear)  # a child has no other threads


def all_of(begun: list[Translation]) -> list[bytes]:
    """Their object files; where waiting ends early, by Ctrl-C say, no more are begun."""
    try:
        for each in sorted(begun, key=len, reverse=True):
            each.run()  # those that are begun elsewhere are waited for last
        return [each.result() for each in begun]
    except BaseException:
        _QUEUE.forget(begun)
        raise


def threads() -> int:
    """How many threads may translate: the cores of this process, or what the environment says."""
    text = threads_asked_for()
    return int(text) if text.isdecimal() else available_cores()


def object_code(text: str) -> bytes:
    """What LLVM makes of a module.  Raises RuntimeError for functions that nobody has."""
    # Closed here: of a cycle that an error makes, Python might free the context before the module.
    llvm = llvmlite.binding
    with llvm.create_context() as context, llvm.parse_assembly(text, context) as made:
        return _translated(made)


def _translated(made: llvmlite.binding.ModuleRef) -> bytes:
    made.verify()
    machine = target_machine()
    tuning = llvmlite.binding.create_pipeline_tuning_options(min(_level(), _MOST_SPEED))
    tuning.loop_vectorization = bool(numba_number("LOOP_VECTORIZE", 1))
    tuning.slp_vectorization = bool(numba_number("SLP_VECTORIZE", 0))
    builder = llvmlite.binding.create_pass_builder(machine, tuning)
    manager = builder.getModulePassManager()
    _unlocked("LLVMPY_RunNewModulePassManager")(manager, made, builder)
    strange = [
        f.name for f in made.functions if f.is_declaration and not f.name.startswith(_OTHERS_GIVE)
    ]
    if strange:
        raise RuntimeError(f"compiled code needs {', '.join(strange)}")
    return _emitted(machine, made)


def _emitted(machine: llvmlite.binding.TargetMachine, made: llvmlite.binding.ModuleRef) -> bytes:
    with ffi.OutputString() as told:
        buffer = _unlocked("LLVMPY_TargetMachineEmitToMemory")(machine, made, 1, told)
        if not buffer:
            raise RuntimeError(str(told))
    try:
        start, size = ffi.lib.LLVMPY_GetBufferStart(buffer), ffi.lib.LLVMPY_GetBufferSize(buffer)
        return ctypes.string_at(start, size)
    finally:
        ffi.lib.LLVMPY_DisposeMemoryBuffer(buffer)


@cache
def _unlocked(name: str) -> Any:
    """A function of llvmlite's library without llvmlite's lock around it."""
    locked = getattr(ffi.lib, name)
    try:
        function = getattr(ctypes.CDLL(ffi.lib._name), name)
    except (AttributeError, OSError):  # the file is no longer where it was, in a frozen program
        return locked
    function.argtypes, function.restype = locked.argtypes, locked.restype
    return function


def _level() -> int:
    return numba_number("OPT", 3)


def target_machine() -> llvmlite.binding.TargetMachine:
    """As Numba sets it up for the target of this process; each thread has one of its own."""
    llvmlite.binding.initialize_native_target()
    llvmlite.binding.initialize_native_asmprinter()
    triple = llvmlite.binding.Target.from_triple(llvmlite.binding.get_process_triple())
    return triple.create_target_machine(
        cpu=target().cpu,
        features=target().features,
        opt=_level(),
        reloc="static" if triple.name.startswith("x86") else "default",
        codemodel="jitdefault",
        jit=True,
    )
