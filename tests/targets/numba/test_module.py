"""The text of generated modules: the same every time, readable, and good for any names."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from celldsl.api import compile_source
from celldsl.cli.sample import sample_cell
from celldsl.pipeline import generate
from celldsl.runtime.gradcheck import check_gradients
from tests.cells import FEW, example
from tests.targets.numba.global_names import global_names

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).parent / "golden"
RNN = example("rnn").read_text(encoding="utf-8")
PRINT = """\
import sys
from celldsl.pipeline import generate
text = open(sys.argv[1], encoding="utf-8").read()
sys.stdout.write(generate(text, "a.cell", standalone=sys.argv[2] == "alone"))
"""
# Names that generated code has itself, as dims, values, parameters and the cell.
CLASHING = """\
cell range[out_h, np](print = 0.5, len = tanh):
    input x: [out_h]
    state h: [np]
    state zero: [np]
    param r_W_x: [np]
    r = sigmoid(linear([x, h], np))
    T_ = r * zero + r_W_x
    b5 = sigmoid(T_) * print
    rows = len(b5 + r)
    work = exp(rows) - b5 * T_
    zero' = work * rows
    h' = rows * work + h
    output h'
"""
# Names that differ by a dot.
DOTTED = """\
cell Outer[H]:
    input x: [H]
    state h: [H]
    state g_h: [H]
    param h_W_h: [H, H] = glorot_uniform
    param h_W_x: [H] = 0.5
    sub g = Inner[H]
    h' = tanh(linear([x, h], H) + h @ h_W_h + h_W_x)
    g_h' = tanh(g_h * h_W_x + g(h'))
    output h'

cell Inner[H]:
    input x: [H]
    state h: [H]
    h' = tanh(linear([x, h], H))
    output h'
"""


def test_a_users_name_never_stands_for_a_cotangent() -> None:
    """Nor for what only the backward pass computes: those begin with d_, after the equation."""
    cell = RNN.replace("    h' =", "    d_h_next = 2 * linear(x, H)\n    h' = d_h_next +")
    text = generate(cell, "a.cell")
    backward = text[text.index("def backward_1") : text.index("def forward(")]
    assert re.search(r"\bv_d_h_next_\w+ = ", backward)
    assert "v_d_h_next = " not in backward


def test_names_are_those_of_the_equations() -> None:
    """`r` is the half that the product `r * h` reads, though the other is computed first."""
    text = generate(example("gru").read_text(encoding="utf-8"), "gru.cell")
    assert "v_c_mul = v_r * m_h[j0]" in text
    assert re.search(r"m_r = pointer\(tape, at_r \+ ", text)
    assert not re.search(r"\bv_b?\d+\b", text)


@pytest.mark.parametrize("form", ["ordinary", "alone"])
@pytest.mark.parametrize("name", ["ln_lstm", "sru_projected"])
def test_compiling_again_gives_the_same_bytes(form: str, name: str) -> None:
    path = example(name)
    here = generate(path.read_text(encoding="utf-8"), "a.cell", standalone=form == "alone")
    for seed in ("1", "23"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-X", "utf8", "-c", PRINT, str(path), form]
        done = subprocess.run(command, capture_output=True, env=environment, check=True)
        assert done.stdout.decode() == here


def test_the_module_of_the_plain_network_is_as_it_was(renew: bool) -> None:
    expected = GOLDEN / "rnn.py"
    text = generate(RNN, "rnn.cell")
    if renew:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8"), "run pytest --renew and read the change"


def test_equations_stand_above_what_computes_them() -> None:
    lines = [line.strip() for line in generate(RNN, "rnn.cell").splitlines()]
    place = lines.index("# h' = activation(linear([x, h], H))")
    assert any("tanh(" in line for line in lines[place : place + 4])


@pytest.mark.parametrize(
    ("text", "name", "settings"),
    [(CLASHING, "range", {"out_h": 3, "np": 4}), (DOTTED, "Outer", {"H": 3})],
    ids=["clashing", "dotted"],
)
def test_any_names_will_do(text: str, name: str, settings: dict[str, int]) -> None:
    cell = sample_cell(compile_source(text, name), settings)
    found = list(check_gradients(cell, 4, 2, 0))
    assert len(found) >= 7
    assert max(item.error for item in found) < 1e-8


def test_no_name_of_the_user_stands_in_kernels() -> None:
    tree = ast.parse(generate(CLASHING, "a.cell"))
    kernels = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.decorator_list]
    names = {n.id for k in kernels for n in ast.walk(k) if isinstance(n, ast.Name)}
    assert not names & {"print", "len", "T_", "b5", "x", "h", "r", "range"}
    assert {"v_rows", "d_np", "d_out_h", "range_"} <= names
    stored = {
        node.id
        for kernel in kernels
        for node in ast.walk(kernel)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    assert "np" not in stored


@pytest.mark.parametrize(
    "name", ["Cell", "pointer", "np", "range", "forward", "describe", "RUNTIME", "exec", "str"]
)
@pytest.mark.parametrize("alone", [False, True], ids=["ordinary", "alone"])
def test_a_cell_may_be_called_as_what_the_module_needs(name: str, alone: bool) -> None:
    text = generate(RNN.replace("cell RNN", f"cell {name}"), "a.cell", standalone=alone)
    assert list(global_names(ast.parse(text))).count(name) == 1


@pytest.mark.parametrize("path", FEW, ids=lambda p: p.stem)
def test_no_loop_over_a_row_reads_a_float64(path: Path) -> None:
    """LLVM would give such a loop half as many lanes."""
    text = generate(path.read_text(encoding="utf-8"), path.name)
    assert not re.search(r"^ {12,}.*\bhyper\[", text, re.MULTILINE)


def test_loops_over_images_go_along_lines_and_columns_as_along_one_axis() -> None:
    text = generate(example("conv_lstm").read_text(encoding="utf-8"), "a.cell")
    gates = text[text.index("def forward_2") : text.index("def forward_steps")]
    assert re.findall(r"for j\d in range\((.*)\)", gates) == ["d_F", "d_X*d_Y"]
