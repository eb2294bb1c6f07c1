"""Modules that stand alone.  In: nothing.  Out: the text that gives such a module its runtime.

    carried().package        # "_celldsl_3f0a…", from which the module imports
    carried().text           # the files of that package as texts, and a loader for them

Modules with the same runtime share one package in a process: its name is a hash of what is in it.
The module needs NumPy, Numba and the standard library, and not celldsl.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import textwrap
import zlib
from functools import cache
from pathlib import PurePosixPath
from typing import NamedTuple

from celldsl.jit.source_text import SOURCE
from celldsl.package import files_below, package

FACTS = ("cache_folders.py", "files.py", "fork_amid_imports.py", "mistakes.py", "package.py")
ROOMS = (*FACTS, "jit", "runtime")
# What checks gradients and runs is for the command line.
AT_HOME = ("runtime/gradcheck.py", "runtime/run_checks.py")
# As `pyproject.toml` says.
NEEDED = {"Python": ">=3.10", "NumPy": ">=1.26", "Numba": ">=0.61,<0.69"}
NOTE = f"""
It stands alone.  It needs {", ".join(f"{name} {v}" for name, v in NEEDED.items())}, and no
celldsl: what it runs on comes first, as texts, and the cell last.
"""
# What people who have nothing but the module catch and call.
PUBLIC = ("ArgumentError", "ArgumentTypeError", "WeightsError", "get_threads", "rebuild_cell",
          "set_threads")  # fmt: skip
RULE = f"# {'-' * 94}"
LICENCE = f"""\
{RULE}
# The runtime of celldsl, as texts that are imported from here.
# Copyright (c) 2026 celldsl contributors.  SPDX-License-Identifier: MIT
{RULE}"""
CELL = f"""\
{RULE}
# The cell.
{RULE}"""


class Carried(NamedTuple):
    """A package and the text that makes it known."""

    package: str
    text: str


@cache
def carried() -> Carried:
    """The runtime, for modules that stand alone."""
    found = {"": "", **{_name(name): text for name, text in _files().items()}}
    digest = hashlib.sha256("\0".join(part for item in found.items() for part in item).encode())
    package = f"_celldsl_{digest.hexdigest()[:12]}"
    names = {name: f"{package}.{name}" if name else package for name in found}
    texts = [
        f"        {names[name]!r}: {_literal(_under(package, found[name]))}," for name in found
    ]
    # No global name of the module is needed for it, so that none can be in the way of the cell's.
    lines = [
        f"exec({_literal(_carrier())}, {{",
        f"    '__name__': '{package}', '__file__': __file__, 'PACKAGE': '{package}',",
        *("    'RUNTIME': {", *texts, "    },"),
        "})",
        "# For PyInstaller and others that look for what a module needs: texts do not tell them.",
        _needed(),
    ]
    return Carried(package, "\n\n".join([LICENCE, "\n".join(lines), CELL]))


def with_source(above: str, code: str) -> str:
    """A module's text with what `celldsl.jit.source_text` reads where there is bytecode alone."""
    above += "\n\n"
    packed = base64.b85encode(zlib.compress(code.encode(), 9)).decode("ascii")
    lines = [f"    {packed[at : at + 94]!r}" for at in range(0, len(packed), 94)]
    note = "# The cell's text once more, for programs that keep bytecode alone."
    begun = f"{SOURCE} = ({above.count(chr(10))}, ("
    return "\n".join([f"{above}{code}", note, begun, *lines, "))", ""])


def _needed() -> str:
    """What the texts import, said where programs that freeze others look; it is never run."""
    named: set[str] = set()
    for text in _files().values():
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Import(names=names):
                    named |= {alias.name for alias in names}
                case ast.ImportFrom(module=str(module)):
                    named.add(module)
    others = sorted(n for n in named if n.partition(".")[0] not in ("celldsl", "__future__"))
    lines = textwrap.wrap(", ".join(others), 88, break_long_words=False)
    return "\n".join(["if not __name__:", *(f"    import {line.rstrip(',')}" for line in lines)])


def _files() -> dict[str, str]:
    """The texts of the runtime's files, by their names in the package."""
    found: dict[str, str] = {}
    for room in ROOMS:
        entry = package() / room
        files = [(room, entry)] if entry.is_file() else files_below(entry, (".py",), f"{room}/")
        found |= {name: file.read_text(encoding="utf-8") for name, file in files}
    return {name: text for name, text in found.items() if name not in AT_HOME}


def _name(path: str) -> str:
    """`jit.functions` for jit/functions.py, `jit` for its folder."""
    parts = PurePosixPath(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _under(package: str, text: str) -> str:
    """A file that imports its siblings from another package."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("celldsl."):
            at = node.lineno - 1
            lines[at] = lines[at].replace("from celldsl.", f"from {package}.", 1)
    return "".join(f"{line}\n" for line in lines)


def _literal(text: str) -> str:
    """Python for a text, as readable as may be."""
    if not text or "'''" in text or text.endswith(("'", "\\")):
        return repr(text)
    return f"r'''{text}'''"


def _carrier() -> str:
    """The code of `carrier`, but for the names that a module gives values to."""
    text: str = (package() / "targets" / "numba" / "carrier.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    body = ast.parse(text).body
    imports = [n for n in body if isinstance(n, ast.Import | ast.ImportFrom)]
    named = [n for n in body if isinstance(n, ast.Assign | ast.AnnAssign)]
    code = "\n".join(lines[named[-1].lineno :]).strip("\n")
    return "\n".join([*lines[imports[0].lineno - 1 : imports[-1].lineno], "", code, ""])
