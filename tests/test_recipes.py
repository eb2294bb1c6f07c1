"""The recipes of `docs/architecture.md`, followed to the end on a copy of the sources.

Each adds what its recipe says, in as many files as that says, and then runs what was promised.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
COPIED = ("celldsl", "tests", "docs", "grammars", "examples", "pyproject.toml", "README.md")
LEFT = shutil.ignore_patterns("__pycache__", "data", "*.npz", "*.pyc")
CELL = """\
cell C[H]:
    input x: [H]
    state h: [H]
    h' = {}
    output h'
"""
# What a cell computes in one step, by its kernels, and that its gradient is right.
RUN = """\
import sys
import numpy as np
from celldsl.api import compile_source
from celldsl.runtime.gradcheck import check_gradients

cell = compile_source(sys.argv[1])(H=3, dtype="float64")
x = np.array([[0.5, -2.0, 1.5]])
assert np.allclose(cell.step(x)[0], eval(sys.argv[2]), rtol=1e-12), cell.step(x)[0]
assert max(found.error for found in check_gradients(cell, 3, 2, 0)) < 1e-6
"""


class Copy:
    """The sources in a folder, what was changed there, and how they are run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.changed: set[str] = set()
        for name in COPIED:
            source = TOP / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=LEFT)
            else:
                shutil.copy(source, folder / name)

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")
        self.changed.add(path)

    def insert(self, path: str, before: str, text: str) -> None:
        """Puts a text before a line that is there once."""
        old = (self.folder / path).read_text(encoding="utf-8")
        assert old.count(before) == 1, f"{path} has {before!r} {old.count(before)} times"
        self.write(path, old.replace(before, text + before))

    def run(self, *command: str) -> str:
        places = {"PYTHONPATH": str(self.folder), "CELLDSL_CACHE_DIR": str(self.folder / "cache")}
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder, env={**os.environ, **places}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def test(self, *arguments: str) -> None:
        self.run("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_an_activation(copy: Copy) -> None:
    """Two files: its `def`, and its line in the reference."""
    copy.insert("celldsl/semantics/builtins/prelude.cell", "def rsqrt(v)",
                "def mish(v) = v * tanh(softplus(v))\n\n")  # fmt: skip
    copy.insert(
        "docs/language.md", "| `mod(a, b)`", "| `mish(v)` | v * tanh(softplus(v)) | `v` |\n"
    )
    assert len(copy.changed) == 2
    copy.run("-c", RUN, CELL.format("mish(x)"), "x * np.tanh(np.log1p(np.exp(x)))")
    copy.test("tests/semantics/test_functions.py", "tests/semantics/test_names_from_elsewhere.py",
              "tests/docs/test_docs.py",
              "-k", "prelude or every_function or elsewhere or foreign")  # fmt: skip


PROD = """\
    Op("prod", "reduce", 1, "the product along an axis", _reduced, "{0}.prod(axis={axis})",
       formula_with(lambda node, x, y, d: [_along(y * d, node[AXIS], x) / x]),
       domain=(0.2, 3.0), reduction=Reduction(1.0, lambda total, x: apply("mul", total, x)),
       function="prod", attributes=(AXIS,)),
"""


def test_an_operation(copy: Copy) -> None:
    """Two files: its entry, and its line in the reference.  Every target prints it."""
    copy.insert("celldsl/ir/ops/reductions.py", '    Op("cumsum", "scan"', PROD)
    copy.insert(
        "docs/language.md", "| `softmax(v)`", "| `prod(v)` | along an axis | without it |\n"
    )
    assert len(copy.changed) == 2
    copy.run("-c", RUN, CELL.format("x + prod(x)"), "x + x.prod()")
    copy.test("tests/ir/ops", "tests/semantics/test_functions.py", "tests/docs/test_docs.py",
              "-k", "prod or every_function")  # fmt: skip
    for target in ("torch", "jax"):
        copy.write("c.cell", CELL.format("x + prod(x)"))
        text = copy.run("-m", "celldsl", "compile", "c.cell", "--target", target, "-o", "-")
        assert "reduced(lambda total, x: total * x, 1.0, x, -1)" in text


def test_what_an_operation_lacks_is_named(copy: Copy) -> None:
    rule = 'reduction=Reduction(1.0, lambda total, x: apply("mul", total, x)),'
    lacking = PROD.replace(rule, "")
    copy.insert("celldsl/ir/ops/reductions.py", '    Op("cumsum", "scan"', lacking)
    with pytest.raises(AssertionError, match="prod lacks how its loop goes"):
        copy.test("tests/ir/ops/test_facets.py")


LEAVE = '''\
"""A pass that does nothing.  In: a Program.  Out: the same."""

from __future__ import annotations

from celldsl.ir.program import Program


def leave(p: Program) -> Program:
    return p
'''
LEAVE_TEST = """\
from celldsl.transforms.leave import leave
from tests.transforms.test_before_after import ends, program


def test_leave() -> None:
    before = program("", "  %0 = tanh(h) : step [H]\\n", "", ends("%0", "%0"))
    assert leave(before) == before
"""


def test_a_pass(copy: Copy) -> None:
    """Three files: the pass, its line in the pipeline, its test."""
    copy.write("celldsl/transforms/leave.py", LEAVE)
    copy.insert("celldsl/transforms/pipeline.py", "from celldsl.transforms.licm import licm",
                "from celldsl.transforms.leave import leave\n")  # fmt: skip
    copy.insert(
        "celldsl/transforms/pipeline.py",
        "    Step(contract_rows,",
        '    Step(leave, "where there is nothing to do", "leaves all as it is"),\n',
    )
    copy.write("tests/transforms/test_leave.py", LEAVE_TEST)
    assert len(copy.changed) == 3
    copy.test("tests/transforms", "tests/test_optimisations.py", "tests/test_imports.py",
              "-k", "leave or name or says_why or itself")  # fmt: skip
    copy.write("c.cell", CELL.format("tanh(x)"))
    text = copy.run("-m", "celldsl", "compile", "c.cell", "--without", "leave", "-o", "-")
    assert "Made without leave." in text


LISTING = '''\
"""Programs as text.  In: a unit.  Out: what `celldsl.ir.text` prints."""

from __future__ import annotations

from celldsl.ir.text import print_program
from celldsl.targets.framework.module import Unit


def module_source(unit: Unit) -> str:
    return print_program(unit.program)
'''


def test_a_target(copy: Copy) -> None:
    """One folder, and one line."""
    copy.write("celldsl/targets/listing/__init__.py", '"""Programs as text."""\n')
    copy.write("celldsl/targets/listing/module.py", LISTING)
    copy.insert("celldsl/targets/table.py", '        Target("torch"',
                '        Target("listing", "program", "the Program as text"),\n')  # fmt: skip
    copy.write("c.cell", CELL.format("tanh(x)"))
    text = copy.run("-m", "celldsl", "compile", "c.cell", "--target", "listing", "-o", "-")
    assert text.startswith("program C[H]\n") and "tanh(x)" in text
    copy.test("tests/test_imports.py")


def test_a_message(copy: Copy) -> None:
    """Two files: the words, and what the tests of bad programs expect, which `--renew` writes."""
    words = "shapes do not match"
    catalogue = copy.folder / "celldsl/diagnostics/catalogue/shapes.py"
    catalogue.write_text(catalogue.read_text(encoding="utf-8").replace(words, "shapes differ"))
    assert "shapes differ" in copy.run("-m", "celldsl", "explain", "E0203")


def test_a_cell(copy: Copy) -> None:
    """Two files: the cell, and its entry in the index.  A command makes the rest."""
    text = CELL.format("h + 0 * mean(x)").replace(" C[", " Held[")
    copy.write("examples/basics/held.cell", text)
    index = (copy.folder / "examples/index.toml").read_text(encoding="utf-8")
    copy.write("examples/index.toml", index + "\n[cell.held]\nrows = {}\n")
    assert len(copy.changed) == 2
    copy.run("docs/make_cells.py")
    assert "held" in copy.run("-m", "celldsl", "list")
