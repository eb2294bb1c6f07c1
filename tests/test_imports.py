"""Imports go one way: each layer sees those above it in `LAYERS`, and only those it names."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import celldsl

PACKAGE = Path(celldsl.__file__).parent
COMPILER = "diagnostics syntax ir ops semantics autodiff passes plan backends"
FRONT = "diagnostics syntax ir"
# What a walk over a cell goes by, and what it says; sizes and tensors.
VALUES = "semantics.walk semantics.messages semantics.sizes semantics.tensors"
# What the runtime says of cells and calls.
RECORDS = "runtime.errors runtime.description"
# Files for all, which need no NumPy.
PLAIN_FILES = "runtime.files.cache_folder runtime.files.replace"

# What a module may import besides its own layer; the longest prefix of its name decides.
LAYERS = {
    "record": "",
    "fingerprint": "",
    "optimisations": "",
    "runtime.files.cache_folder": "",
    "runtime.files.replace": "",
    "cached": "runtime.files.cache_folder",
    "diagnostics": "",
    "syntax": "diagnostics",
    "ir": "",
    "ops": "ir ir.builder",
    # These two ask the table of operations for types.  `builder` does so when it is called, since
    # derivatives, which stand in the table, are built with it.
    "ir.builder": "ir ops",
    "ir.verify": "ir ops",
    "semantics.modules": "diagnostics syntax",
    "semantics.walk": f"{FRONT} ir.builder semantics.modules",
    "semantics.messages": f"{FRONT} semantics.walk",
    "semantics.sizes": f"{FRONT} semantics.walk semantics.messages",
    "semantics.tensors": f"{FRONT} semantics.walk semantics.messages semantics.sizes",
    "semantics.declarations": f"{FRONT} {VALUES}",
    "semantics.functions": f"{FRONT} {VALUES} semantics.declarations semantics.modules",
    "semantics.names": "diagnostics syntax semantics.walk semantics.messages "
    "semantics.declarations semantics.functions",
    "semantics.conditions": f"{FRONT} semantics.walk semantics.tensors semantics.names",
    "semantics.inner": f"{FRONT} {VALUES} semantics.modules semantics.functions semantics.names "
    "semantics.conditions",
    "semantics.bodies": f"{FRONT} {VALUES} semantics.modules semantics.declarations "
    "semantics.functions semantics.names semantics.conditions semantics.inner",
    "semantics.expressions": f"{FRONT} semantics.walk semantics.messages semantics.tensors "
    "semantics.declarations semantics.functions semantics.names semantics.inner semantics.bodies",
    # One walk over a cell, all problems of a file, a cell as a program.
    "semantics": f"{FRONT} semantics.modules semantics.walk semantics.messages semantics.sizes "
    "semantics.declarations semantics.names semantics.inner semantics.bodies "
    "semantics.expressions",
    "autodiff": "ir ir.builder ops",
    "passes": "ir ir.builder ir.verify ops",
    "plan": "ir ops",
    "runtime.numerics": "",
    "runtime.errors": "",
    "runtime.description": "",
    # The names of what only compiled code calls.
    "runtime.code": "",
    # What is marked asks for its code when it is called.
    "runtime.kernel": "runtime.code runtime.stages runtime.machine",
    "runtime.masks": "runtime.code runtime.kernel",
    "runtime.elementary": "",
    "runtime.stages": "runtime.kernel runtime.elementary",
    "runtime.machine": f"runtime.kernel runtime.stages {PLAIN_FILES}",
    "runtime.gemm": "runtime.kernel runtime.stages runtime.machine",
    "runtime.checks": RECORDS,
    "runtime.files": "runtime.errors runtime.checks runtime.files.replace",
    "runtime.building": f"{RECORDS} runtime.checks",
    "runtime.running": f"{RECORDS} runtime.code runtime.kernel runtime.stages runtime.machine "
    "runtime.checks runtime.building",
    # Cells, which people meet, and the check of their gradients.
    "runtime": f"{RECORDS} runtime.checks runtime.files runtime.building runtime.running",
    # The oracle has its numerics in common with the runtime: they are plain NumPy.  Generated
    # modules say which records they fill in.
    "backends": "ir ir.verify ops plan runtime.numerics runtime.code runtime.description",
    "driver": f"{COMPILER} semantics.walk optimisations fingerprint",
    "undecided": "runtime runtime.errors runtime.files",
    "loading": f"undecided cached fingerprint optimisations runtime {PLAIN_FILES} "
    "diagnostics syntax driver",
    "importer": "fingerprint loading",
    "cli": f"{COMPILER} optimisations runtime {RECORDS} runtime.running runtime.files.replace "
    "fingerprint driver loading",
}
# Where two layers import each other, one of them inside a function; the table says why.
KNOTS = {"ops": {"ir.builder"}, "runtime.kernel": {"runtime.stages", "runtime.machine"}}
# What any module may import.
COMMON = {"record"}
# `__init__` finds names when they are asked for, `__main__` calls the command line.
OUTSIDE = {"__init__", "__main__"}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)
        if name not in OUTSIDE:
            yield name, path


def imported(path: Path) -> Iterator[str]:
    """Modules of the package that a file imports anywhere, without the package's name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (n.removeprefix("celldsl.") for n in names if n.startswith("celldsl."))


def layer_of(name: str) -> str | None:
    """The longest entry of `LAYERS` that `name` is or lies in."""
    found = [entry for entry in LAYERS if name == entry or name.startswith(f"{entry}.")]
    return max(found, key=len, default=None)


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=[n for n, _ in modules()])
def test_a_module_imports_what_its_layer_may(name: str, path: Path) -> None:
    own = layer_of(name)
    assert own is not None, f"{name} has no layer"
    for target in imported(path):
        layer = layer_of(target)
        if layer is None:
            # A name of the package itself, such as its version.
            assert hasattr(celldsl, target), f"{name} imports {target}, which has no layer"
        else:
            assert layer in {own, *COMMON, *LAYERS[own].split()}, f"{name} imports {target}"


def test_layers_name_only_what_stands_above_them() -> None:
    above: set[str] = set()
    for layer, allowed in LAYERS.items():
        ahead = set(allowed.split()) - above
        assert ahead <= KNOTS.get(layer, set()), layer
        above.add(layer)


@pytest.mark.parametrize("folder", ["runtime", "semantics"])
def test_folders_import_nothing_themselves(folder: str) -> None:
    for path in (PACKAGE / folder).rglob("__init__.py"):
        assert len(ast.parse(path.read_text(encoding="utf-8")).body) == 1, path


# What would make a short command slow to start: `dataclasses` imports `inspect`, which is large.
HEAVY = {"numpy", "numba", "llvmlite", "scipy", "safetensors", "tqdm", "lark", "dataclasses",
         "inspect", "typing_extensions", "importlib.metadata", "json", "hashlib", "difflib",
         "textwrap", "tempfile", "logging", "subprocess", "decimal", "unittest"}  # fmt: skip


@pytest.mark.parametrize(
    "code",
    [
        "import celldsl",
        "from celldsl.cli.main import main; main(['check', FILE])",
        "from celldsl.cli.main import main; main(['fmt', '--check', FILE])",
        "from celldsl.cli.main import main; main(['list'])",
    ],
)
def test_what_needs_no_arrays_loads_none(code: str, tmp_path: Path) -> None:
    text = "cell A[H]:\n    input x: [H]\n    state h: [H]\n\n    h' = x\n\n    output h'\n"
    (tmp_path / "a.cell").write_text(text, encoding="utf-8")
    heavy = str(HEAVY)
    code = f"{code.replace('FILE', repr(str(tmp_path / 'a.cell')))}\nimport sys\n"
    code += f"print(); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
