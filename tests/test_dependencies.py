"""What is imported is declared, and what is declared is imported."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).parents[1]
# Names of distributions whose module is called otherwise.
MODULES = {"scikit-learn": "sklearn"}
# Written for those who have the frameworks or the extras; only `TYPE_CHECKING` needs the last.
OPTIONAL = {"IPython", "PyInstaller", "h5py", "jax", "lsprotocol", "matplotlib", "pygls",
            "pygments", "sklearn", "torch", "typing_extensions"}  # fmt: skip
# Asked for by a command line or a plugin, not by an import of ours.
TOOLS = {"ipykernel", "nbclient", "pytest", "pytest-lsp", "pytest-xdist", "ruff", "mypy", "celldsl"}


def imported(*folders: str) -> set[str]:
    found = set()
    for folder in folders:
        for path in (TOP / folder).rglob("*.py"):
            found |= set(_roots(ast.parse(path.read_text(encoding="utf-8"))))
    return found - set(sys.stdlib_module_names) - {"celldsl"}


def _roots(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


def declared(name: str) -> dict[str, str]:
    """The requirements of a table of `pyproject.toml`, by module."""
    text = (TOP / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(rf"^{name} = \[(.*?)\]$", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    found = {}
    for quoted in re.findall(r"\"[^\"\n]+\"(?=,|\n|$)|'[^'\n]+'", block[1]):
        words = re.match(r"([\w-]+)(?:\[[^]]*\])?([^;]*)", quoted[1:-1])
        assert words is not None
        found[MODULES.get(words[1], words[1])] = words[2].strip()
    return found


def test_the_package_declares_what_it_imports_and_no_more() -> None:
    assert imported("celldsl") - OPTIONAL == set(declared("dependencies"))


def test_what_has_private_parts_that_we_touch_has_an_upper_bound() -> None:
    needs = declared("dependencies")
    assert all("<" in needs[name] for name in ("lark", "numba", "llvmlite"))


def test_extras_are_imported_where_they_are_for() -> None:
    everywhere = imported("tests", "examples")
    test = set(declared("test")) | set(declared("examples"))
    assert test - TOOLS <= everywhere
    assert {"safetensors", "scipy", "mpmath", "hypothesis"} <= test
    assert set(declared("bench")) - TOOLS <= imported("benchmarks", "celldsl")
    assert "scipy" in declared("bench")


def test_benchmarks_import_what_is_there() -> None:
    """They are run by hand, and not by tests."""
    for path in sorted((TOP / "benchmarks").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("celldsl"):
                names = {alias.name for alias in node.names}
                assert not names - names_in(str(node.module)), (path.name, node.module)


def names_in(module: str) -> set[str]:
    """What can be imported from a module, as its text says: extras need not be here."""
    place = TOP.joinpath(*module.split("."))
    files = {path.stem for path in place.iterdir()} if place.is_dir() else set()
    text = (place / "__init__.py" if files else place.with_suffix(".py")).read_text(
        encoding="utf-8"
    )
    tree = ast.parse(text)
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    defined = ast.FunctionDef | ast.ClassDef
    return files | bound | {node.name for node in tree.body if isinstance(node, defined)}
