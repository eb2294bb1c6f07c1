"""Children after a fork: nothing waits there for a thread that stayed in the parent."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import SourceFileLoader as FileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import celldsl
from celldsl import api
from celldsl.jit.forks import COMPILING, READING, ProcessLock

# JAX, where another test has imported it, warns of every fork; nothing of it runs in our children.
pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork"),
    pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

STAGE = """\
from celldsl.jit.symbols import pointer, real
from celldsl.jit.functions import routine

@routine
def run(part, parts, share, shares, rows, dims, hyper, out):
    first = pointer(out, 0, 0)
    for i in range(1):
        first[i] = real(out, {value})
"""
LOAD = """\
import faulthandler, importlib.util, os, random, signal, sys, threading, time
from pathlib import Path

import numpy as np

import celldsl.jit.functions, celldsl.jit.symbols  # Python itself cannot fork amid imports
from celldsl.runtime.buffers import Buffers
from celldsl.runtime.threads.thread_count import set_threads
from tests.runtime.made import run_phases

folder, forks = Path(sys.argv[1]), int(sys.argv[2])
set_threads(4)
buffers = Buffers("float32")

def value_of(number):
    path = folder / f"made{number}.py"
    path.write_text(TEXT.format(value=float(number)))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    out = np.zeros(1, np.float32)
    run_phases([module.run], [np.zeros(1, np.int64), np.zeros(1), out])
    return float(out[0])

def compile_on():
    number = 1000
    while True:
        number += 1
        assert value_of(number) == number

def take_on():
    length = 0
    while True:
        length = length % 10**5 + 997
        buffers.take(length)

for work in (compile_on, take_on):
    threading.Thread(target=work, daemon=True).start()
draw = random.Random(0)
for fork in range(forks):
    time.sleep(draw.random() / 20)
    child = os.fork()
    if child == 0:
        faulthandler.register(signal.SIGALRM, chain=True)  # who waits is seen, and ends
        signal.alarm(100)
        buffers.take(12345)
        os._exit(0 if value_of(fork) == fork else 3)
    assert os.waitpid(child, 0)[1] == 0, fork
print("done")
"""


def test_a_child_compiles_while_the_parent_did(tmp_path: Path) -> None:
    script = tmp_path / "forking.py"
    script.write_text(f"TEXT = '''{STAGE}'''\n{LOAD}", encoding="utf-8")
    # `tests`, and celldsl where it is not installed.
    home = os.pathsep.join(map(str, (Path(celldsl.__file__).parents[1], Path(__file__).parents[2])))
    environment = {**os.environ, "PYTHONPATH": home, "CELLDSL_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), str(tmp_path), "12"],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.stdout == "done\n", done.stderr


def test_forks_wait_before_the_lock_of_logging_is_taken() -> None:
    # Who compiles may ask for a logger, and must not wait for the fork that waits for it.
    script = """
import os, threading, time
from celldsl.jit.forks import COMPILING
import logging

inside = threading.Event()

def compile_slowly():
    with COMPILING:
        inside.set()
        time.sleep(0.5)  # the fork waits by now
        logging.getLogger("celldsl.test")

threading.Thread(target=compile_slowly).start()
inside.wait()
child = os.fork()
if child == 0:
    os._exit(0)
print(os.waitpid(child, 0)[1])
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout == "0\n", done.stderr


def test_forks_wait_for_what_another_thread_imports() -> None:
    # Python leaves the lock of the module to the child, as one that nobody gives back.
    script = """
import importlib, os, sys, threading, time
import celldsl

inside = threading.Event()

class Slowly:
    def find_spec(name, path=None, target=None):
        if name == "celldsl.optim":
            inside.set()
            time.sleep(0.5)  # the fork waits by now; nothing is in `sys.modules` yet

sys.meta_path.insert(0, Slowly)
threading.Thread(target=importlib.import_module, args=("celldsl.optim",)).start()
inside.wait()
child = os.fork()
if child == 0:
    from celldsl.optim import Adam
    os._exit(7)
print(os.waitpid(child, 0)[1] >> 8)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("7\n", "")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_locks_are_free_in_a_child() -> None:
    lock, entered, leave = ProcessLock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            entered.set()
            leave.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    child = os.fork()
    if child == 0:
        free = lock.lock.acquire(blocking=False)
        os._exit(0 if free else 1)
    status = os.waitpid(child, 0)[1]
    leave.set()
    holder.join()
    assert status == 0


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("lock", [READING, COMPILING], ids=["reading", "compiling"])
def test_who_forks_keeps_the_locks_it_holds(lock: ProcessLock) -> None:
    with lock:
        child = os.fork()
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    with lock:
        pass


READ = """
cell Read{number}[I, H]:
    input x: [I]
    state h: [H]
    h' = tanh(linear([x, h], H)) + {number}.25
    output h'
"""


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forks_wait_for_who_reads_a_cell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CELLDSL_CACHE_DIR", str(tmp_path))
    inside, done = threading.Event(), threading.Event()
    generate = api._generate

    def slowly(*given: Any) -> Any:
        inside.set()
        time.sleep(0.3)  # the fork waits by now
        kept = generate(*given)
        done.set()
        return kept

    monkeypatch.setattr(api, "_generate", slowly)
    reader = threading.Thread(target=celldsl.compile_source, args=(READ.format(number=1),))
    reader.start()
    inside.wait()
    child = os.fork()
    if child == 0:
        os._exit(0 if done.is_set() else 1)
    status = os.waitpid(child, 0)[1]
    reader.join()
    assert status == 0


def test_threads_that_read_one_cell_get_one_class(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CELLDSL_CACHE_DIR", str(tmp_path))
    execute = FileLoader.exec_module

    def slowly(loader: FileLoader, module: ModuleType) -> None:
        time.sleep(0.1)  # the module is there, and empty
        execute(loader, module)

    monkeypatch.setattr(FileLoader, "exec_module", slowly)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(celldsl.compile_source, [READ.format(number=2)] * 4))
    assert len({*found}) == 1
