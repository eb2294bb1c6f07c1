"""Which functions are in `prelude.cell`.  In: that file.  Out: its text, and names of its `def`s.

Most cells use none of them, so the file is parsed when one is used; its names are known before.
"""

from __future__ import annotations

from pathlib import Path


def prelude_text() -> str:
    return Path(__file__).with_name("prelude.cell").read_text(encoding="utf-8")


PRELUDE = tuple(
    line.removeprefix("def ").partition("(")[0]
    for line in prelude_text().splitlines()
    if line.startswith("def ")
)
