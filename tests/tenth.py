"""The tenth of the cells that slow tests run on by default.  In: names.  Out: marks.

    @pytest.mark.parametrize("name", marked(EVERY))

Which one it is goes by the commit, so that ten commits see all; `-m slow` runs every cell.  The
number is at the end of the test run, and CELLDSL_TENTH asks for another.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet


@cache
def tenth() -> int:
    """From 0 to 9."""
    asked = os.environ.get("CELLDSL_TENTH")
    return int(asked) % 10 if asked else int(commit(), 16) % 10


def commit() -> str:
    """The checkout's commit; 0 where there is none, as in a copy of the sources."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "0"
    return done.stdout.strip()


def marked(names: Iterable[str]) -> list[ParameterSet]:
    """All are slow, and those of the tenth run all the same."""
    found = []
    for name in names:
        own = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10 == tenth()
        marks = [pytest.mark.slow, *([pytest.mark.tenth] if own else [])]
        found.append(pytest.param(name, marks=marks, id=name))
    return found
