"""Whatever a cell's author calls things, the names in plain code do not clash."""

from __future__ import annotations

import ast
import keyword
import re
from typing import Any

import numpy as np
import pytest

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.span import Source
from celldsl.pipeline import front, generate
from celldsl.semantics.lower import Lowered
from celldsl.targets.table import TARGETS
from tests.cells import example
from tests.end_to_end.subject import FEATURES, subject_of
from tests.random_cells.test_modules import unknown_names
from tests.targets.compare import as_array
from tests.targets.written import as_module, source

TEXT = """
cell {cell}[I, H](rate = 0.0):
    input {input}: [I]
    state {state}, s2: [H]
    param {param}: [H] = normal(0.1)
    const {const}: [H]

    {first}  = tanh(linear([{input}, {state}], H)) * {param}
    {second} = dropout({first} + {const} * exp({const}), rate)
    {state}' = {second} + s2
    s2'      = {first} * {state}'

    output {state}', {second}
"""
ROLES = {"cell": "Main", "input": "x", "state": "h", "param": "p", "const": "k", "first": "a",
         "second": "b"}  # fmt: skip


def words(target: str) -> list[str]:
    """Every name of generated files, beside all names of parts of a cell."""
    found: set[str] = set()
    for path in (
        example("gru"),
        FEATURES / "masked_sequences.cell",
        FEATURES / "const_matrix.cell",
    ):
        subject = subject_of(path)
        tree = ast.parse(source(subject.program, subject.spec, target))
        for node in ast.walk(tree):
            match node:
                case ast.Name(name) | ast.arg(name) | ast.Attribute(_, name) | ast.alias(name):
                    found.add(name)
                case ast.FunctionDef(name) | ast.ClassDef(name):
                    found.add(name)
    names = {name for name in found if re.fullmatch(r"[A-Za-z]\w*", name)}
    return sorted(names - set(keyword.kwlist) - {*ROLES.values(), "s2", "rate", "I", "H"})


def run(module: Any, target: str) -> list[Any]:
    rng = np.random.default_rng(0)
    x = as_array(target, rng.normal(size=(3, 2, 4)).astype("float32"))
    constants = {next(iter(module_constants(module))): as_array(target, np.full(5, 0.5, "float32"))}
    params = {
        name: as_array(target, rng.normal(size=shape).astype("float32"))
        for name, shape in zip(module_params(module), ((5,), (4, 5), (5, 5), (5,)), strict=True)
    }
    y, state = module.forward(params, x, constants=constants)
    return [np.asarray(each) for each in (*y, *state)]


def lowered(text: str) -> Lowered | None:
    """None where the language keeps a name for itself."""
    try:
        return front(Source("named.cell", text), Report(), None, {})
    except CellError:
        return None


def module_params(module: Any) -> list[str]:
    return re.findall(r"^    (\S+): \[", module.__doc__.partition("Parameters:\n")[2]
                      .partition("Constants:")[0], re.MULTILINE)  # fmt: skip


def module_constants(module: Any) -> list[str]:
    return re.findall(r"^    (\S+): \[", module.__doc__.partition("Constants:\n")[2], re.MULTILINE)


@pytest.mark.parametrize("role", ROLES)
def test_no_name_clashes_in_torch(role: str) -> None:
    """A cell computes the same whatever the part is called."""
    pytest.importorskip("torch")
    wanted, tried = None, 0
    for word in [ROLES[role], *words("torch")]:
        found = lowered(TEXT.format(**{**ROLES, role: word}))
        if found is not None:
            module = as_module(source(found.program, found.spec, "torch"))
            values = run(module, "torch")
            wanted = wanted or values
            assert all((a == b).all() for a, b in zip(values, wanted, strict=True)), word
            tried += 1
    assert tried > 50


def test_every_name_is_known() -> None:
    """For JAX, without running: that would compile each."""
    for role in ROLES:
        for word in words("jax")[::3]:
            found = lowered(TEXT.format(**{**ROLES, role: word}))
            if found is not None:
                text = source(found.program, found.spec, "jax")
                assert not unknown_names(text), (role, word)


@pytest.mark.parametrize("target", [*TARGETS])
@pytest.mark.parametrize(
    "name",
    ['a"""+print("run")+""".cell', 'a\nprint("run").cell', "a\\.cell", "a\udce9.cell", 'a".cell'],
)
def test_the_name_of_a_file_is_never_run(name: str, target: str) -> None:
    """Nor does Python 3.13 refuse the docstring, as it does one with half a character in it."""
    text = generate(example("rnn").read_text(encoding="utf-8"), name, target=target)
    tree = ast.parse(text)
    escaped = name.encode("utf-8", "backslashreplace").decode()
    assert escaped in (ast.get_docstring(tree) or "").replace("\\n", "\n")
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and n.value == "run"]
    compile(text, "module", "exec")
