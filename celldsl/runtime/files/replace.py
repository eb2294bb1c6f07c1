"""Files that are written whole or not at all.  In: a path and chunks of bytes.  Out: the file.

    replace_file("gru.py", [text.encode()])

Needs neither NumPy nor Numba.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def replace_file(path: str | os.PathLike[str], chunks: Iterable[bytes | memoryview]) -> None:
    """Writes beside the file and moves it into place: readers see the old one or the new one.

    Raises OSError, and then the old file is as it was.
    """
    target = Path(path)
    beside = target.with_name(f".{target.name}.{os.urandom(6).hex()}")
    try:
        with beside.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
