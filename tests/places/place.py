"""Odd places to run in.  In: code, a folder.  Out: what a process said there.

    done = run(USE, folder, as_other_user(), CELLDSL_CACHE_DIR=str(cache))

Nothing of the user's own is in sight: no cache, no home.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import celldsl

CHECKOUT = Path(celldsl.__file__).parents[1]
CELL = """\
cell Tiny[I, H]:
    input x: [I]
    state h: [H]

    h' = tanh(linear([x, h], H))

    output h'
"""
# The last line says whether anything was compiled: that imports Numba.
RUN = """
import sys
import numpy as np
cell = Tiny(I=3, H=4, seed=0)
x = np.ones((5, 2, 3), np.float32)
y, state, tape = cell.forward(x)
cell.backward(tape, y, state)
cell.step(x[0])
print(y.shape, "compiled" if any(m.endswith("jit.compile") for m in sys.modules) else "ready")
"""
IMPORTED = f"from tiny import Tiny{RUN}"
LOADED = f"import celldsl\nTiny = celldsl.load('tiny.cell'){RUN}"
NOBODY = 65534
NO_ENTRY = 12345  # as `docker run --user` may say
# The root and all that is mounted below it, for this process alone; fails where it is not so.
READ_ALONE = (
    "cut -d' ' -f5 /proc/self/mountinfo | while read -r each; "
    'do mount -o remount,bind,ro "$each" 2>/dev/null; done; ! touch /tmp 2>/dev/null'
)
FORBIDS = "this machine forbids it"


def run(
    code: str | Sequence[str], folder: Path, before: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs Python in a folder: a text, or arguments.  `before` stands in front of the command."""
    arguments = ["-c", code] if isinstance(code, str) else list(code)
    taken = {k: v for k, v in os.environ.items() if not k.startswith(("CELLDSL_", "NUMBA_", "XDG"))}
    given = {**taken, "PYTHONPATH": str(CHECKOUT), "HOME": str(folder / "home"), **environment}
    return subprocess.run(
        [*before, sys.executable, *arguments],
        cwd=folder, env=given, capture_output=True, text=True, check=False,
    )  # fmt: skip


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def as_other_user(number: int = NOBODY) -> list[str]:
    """Somebody who may read everything and write nothing; skips where nobody can become one."""
    prefix = shutil.which("setpriv")
    if prefix is None or not hasattr(os, "getuid") or os.getuid() != 0:
        pytest.skip(f"to run as another user: {FORBIDS}")
    words = f"--reuid {number} --regid {number} --clear-groups".split()
    words += ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
    return _if_allowed([prefix, *words])


def with_mounts(script: str) -> list[str]:
    """A process that sees other mounts; skips where it may make none."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip(f"to mount: {FORBIDS}")
    own = [] if os.getuid() == 0 else ["-r"]
    return _if_allowed([unshare, *own, "-m", "sh", "-c", f'{script} && exec "$@"', "sh"])


def read_alone() -> list[str]:
    """A process that can write nowhere; skips where it may not be told so."""
    return with_mounts(READ_ALONE)


def with_file_limit(size: int) -> list[str]:
    """As a full disk does, it ends a file that is written at some length."""
    return with_limits(f"-f {size}")


def with_limits(words: str) -> list[str]:
    """With a limit as Bash's `ulimit` takes it."""
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("there is no shell that sets limits")
    return _if_allowed([shell, "-c", f'ulimit {words} && exec "$@"', "bash"])


def _if_allowed(prefix: list[str]) -> list[str]:
    tried = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"{prefix[0]}: {FORBIDS}")
    return prefix
