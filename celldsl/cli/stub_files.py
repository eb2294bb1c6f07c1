"""Files of types beside modules and cells.  In: a path.  Out: the path of its types, checked.

    types_of(Path("build/gru.py"))          # build/gru.pyi

One that somebody else wrote stays: nothing of theirs is replaced.
"""

from __future__ import annotations

from pathlib import Path

from celldsl.cli.output import CommandError
from celldsl.targets.numba.stub import MADE


def types_of(path: Path) -> Path:
    """Where the types of a module or a cell go.  Raises CommandError where others' types are."""
    # A folder has no suffix to replace, and reading it says what is wrong.
    stub = path.parent / f"{path.stem}.pyi"
    if not stub.is_dir() and (not stub.exists() or MADE in _beginning(stub)):
        return stub
    raise CommandError(f"{stub} is there, and celldsl did not write it: move it away first")


def _beginning(stub: Path) -> str:
    with stub.open(encoding="utf-8", errors="replace") as file:
        return file.read(1000)
