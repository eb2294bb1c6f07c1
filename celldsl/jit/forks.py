"""Locks of a process and of its children.  In: nothing.  Out: locks that no child waits for.

    lock = ProcessLock()
    with lock: ...              # in a child after a fork: free, whoever held it in the parent

    with READING: ...           # a fork waits until nobody makes a class of a text
    with COMPILING: ...         # a fork waits until nobody compiles
    with TRANSLATING: ...       # the same, and several threads may be inside at once

A child has one thread, the one that forked.  A lock that another thread held would stay locked in
it, and what LLVM had half changed would stay so: forks wait for who compiles, for PATIENCE at most.
Who reads a cell imports modules, whose locks Python leaves to the child as they are, as those of
`cached_property` up to Python 3.11.
Imports of ours that another thread is amid they wait for first (`celldsl/fork_amid_imports.py`).
They do so before `logging` takes its lock for the fork, since who compiles may be waiting for that
one: what is registered last runs first, so logging is imported here.
"""

from __future__ import annotations

import logging  # noqa: F401 - its hooks come first
import os
import sys
from threading import Condition, RLock, get_ident
from typing import Any
from weakref import WeakSet

from celldsl.fork_amid_imports import LOCKS, PATIENCE, before_fork

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


class SharedLock:
    """Any number of threads may hold it; a fork acquires it when no other thread does."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """As nobody holds it: in a child there is no other thread."""
        self._changed = Condition()
        self._holders: list[int] = []
        self._forks = 0

    def __enter__(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._forks)
            self._holders.append(get_ident())

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._holders.remove(get_ident())
            self._changed.notify_all()

    def acquire(self, timeout: float) -> bool:
        own = get_ident()
        with self._changed:
            self._forks += 1
            free = self._changed.wait_for(lambda: {*self._holders} <= {own}, timeout)
        if not free:
            self.release()
        return free

    def release(self) -> None:
        with self._changed:
            self._forks -= 1
            self._changed.notify_all()


READING = ProcessLock()
COMPILING = ProcessLock()
TRANSLATING = SharedLock()


def _fork_waits_for() -> list[Any]:
    """Ours, and those of Numba and llvmlite where they are loaded.  In the order of nesting."""
    found: list[Any] = [READING, COMPILING, TRANSLATING]
    compiler = sys.modules.get("numba.core.compiler_lock")
    found.append(getattr(compiler, "global_compiler_lock", None))
    library = getattr(sys.modules.get("llvmlite.binding.ffi"), "lib", None)
    found.append(getattr(library, "_lock", None))
    return [each for each in found if each is not None]


def _inner(holder: Any) -> Any:
    if isinstance(holder, SharedLock):
        return holder
    return holder.lock if isinstance(holder, ProcessLock) else getattr(holder, "_lock", None)


_fork_taken: dict[int, list[Any]] = {}  # by the threads that fork


def _hold() -> None:
    """Acquires the locks, unless the thread has done so for this fork."""
    if get_ident() in _fork_taken:
        return
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
    TRANSLATING.renew()
    for holder in [*_fork_locks, *_fork_waits_for()]:
        lock = _inner(holder)
        if lock is None or isinstance(lock, SharedLock):
            continue
        if lock.acquire(blocking=False):  # free, or held by the thread that forked
            lock.release()
        else:
            setattr(holder, "lock" if isinstance(holder, ProcessLock) else "_lock", RLock())


# A fork that began to wait before this was imported has none of the hooks below.
LOCKS.append((_hold, _give_back))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=before_fork, after_in_parent=_give_back, after_in_child=_in_child)
