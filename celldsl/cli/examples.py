"""The cells that come with celldsl.  In: nothing.  Out: their paths and first lines.

for path in example_paths(): print(path.stem, summary_of(path))
"""

from __future__ import annotations

import re
from pathlib import Path

_DOCSTRING = re.compile(r"\"\"\"\s*([^\n\"]+)")


def examples_folder() -> Path:
    """Beside the package in a wheel, at the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    beside = package / "examples"
    return beside if beside.is_dir() else package.parent / "examples"


def example_paths() -> list[Path]:
    return sorted(examples_folder().glob("*.cell"))


def summary_of(path: Path) -> str:
    """The first line of the first docstring."""
    found = _DOCSTRING.search(path.read_text(encoding="utf-8"))
    return found.group(1).strip() if found else ""
