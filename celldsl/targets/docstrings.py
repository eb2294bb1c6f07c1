"""Text in docstrings of modules that are written.  In: any text.  Out: what says it there.

    f'\"\"\"Made from {in_docstring("gru.cell")}.\"\"\"'

Names of files are anybody's: one that could end the docstring would be run as code.
"""

from __future__ import annotations


def in_docstring(text: str) -> str:
    """A line that means the text between triple quotes; what nobody would see there is escaped."""
    safe = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return "".join(c if c.isprintable() or c == "\t" else _escaped(c) for c in safe)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
