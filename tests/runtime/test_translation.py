"""Modules translated on several threads: the same code, errors for all, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import celldsl
from celldsl.jit import object_cache, translation
from celldsl.jit.forks import SharedLock
from celldsl.jit.object_cache import Code
from celldsl.jit.translation import Translation, all_of, object_code

ADD = "define i64 @add{n}(i64 %a) {{\n  %r = add i64 %a, {n}\n  ret i64 %r\n}}\n"
LOST = "declare i64 @nobody_has_this(i64)\n" + (
    "define i64 @lost(i64 %a) {\n  %r = call i64 @nobody_has_this(i64 %a)\n  ret i64 %r\n}\n"
)


@pytest.mark.parametrize("number", ["1", "4"])
def test_code_is_the_same_for_any_number_of_threads(
    number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [ADD.format(n=n) for n in range(6)]
    expected = [object_code(text) for text in texts]
    monkeypatch.setenv("CELLDSL_NUM_THREADS", number)
    assert all_of([Translation(text) for text in texts]) == expected


def test_an_error_is_told_to_each_who_waits() -> None:
    begun = Translation(LOST)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="needs nobody_has_this"):
            begun.result()


def test_no_thread_stays_when_all_is_done() -> None:
    all_of([Translation(ADD.format(n=n)) for n in range(4)])
    for thread in threading.enumerate():
        if thread.name == "celldsl-compile":
            thread.join(60)
            assert not thread.is_alive()


def test_what_was_interrupted_may_be_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLDSL_NUM_THREADS", "1")
    texts = [ADD.format(n=n) for n in range(3)]
    begun = [Translation(text) for text in texts]

    def interrupted(_: str) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as inside:
        inside.setattr(translation, "object_code", interrupted)
        with pytest.raises(KeyboardInterrupt):
            all_of(begun)
    assert [each.result() for each in begun] == [object_code(text) for text in texts]


def test_what_is_in_memory_is_not_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be kept, each new cell would compile it anew."""
    monkeypatch.setattr(object_cache, "_read_object", lambda *_: None)
    monkeypatch.setattr(object_cache, "_keep_object", lambda *_: None)
    compiled = []

    def translated() -> list[Translation]:
        compiled.append(1)
        return [Translation(ADD.format(n=7))]

    code = Code("begun_twice", ["add7"], translated)
    code.begin()
    assert all(code.addresses())
    code.begin()
    assert compiled == [1]


def test_several_may_be_inside_a_shared_lock_and_a_fork_waits_for_all() -> None:
    lock, inside, leave = SharedLock(), threading.Barrier(3), threading.Event()

    def hold() -> None:
        with lock:
            inside.wait()
            leave.wait()

    holders = [threading.Thread(target=hold) for _ in range(2)]
    for holder in holders:
        holder.start()
    inside.wait()
    assert not lock.acquire(timeout=0.01)
    leave.set()
    assert lock.acquire(timeout=60)
    late = threading.Thread(target=lambda: lock.__enter__() or lock.__exit__())
    late.start()
    assert late.is_alive()
    lock.release()
    for thread in (*holders, late):
        thread.join(60)
        assert not thread.is_alive()


CHILD = """
import os, sys
import numpy as np
import celldsl

# Products and scheduler are begun on a thread here, which the child does not have.
cell_class = celldsl.compile_source(TEXT)
child = os.fork()
cell = cell_class(I=3, H=4, seed=0)
y, _, tape = cell.forward(np.ones((2, 1, 3), np.float32))
cell.backward(tape, y)
if child == 0:
    os._exit(0)
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_child_compiles_what_its_parent_has_begun(tmp_path: Path) -> None:
    text = (
        "cell C[I, H]:\n    input x: [I]\n    state h: [H]\n"
        "    h' = tanh(linear([x, h], H))\n    output h'\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(celldsl.__file__).parents[1]),
        "CELLDSL_CACHE_DIR": str(tmp_path / "cells"),
        "NUMBA_CACHE_DIR": str(tmp_path / "code"),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"TEXT = {text!r}\n{CHILD}"],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.stdout == "0\n", done.stderr


ENDS = """
import atexit, os, threading
os.environ["CELLDSL_NUM_THREADS"] = "2"
from celldsl.jit import object_cache, translation

done, begun = [], threading.Event()

def slow(text):
    begun.set()
    threading.main_thread().join()
    done.append(text)
    return b""

translation.object_code = slow
for text in ("abc", "ab", "a"):
    translation.Translation(text)
assert begun.wait(60)
atexit.register(lambda: print(done))
"""


def test_an_interpreter_that_ends_waits_for_what_is_at_work_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDS], capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(celldsl.__file__).parents[1])},
    )  # fmt: skip
    assert done.stdout == "['abc']\n", done.stderr
