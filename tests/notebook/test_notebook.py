"""A notebook from `%load_ext celldsl` on, run by nbclient as Jupyter runs it."""

from __future__ import annotations

import re
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

MINE = '''%%cell
cell Gate[I, H]:
    input x: [I]
    state c: [H]

    c' = sigmoid(linear([x, c], H)) * c

    output c'

cell Mine[I, H](rate = 0.5):
    """A cell with <one> gate."""
    input x: [I]
    state h: [H]
    sub g = Gate[I, H]

    z  = sigmoid(linear([x, h], H))
    h' = z * h + rate * g(x)

    output h'
'''
BAD = """%%cell
cell Bad[I, H]:
    input x: [I]
    state h: [H]

    h' = tahn(x) + h

    output h'
"""
# Reads a cell and a function of earlier blocks; its state is called as another function of them.
EARLIER = """%%cell --quiet
def gate(v) = sigmoid(v) * v
def twice(v) = 2 * gate(v)
"""
LATER = """%%cell --quiet
cell Later[I, H]:
    input x: [I]
    state gate: [H]
    sub inner = Mine[I, H]
    c = inner(x)
    gate' = twice(c) + gate
    output gate'
"""
CODE = (
    "%load_ext celldsl",
    MINE,
    "cell = Mine(I=3, H=4)\ncell",
    "import numpy\ny, state, tape = cell.forward(numpy.ones((5, 2, 3), 'float32'))\nstate",
    "cell.backward(tape, y)",
    BAD,
    "%%cell --quiet\n" + BAD.split("\n", 1)[1].replace("tahn(x) + h", "linear(x, H)"),
    "(1, 2), Bad(I=1, H=1).params",
    "(1, 2)",
    EARLIER,
    LATER.replace("twice(c)", "twise(c)"),
    LATER,
    "print(*Later(I=2, H=3).params)",
    "%unload_ext celldsl\nMine",
)


@pytest.fixture(scope="module")
def outputs() -> list[list[Any]]:
    """What each piece of the notebook shows."""
    make = nbformat.v4
    notebook = make.new_notebook(cells=[make.new_code_cell(code) for code in CODE])
    nbclient.NotebookClient(notebook, timeout=300, allow_errors=True).execute()
    return [cell.outputs for cell in notebook.cells]


def html(outputs: list[Any]) -> str:
    (only,) = outputs
    return str(only.data["text/html"])


def test_a_class_shows_itself_typeset_with_shapes_count_and_picture(outputs: Any) -> None:
    assert outputs[0] == []
    shown = html(outputs[1])
    assert "Mine[I, H](rate=0.5)" in shown
    assert "A cell with &lt;one&gt; gate." in shown
    assert re.search(r"\$\$\n\\begin\{aligned\}.*\\sigma.*\\end\{aligned\}\n\$\$", shown, re.S)
    assert "<code>g.c.W_x</code>" in shown
    assert "<code>[I, H]</code>" in shown
    assert "2*H*I + 2*H*H + 2*H numbers" in shown
    assert "data:image/svg+xml;base64," in shown


def test_a_built_cell_shows_its_parameters_as_heat_maps(outputs: Any) -> None:
    shown = html(outputs[2])
    assert "Mine(I=3, H=4, rate=0.5) of float32, 64 parameters" in shown
    assert shown.count("data:image/png;base64,") == 6


def test_states_and_gradients_are_named_arrays_with_a_summary(outputs: Any) -> None:
    state, grads = html(outputs[3]), html(outputs[4])
    assert "2 × 4 float32" in state
    assert ">g.c</td>" in state
    assert [n for n in ("z.W_x", "gradients of inputs", "5 × 2 × 3") if n not in grads] == []


def test_a_mistake_is_the_coloured_message_alone(outputs: Any) -> None:
    (only,) = outputs[5]
    assert only.output_type == "error"
    (told,) = only.traceback
    plain = re.sub(r"\x1b\[[\d;]*m", "", told)
    assert plain.startswith("error[E0101]: there is no function `tahn`\n")
    assert re.search(r"--> In \[\d+\]:5:10\n", plain)
    assert "did you mean `tanh`?" in plain
    assert "Traceback" not in plain
    assert told != plain


def test_quiet_cells_show_their_warnings_alone(outputs: Any) -> None:
    (only,) = outputs[6]
    assert only.output_type == "stream"
    assert "warning" in only.text and "CellWarning" not in only.text


def test_other_tuples_and_what_was_unloaded_stay_as_they_are(outputs: Any) -> None:
    assert set(outputs[7][0].data) == {"text/plain"}
    assert set(outputs[8][0].data) == {"text/plain"}
    assert set(outputs[-1][0].data) == {"text/plain"}


def test_a_block_reads_cells_and_functions_of_earlier_ones(outputs: Any) -> None:
    *_, mistaken, read, names, _ = outputs
    told = re.sub(r"\x1b\[[\d;]*m", "", mistaken[0].traceback[0])
    assert re.search(r"E0101.*`twise`.*--> In \[\d+\]:6:13\n.*did you mean `twice`", told, re.S)
    assert read == []
    assert names[0].text.split() == ["inner.z.W_x", "inner.z.W_h", "inner.z.b", "inner.g.c.W_x",
                                     "inner.g.c.W_c", "inner.g.c.b"]  # fmt: skip


def test_the_extension_is_no_part_of_the_surface() -> None:
    import celldsl

    assert "load_ipython_extension" not in dir(celldsl)
    with pytest.raises(AttributeError):
        _ = celldsl.load_something
