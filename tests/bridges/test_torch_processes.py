"""Several processes: `torchrun` over the example, workers of a DataLoader, shared memory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import celldsl

torch = pytest.importorskip("torch")
TOP = Path(__file__).parents[2]
SMALL = ("--hidden", "8", "--batch", "4", "--length", "8")


def command(*arguments: object, processes: int) -> list[str]:
    program = [str(TOP / "examples" / "char_lm_torch.py"), *map(str, arguments)]
    if processes == 1:
        return [sys.executable, *program]
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*run, "--nproc-per-node", str(processes), *program]


def start(folder: Path, *arguments: object, processes: int) -> subprocess.Popen[str]:
    text = folder / "text.txt"
    if not text.exists():
        text.write_text("the quick brown fox jumps over the lazy dog\n" * 100, encoding="utf-8")
    return subprocess.Popen(
        command(text, *SMALL, *arguments, processes=processes),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(folder: Path, *arguments: object, processes: int) -> str:
    done = start(folder, *arguments, processes=processes)
    out, errors = done.communicate(timeout=300)
    assert done.returncode == 0, errors
    return out


def test_two_processes_have_the_gradients_of_one(tmp_path: Path) -> None:
    celldsl.load("gru")  # compiled once, for all
    for processes in (1, 2):
        name = f"{processes}.pt"
        finish(tmp_path, "--double", "--gradients", name, processes=processes)
    one, two = (torch.load(tmp_path / f"{n}.pt") for n in (1, 2))
    assert one.keys() == two.keys() and "rnn.layers.0.c.W_x" in one
    for name, gradient in one.items():
        torch.testing.assert_close(two[name], gradient, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_a_killed_worker_ends_the_run_and_the_next_goes_on(tmp_path: Path) -> None:
    goes_on = "--checkpoint", "kept.pt", "--every", "2"
    run = start(tmp_path, *goes_on, "--steps", 1_000_000, processes=2)
    assert run.stdout is not None
    workers = {}
    for line in run.stdout:
        if found := re.match(r"process (\d) of 2: (\d+)", line):
            workers[found[1]] = int(found[2])
        if line.startswith("step") and len(workers) == 2:
            os.kill(workers["1"], signal.SIGKILL)
            break
    _, errors = run.communicate(timeout=300)
    assert run.returncode != 0
    assert "ChildFailedError" in errors and "Signal 9 (SIGKILL)" in errors
    done = torch.load(tmp_path / "kept.pt")["step"]
    out = finish(tmp_path, *goes_on, "--steps", done + 2, processes=2)
    assert f"going on from step {done}" in out
    assert re.search(rf"step\s+{done + 2:,} ", out)
