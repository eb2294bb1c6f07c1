"""Files that lie on no disk, which a class carries as texts.  In: names, texts.  Out: a root.

    root = carried([("outer.cell", text), ("parts/gate.cell", other)])
    is_file(root / "parts/gate.cell"), open_file(root / "outer.cell").read()

A pickled class is opened anywhere, also where nothing can be written.  The root is a path as any
other, under a name that no disk has; who reads files of cells asks here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

_HELD: dict[Path, bytes] = {}


def carried(sources: Sequence[tuple[str, str]]) -> Path:
    """The root of files (name inside it, text).  Raises ValueError for names that lead out."""
    import hashlib  # which `celldsl check` does without

    digest = hashlib.sha256(repr(sources).encode("utf-8", "surrogatepass")).hexdigest()
    root = Path(os.path.abspath(f"{os.sep}celldsl-carried{os.sep}{digest[:32]}"))  # noqa: PTH100
    found = {}
    for name, text in sources:
        file = Path(os.path.normpath(root / name))
        if not file.is_relative_to(root):
            raise ValueError(f"{name} lies outside the files of {sources[0][0]}")
        found[file] = text.encode()
    _HELD.update(found)
    return root


def is_file(path: Path) -> bool:
    """Raises what `Path.is_file` raises."""
    return path in _HELD or path.is_file()


def open_file(path: Path) -> BinaryIO:
    """Raises OSError where it cannot be read."""
    held = _HELD.get(path)
    return path.open("rb") if held is None else BytesIO(held)
