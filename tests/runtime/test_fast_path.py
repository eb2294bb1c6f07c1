"""Everything that the runtime does where no object is read by address."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import celldsl
from celldsl.runtime.cpython.abi import fast_path

ROOT = Path(celldsl.__file__).parents[1]
FILES = ("test_sequences.py", "test_params.py")
OFF = """\
import numpy as np, pytest, sys
from celldsl.runtime.cpython.abi import fast_path
assert not fast_path()
sys.exit(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


def test_objects_lie_as_is_taken_for_granted() -> None:
    """On every CPython and NumPy that is supported."""
    wanted = sys.implementation.name == "cpython" and sys.byteorder == "little"
    if os.environ.get("CELLDSL_FASTPATH") != "0" and getattr(sys, "_is_gil_enabled", lambda: 1)():
        assert fast_path() == wanted


def test_the_runtime_does_without_the_fast_path() -> None:
    files = [str(Path(__file__).with_name(name)) for name in FILES]
    # Plugins that see xdist's variables would take it for one of its workers.
    kept = {name: v for name, v in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    environment = {**kept, "PYTHONPATH": str(ROOT), "CELLDSL_FASTPATH": "0"}
    done = subprocess.run(
        [sys.executable, "-c", OFF, *files],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
