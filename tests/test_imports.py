"""Imports go one way: between rooms as `LAYERS` says, and between files without a circle."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import celldsl
from celldsl import runtime
from celldsl.runtime import FILES, SURFACE

PACKAGE = Path(celldsl.__file__).parent
COMPILER = "diagnostics syntax ir semantics transforms plan kernel_ir targets"
FRONT = "diagnostics syntax ir"

# What a module may import besides its own room; the longest prefix of its name decides.
LAYERS = {
    "version": "",
    "structs": "",
    "fork_amid_imports": "",
    "mistakes": "",
    "files": "",
    "carried_files": "",
    "package": "",
    "cache_folders": "files",
    "__pyinstaller": "package",
    "pass_flags": "transforms",
    "cell_warning": "diagnostics",
    "fingerprint": "version package carried_files",
    "generated": "cache_folders",
    "diagnostics": "structs mistakes",
    "syntax": "structs diagnostics cache_folders package carried_files",
    "ir": "structs jit.gemm.sizes",
    "semantics.builtins": f"package structs {FRONT} semantics",
    "semantics": f"structs {FRONT} semantics.builtins carried_files",
    "transforms": "structs ir",
    "plan": "structs ir jit.gemm.sizes",
    "kernel_ir": "structs ir plan",
    "jit": "files cache_folders package fork_amid_imports",
    "cached": "generated",
    "kept_modules": "files cache_folders cell_warning runtime.cell",
    "runtime.numerics": "",
    "runtime.former": "",
    "runtime.errors": "mistakes",
    "runtime.description": "",
    "runtime.arrays": "jit runtime.errors runtime.description runtime.cpython.abi",
    "runtime.buffers": "jit runtime.arrays",
    "runtime.blocks": "jit runtime.arrays runtime.cpython",
    "runtime.row_plan": "runtime.arrays runtime.description",
    "runtime.threads": "jit runtime.errors runtime.description runtime.arrays runtime.buffers "
    "runtime.row_plan runtime.cpython",
    "runtime.cpython.abi": "runtime.arrays.validation",
    "runtime.cpython": "jit runtime.arrays",
    "runtime.exec": "jit runtime.errors runtime.description runtime.arrays runtime.buffers "
    "runtime.row_plan runtime.threads runtime.cpython",
    "runtime.cell": "files jit runtime.errors runtime.description runtime.arrays runtime.buffers "
    "runtime.row_plan runtime.threads runtime.exec runtime.former",
    "runtime": "jit.symbols runtime.errors runtime.description runtime.arrays runtime.cell "
    "runtime.former",
    # The oracle has its numerics in common with the runtime: they are plain NumPy.  Generated
    # modules say which records they fill in.
    "targets": "package structs ir plan kernel_ir jit.source_text runtime runtime.numerics "
    "runtime.description",
    "pipeline": f"version structs {COMPILER} pass_flags fingerprint",
    "unspecialized": "runtime.errors runtime.cell",
    "optim": "diagnostics runtime.errors",
    "editors": "version structs diagnostics syntax semantics semantics.builtins ir pipeline",
    "pictures": f"structs {FRONT}",
    "comparison": "structs diagnostics syntax zoo_index",
    "zoo_index": "structs diagnostics package",
    "zoo": "zoo_index runtime.cell api",
    "api": "zoo_index cell_warning structs unspecialized kept_modules fingerprint pass_flags "
    "runtime.cell runtime.errors runtime.threads jit.forks "
    "files carried_files diagnostics syntax pipeline",
    "first_not_finite": "structs ir targets",
    "bridges": "cache_folders carried_files fingerprint api pipeline runtime.cell "
    "runtime.description runtime.errors",
    "torch": "bridges api runtime",
    "questions": "carried_files structs diagnostics syntax semantics ir transforms targets "
    "pipeline api first_not_finite",
    "jax": "jit package runtime.arrays runtime.buffers runtime.cell runtime.cpython "
    "runtime.description runtime.errors runtime.exec runtime.row_plan runtime.threads bridges",
    "layouts": "runtime.arrays runtime.cell runtime.errors api questions zoo_index",
    "notebook": f"{FRONT} editors semantics pictures questions pipeline api cell_warning "
    "runtime.arrays runtime.cell",
    "inspection": "structs ir semantics transforms targets questions runtime.arrays runtime.cell "
    "runtime.errors",
    "importer": "files fingerprint api runtime.cell",
    "cli": f"version structs {COMPILER} pass_flags runtime files fingerprint pipeline api "
    "jit.target zoo_index comparison pictures optim editors inspection questions",
}
# `__init__` finds names when they are asked for, `__main__` calls the command line.
OUTSIDE = {"__init__", "__main__"}


@cache
def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)
        if name not in OUTSIDE:
            found[name] = path
    return found


def imported(path: Path) -> Iterator[str]:
    """Modules of the package that a file imports anywhere, without the package's name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("celldsl."):
                yield _module_of(name.removeprefix("celldsl."))


def _module_of(name: str) -> str:
    """The module that is imported: `name`, or the one that it is a name of."""
    return name if name in modules() else name.rpartition(".")[0]


def layer_of(name: str) -> str | None:
    """The longest entry of `LAYERS` that `name` is or lies in."""
    found = [entry for entry in LAYERS if name == entry or name.startswith(f"{entry}.")]
    return max(found, key=len, default=None)


@pytest.mark.parametrize("name", modules())
def test_a_module_imports_what_its_layer_may(name: str) -> None:
    own = layer_of(name)
    assert own is not None, f"{name} has no layer"
    allowed = {own, *LAYERS[own].split()}
    for target in imported(modules()[name]):
        inside = any(target == a or target.startswith(f"{a}.") for a in allowed)
        assert inside or layer_of(target) in allowed, f"{name} imports {target}"


def test_no_file_imports_itself_by_way_of_others() -> None:
    arrows = {name: set(imported(path)) for name, path in modules().items()}
    open_path: list[str] = []
    done: set[str] = set()

    def follow(name: str) -> None:
        assert name not in open_path, " -> ".join([*open_path[open_path.index(name) :], name])
        if name not in done:
            open_path.append(name)
            for target in sorted(arrows.get(name, ())):
                follow(target)
            open_path.pop()
            done.add(name)

    for name in arrows:
        follow(name)


# An entry point, the table of diagnostics, the folder of generated modules, what those import,
# former names, and what people import.
WITH_CODE = (
    "__pyinstaller",
    "diagnostics/catalogue",
    "generated",
    "inspection",
    "jax",
    "runtime",
    "runtime/cell",
    "torch",
)


def test_folders_hold_nothing_themselves() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        if path.parent != PACKAGE and path.parent.relative_to(PACKAGE).as_posix() not in WITH_CODE:
            assert len(ast.parse(path.read_text(encoding="utf-8")).body) == 1, path


def test_the_surface_loads_nothing_that_nobody_asked_for() -> None:
    code = "import sys, celldsl.runtime as r; print('numpy' in sys.modules, len(dir(r)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", str(len({*SURFACE, *FILES}))]
    for name in (*FILES, *SURFACE):
        assert getattr(runtime, name) is not None


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
    code = code.replace("FILE", repr(str(tmp_path / "a.cell")))
    # What the interpreter itself loads, by the machine's own settings, is not ours.
    code = f"import sys; before = set(sys.modules)\n{code}\n"
    code += f"print(); print(sorted({heavy} & set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


NUMBAS = ("jit.lowering.numba_intrinsics", "jit.lowering.numba_types")


def test_numba_is_imported_where_something_is_made_for_it() -> None:
    # It takes longer to import than a small cell takes to compile.
    asked = [
        name
        for name, path in modules().items()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        and "numba" in (getattr(node, "module", ""), *(alias.name for alias in node.names))
    ]
    assert sorted(set(asked)) == sorted(NUMBAS)
