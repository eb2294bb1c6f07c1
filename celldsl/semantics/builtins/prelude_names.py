"""Which functions are in `prelude.cell`.  In: that file.  Out: its text, and names of its `def`s.

Most cells use none of them, so the file is parsed when one is used; its names are known before.
"""

from __future__ import annotations

from celldsl.package import package


def prelude_text() -> str:
    file = package() / "semantics" / "builtins" / "prelude.cell"
    text: str = file.read_text(encoding="utf-8")
    return text


PRELUDE = tuple(
    line.removeprefix("def ").partition("(")[0]
    for line in prelude_text().splitlines()
    if line.startswith("def ")
)
