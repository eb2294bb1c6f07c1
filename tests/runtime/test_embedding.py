"""What lets a module stand alone: the texts of these files, one after the other, are one module."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

import celldsl

PACKAGE = Path(celldsl.__file__).parent
ROOMS = ("runtime", "jit")
FILES = [*(file for room in ROOMS for file in sorted((PACKAGE / room).rglob("*.py"))),
         PACKAGE / "files.py"]  # fmt: skip
# The check of gradients stays outside; names of `numerics` get a prefix.
EMBEDDED = [file for file in FILES if file.stem not in ("gradcheck", "numerics", "__init__")]


def test_imports_are_numpy_numba_the_library_and_lines_of_one_form() -> None:
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                roots = [alias.name.split(".")[0] for alias in node.names]
                assert not any(alias.asname for alias in node.names) or roots == ["numpy"], file
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, file
                roots = [(node.module or "").split(".")[0]]
                if roots == ["celldsl"]:
                    assert (node.module or "").split(".")[1] in (*ROOMS, "files"), file
            else:
                continue
            for root in roots:
                known = root in sys.stdlib_module_names
                assert known or root in ("numpy", "numba", "llvmlite", "celldsl"), (file, root)


def test_no_name_is_defined_in_two_files() -> None:
    names = Counter(name for file in EMBEDDED for name in _defined(file))
    assert [name for name, count in names.items() if count > 1] == []
    assert len(EMBEDDED) > 40


def test_names_of_siblings_are_those_they_have_there() -> None:
    for file in EMBEDDED:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("celldsl"):
                assert not any(alias.asname for alias in node.names), file


def _defined(file: Path) -> set[str]:
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets):
                found |= {t.id for t in targets if isinstance(t, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
    return found
