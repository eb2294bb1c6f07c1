"""Locks of a process and of its children.  In: nothing.  Out: locks that no child waits for.

    lock = ProcessLock()
    with lock: ...              # in a child after a fork: free, whoever held it in the parent

    with COMPILING: ...         # a fork waits until nobody compiles

A child has one thread, the one that forked.  A lock that another thread held would stay locked in
it, and what LLVM had half changed would stay so: forks wait for who compiles, for PATIENCE at most.
They do so before `logging` takes its lock for the fork, since who compiles may be waiting for that
one: what is registered last runs first, so logging is imported here.
"""

from __future__ import annotations

import logging  # noqa: F401 - its hooks come first
import os
import sys
from threading import RLock, get_ident
from typing import Any
from weakref import WeakSet

PATIENCE = 120.0  # seconds
_fork_locks: WeakSet[ProcessLock] = WeakSet()


class ProcessLock:
    """A reentrant lock.  After a fork the child has a new one in its place."""

    __slots__ = ("__weakref__", "lock")

    def __init__(self) -> None:
        self.lock = RLock()
        _fork_locks.add(self)

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


COMPILING = ProcessLock()


def _fork_waits_for() -> list[Any]:
    """Ours, and those of Numba and llvmlite where they are loaded.  In the order of nesting."""
    found: list[Any] = [COMPILING]
    compiler = sys.modules.get("numba.core.compiler_lock")
    found.append(getattr(compiler, "global_compiler_lock", None))
    library = getattr(sys.modules.get("llvmlite.binding.ffi"), "lib", None)
    found.append(getattr(library, "_lock", None))
    return [each for each in found if each is not None]


def _inner(holder: Any) -> Any:
    return holder.lock if isinstance(holder, ProcessLock) else getattr(holder, "_lock", None)


_fork_taken: dict[int, list[Any]] = {}  # by the threads that fork


def _before_fork() -> None:
    taken = _fork_taken.setdefault(get_ident(), [])
    for holder in _fork_waits_for():
        lock = _inner(holder)
        if lock is not None and lock.acquire(timeout=PATIENCE):
            taken.append(lock)


def _give_back() -> None:
    for lock in reversed(_fork_taken.pop(get_ident(), [])):
        lock.release()


def _in_child() -> None:
    _give_back()
    for holder in [*_fork_locks, *_fork_waits_for()]:
        lock = _inner(holder)
        if lock is None:
            continue
        if lock.acquire(blocking=False):  # free, or held by the thread that forked
            lock.release()
        else:
            setattr(holder, "lock" if isinstance(holder, ProcessLock) else "_lock", RLock())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_give_back, after_in_child=_in_child)
