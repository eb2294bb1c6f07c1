"""Modules that stand alone.  In: the text of a generated module.  Out: one that needs no celldsl.

    text = standalone_text(module_source(unit))      # imports NumPy, Numba and the standard library

What the module imports of the runtime is put into it, file by file, each after those that it needs.
Of `numerics` only the functions that initial values call come along; its names get a prefix, since
kernels have a `sigmoid` of their own.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from celldsl.jit.symbols import CODE_FILES
from celldsl.targets.numba.renaming import flattened, renamed

ROOT = Path(__file__).parents[2]
PACKAGES = ("celldsl.runtime", "celldsl.jit", "celldsl.files")
NAMESPACES = {"describe": "", "numerics": "numerics_"}
LICENCE = """\
# ----------------------------------------------------------------------------------------------
# The runtime of celldsl, as far as this cell needs it.
# Copyright (c) 2026 celldsl contributors.  SPDX-License-Identifier: MIT
# ----------------------------------------------------------------------------------------------"""
CELL = """\
# ----------------------------------------------------------------------------------------------
# The cell.
# ----------------------------------------------------------------------------------------------"""


def standalone_text(text: str) -> str:
    """The module with the runtime in it."""
    tree = ast.parse(text)
    head = "\n".join(text.splitlines()[: tree.body[0].end_lineno])
    called = _called(tree)
    files = [name for name in _ordered(_siblings(tree.body)) if name != "runtime.numerics"]
    texts = [_section(name, _without_imports(_read(name))) for name in files]
    if called:
        texts.append(_section("runtime.numerics", _numerics(called)))
    sources = [*files, *(["runtime.numerics"] if called else [])]
    imports = _imports([tree, *(ast.parse(_read(name)) for name in sources)])
    body = flattened(_without_imports(text), NAMESPACES)
    parts = [f"{head}\n\n# ruff: noqa\n\n{imports}", LICENCE, *texts, CELL, body]
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def _called(tree: ast.Module) -> set[str]:
    """The functions of `numerics` that a module calls."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "numerics"
    }


@cache
def _read(name: str) -> str:
    """The text of a file of the runtime: `runtime.errors`, `jit.masks`."""
    return ROOT.joinpath(*name.split(".")).with_suffix(".py").read_text(encoding="utf-8")


def _is_ours(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGES)


def _siblings(nodes: Iterable[ast.AST]) -> list[str]:
    """The files of the runtime that these statements import, in order."""
    found = []
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and _is_ours(node):
            names = [alias.name for alias in node.names]
            match (node.module or "").removeprefix("celldsl."):
                case "runtime":
                    found += [f"runtime.{name}" for name in names]
                case "jit.symbols":
                    # The files come along in any case, and the names stand for themselves.
                    found += [f"jit.{f}" for f, own in CODE_FILES.items() if set(own) & set(names)]
                case file:
                    found.append(file)
    return found


def _ordered(files: Iterable[str]) -> list[str]:
    """These files and all that they need, each after what it needs to be imported."""
    found: list[str] = []
    pending = list(files)

    def visit(file: str) -> None:
        if file not in found:
            tree = ast.parse(_read(file))
            for needed in _siblings(tree.body):
                visit(needed)
            found.append(file)
            # What functions import may come later.
            pending.extend(_siblings(ast.walk(tree)))

    while pending:
        visit(pending.pop(0))
    return found


def _section(name: str, code: str) -> str:
    doc = ast.get_docstring(ast.parse(_read(name))) or name
    return f"# {name}: {doc.splitlines()[0].partition('  In:')[0]}\n\n{code}"


def _without_imports(text: str) -> str:
    """A module's text without its docstring, imports and `__all__`."""
    tree = ast.parse(text)
    lines: list[str | None] = list(text.splitlines())
    imports: list[ast.stmt] = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    imports += [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and _is_ours(n)]
    for node in (tree.body[0], *imports, *(node for node in tree.body if _is_all(node))):
        end = node.end_lineno or node.lineno
        lines[node.lineno - 1 : end] = [None] * (end - node.lineno + 1)
    # Marks for checkers are for a file, and this becomes a part of one.
    kept = [x for x in lines if x is not None and not x.startswith(("# ruff:", "# mypy:"))]
    return "\n".join(kept).strip("\n")


def _is_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def _numerics(called: set[str]) -> str:
    """The functions that are called, and those that they call, under their prefix."""
    text = _read("runtime.numerics")
    lines = text.splitlines()
    tree = ast.parse(text)
    defined: dict[str, ast.stmt] = {}
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                defined[name] = node
    needed: set[str] = set()
    pending = list(called)
    while pending:
        name = pending.pop()
        if name in defined and name not in needed:
            needed.add(name)
            pending += [n.id for n in ast.walk(defined[name]) if isinstance(n, ast.Name)]
    chosen = [
        "\n".join(lines[node.lineno - 1 : node.end_lineno])
        for name, node in defined.items()
        if name in needed
    ]
    return renamed("\n\n\n".join(chosen), {n: f"numerics_{n.lstrip('_')}" for n in needed})


def _imports(trees: list[ast.Module]) -> str:
    """One block of imports for all files: the standard library, then the others."""
    whole: set[str] = set()
    parts: dict[str, set[str]] = {}
    for tree in trees:
        for node in tree.body:
            match node:
                case ast.Import():
                    whole.add(ast.unparse(node))
                case ast.ImportFrom(module=str(module)) if module != "__future__":
                    names = () if _is_ours(node) else (alias.name for alias in node.names)
                    parts.setdefault(module, set()).update(names)
    lines = [
        *sorted(whole),
        *(f"from {module} import {', '.join(sorted(names))}"
          for module, names in sorted(parts.items()) if names),
    ]  # fmt: skip
    own = [line for line in lines if re.split(r"[ .]", line)[1] in sys.stdlib_module_names]
    others = [line for line in lines if line not in own]
    return "\n".join(["from __future__ import annotations", "", *own, "", *others])
