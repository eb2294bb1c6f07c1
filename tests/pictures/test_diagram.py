"""Pictures tell the truth: their lines are what the Program reads, and none crosses what stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from xml.dom.minidom import Element, parseString

import pytest

from celldsl.cli.views import graph_for
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.ir.program import Program
from celldsl.pictures.boxes import CONSTANT, graph_of
from celldsl.pictures.graph import Box, Graph, without
from celldsl.pictures.items import Item
from celldsl.pictures.layout import Picture, arrange, labels_of
from celldsl.pictures.reading import as_written
from celldsl.pictures.svg import svg_text
from celldsl.pictures.terminal import text_picture
from celldsl.pipeline import front
from celldsl.transforms.autodiff import differentiate
from tests.end_to_end.every_cell import NAMES
from tests.pictures.test_latex import lowered_cell

GRADIENTS = (
    "gru", "lstm", "mogrifier_lstm", "conv_lstm", "lif", "mlstm", "captioner_lstm", "features/ode",
    "features/every_pass",
)  # fmt: skip


@cache
def graph_named(name: str) -> Graph:
    lowered = lowered_cell(name)
    return graph_of(lowered.program, lowered.notes)


def sources(program: Program, graph: Graph, box: Box) -> set[str]:
    """What a box depends on, gone back through the Program: values of other boxes, and leaves."""
    nodes = {node.name: node for node in program.nodes()}
    moving = [other for other in graph.boxes if other is not box and other.kind != "source"]
    others = {v for other in moving for v in other.gives}
    leaves = {leaf.name for leaf in program.leaves if leaf.kind not in CONSTANT}
    found: set[str] = set()
    pending, seen = list(box.gives), set(box.gives)
    while pending:
        for arg in nodes[pending.pop()].args:
            if arg in others or arg in leaves:
                found.add(arg)
            elif arg in nodes and arg not in seen:
                seen.add(arg)
                pending.append(arg)
    return found


def above(program: Program, values: Iterable[str]) -> set[str]:
    """All that values depend on in one step, with themselves."""
    nodes = {node.name: node for node in program.nodes()}
    pending, seen = [*values], set(values)
    while pending:
        node = nodes.get(pending.pop())
        new = set() if node is None else {*node.args} - seen
        seen |= new
        pending += new
    return seen


@pytest.mark.parametrize("name", NAMES)
def test_boxes_read_what_the_program_reads(name: str) -> None:
    lowered, graph = lowered_cell(name), graph_named(name)
    program, notes = as_written(lowered.program, lowered.notes)
    composites = notes.composites
    maker = {v: box for box in graph.boxes for v in box.gives}
    for box in graph.boxes:
        found = sources(program, graph, box)
        made = composites.get(box.gives[0])
        if made is not None and made.function == "grad":
            # It is computed of what lies between the two that it is drawn as reading.
            assert set(box.reads) <= above(program, made.args)
            found = set(box.reads) if found <= above(program, box.reads) else found
        elif made is not None:
            # What it shares with another box is shown there alone.
            for shared in found - set(box.reads):
                found = found - {shared} | sources(program, graph, maker[shared])
        assert box.kind == "source" or set(box.reads) == found, box.label
    assert {(s.name, s.next) for s in program.states} == set(graph.states)
    made = {v for box in graph.boxes for v in box.gives} | {end.value for end in graph.comes}
    assert {end.value for end in graph.goes} <= made
    assert {r.value for r in program.results} <= {end.value for end in graph.goes}


@pytest.mark.parametrize("name", NAMES)
def test_lines_of_the_picture_are_those_of_the_graph(name: str) -> None:
    graph = graph_named(name)
    drawn = parseString(svg_text(graph))
    shapes = [e for e in drawn.getElementsByTagName("rect") if e.hasAttribute("data-gives")]
    shown = Counter((e.getAttribute("data-reads"), e.getAttribute("data-gives")) for e in shapes)
    assert shown == Counter((" ".join(b.reads), " ".join(b.gives)) for b in graph.boxes)
    lines = Counter(arrows(drawn.getElementsByTagName("path")))
    assert lines == Counter((v, " ".join(b.gives)) for b in graph.boxes for v in b.reads)


def arrows(paths: list[Element]) -> Iterator[tuple[str, str]]:
    """What arrows lead to which box."""
    for path in paths:
        if path.hasAttribute("marker-end") and path.getAttribute("data-to"):
            yield path.getAttribute("data-value"), path.getAttribute("data-to")


@pytest.mark.parametrize("name", NAMES)
def test_no_line_crosses_a_box_or_a_label(name: str) -> None:
    graph = graph_named(name)
    check_picture(arrange(graph, 900.0), labels_of(graph))


@pytest.mark.parametrize("name", GRADIENTS)
def test_backward_passes_are_drawn(name: str) -> None:
    lowered = lowered_cell(name)
    graph = graph_for(lowered, gradient=True)
    program = differentiate(lowered.program)[1]
    outputs = [r.name for r in lowered.program.results if r.kind == "output"]
    ends = {(end.kind, end.label) for end in graph.goes}
    assert {(r.kind, f"d {r.name}") for r in program.results if r.kind == "param"} <= ends
    assert {f"d {name} (output)" for name in outputs} <= {end.label for end in graph.comes}
    picture = arrange(graph, 900.0)
    check_picture(picture, labels_of(graph))
    assert len(picture.items) > len(graph.boxes)
    assert parseString(svg_text(graph)).getElementsByTagName("rect")


def check_picture(picture: Picture, labels: dict[str, str]) -> None:
    stands = [i for i in picture.items if i.kind in ("box", "frame", "come", "go") and i.width]
    rectangles = [(i.x, i.y, i.x + i.width, i.y + i.height, i) for i in stands]
    texts = [
        rectangle for item in stands if item.kind == "box" for rectangle in words(item, labels)
    ]
    for wire in picture.wires:
        for (x, y), (to_x, to_y) in pairwise(wire.points):
            line = (min(x, to_x), min(y, to_y), max(x, to_x), max(y, to_y))
            for *rectangle, item in rectangles:
                if item not in (wire.source, wire.target):
                    assert not meet(line, tuple(rectangle)), (wire.value, item.label)
            for rectangle in texts:
                assert not meet(line, rectangle), wire.value
    for n, (*one, item) in enumerate(rectangles):
        for *other, second in rectangles[n + 1 :]:
            assert not meet(tuple(one), tuple(other)), (item.label, second.label)
        if isinstance(item.inside, Picture):
            assert item.inside.width <= item.width
            check_picture(item.inside, labels)


def words(item: Item, labels: dict[str, str]) -> Iterator[tuple[float, ...]]:
    """Where the labels of what a box gives stand."""
    for value, dy in item.outs:
        if value in labels:
            x, y = item.x + item.width + 4, item.y + dy - 4
            yield x, y - 8, x + 5.2 * len(labels[value]), y


def meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Whether two rectangles have something in common; a line is one without a height or width."""
    less = 0.25
    across = a[0] <= b[2] - less and b[0] + less <= a[2]
    return across and a[1] <= b[3] - less and b[1] + less <= a[3]


def test_a_folded_frame_is_one_box() -> None:
    graph = graph_named("stacked_lstm")
    folded = without(graph, ["layer", "first"])
    assert svg_text(graph).count("data-gives") == len(graph.boxes)
    assert 2 <= svg_text(folded).count("data-gives") == len(folded.boxes) < 8
    assert "layer.0" in {box.label for box in folded.boxes}
    assert folded.goes == graph.goes
    assert len(text_picture(folded).splitlines()) < len(text_picture(graph).splitlines()) / 2


def graph_from(text: str) -> Graph:
    lowered = front(Source("drawn.cell", text), Report(), None, {})
    return graph_of(lowered.program, lowered.notes)


LOOPS = """cell Two[I, H]:
    input x: [I]
    state h: [H]
    u = linear(x, H)
    for k in 0..3:
        u = tanh(u + h)
    v = sigmoid(u)
    for k in 0..3:
        v = v * sigmoid(v + u)
    h' = v
    output h'
"""


def test_loops_of_one_index_are_frames_of_their_own() -> None:
    graph = graph_from(LOOPS)
    picture = arrange(graph, 900.0)
    names = ["k = 0", "k = 1", "k = 2"]
    assert [i.label for i in picture.items if i.kind == "frame"] == [*names, *names]
    folded = without(graph, ["k"])
    assert [b.label for b in folded.boxes if b.kind == "frame"] == [*names, *names]
    assert [b.label for b in without(graph, ["k = 1"]).boxes].count("k = 1") == 2


def test_what_an_inner_cell_does_in_a_loop_is_inside_of_it() -> None:
    text = LOOPS.replace("Two", "Inner") + LOOPS.split("    u =")[0].replace("Two", "Outer")
    text = text.replace("cell Outer", "\n\ncell Outer")
    text += "    sub g = Inner[I, H]\n    h' = g(x) + h\n    output h'\n"
    lowered = front(Source("drawn.cell", text), Report(), "Outer", {})
    frames = {tuple(f.name for f in box.frame)
              for box in graph_of(lowered.program, lowered.notes).boxes}  # fmt: skip
    assert ("g", "k = 0") in frames and ("k = 0", "g") not in frames


def test_a_solver_and_what_it_calls_are_frames() -> None:
    graph = graph_named("features/ode")
    frames = {tuple(f.name for f in box.frame) for box in graph.boxes}
    assert ("field", "ode flow", "step = 1", "flow.2") in frames
    assert ("k = 1", "ode flow", "step = 2", "flow.2") in frames
    assert ("ode tanh", "step = 2") in frames and ("ode pull", "pull.4") in frames
    folded = without(graph, ["ode"])
    assert not any("flow" in f.name for box in folded.boxes for f in box.frame)
    check_picture(arrange(folded, 900.0), labels_of(folded))


def test_themes_are_fixed_or_follow_the_reader() -> None:
    graph = graph_named("gru")
    assert "prefers-color-scheme" in svg_text(graph)
    light, dark = svg_text(graph, theme="light"), svg_text(graph, theme="dark")
    assert "prefers-color-scheme" not in light + dark
    assert light != dark


@pytest.mark.parametrize("name", NAMES)
def test_text_has_a_line_for_every_box(name: str) -> None:
    graph = graph_named(name)
    text = text_picture(graph)
    rows = [line for line in text.splitlines() if not re.fullmatch(r"\s*\[.*\]", line)]
    shown = [end for end in graph.comes if any(end.value in b.reads for b in graph.boxes)
             or any(end.value == g.value for g in graph.goes)]  # fmt: skip
    assert len(rows) == len(graph.boxes) + len(shown) + len(graph.goes)


def test_a_picture_is_the_same_in_every_process() -> None:
    # Sets of names have another order in each.
    command = "['show', 'zoneout_lstm', '--diagram', '-']"
    code = f"from celldsl.cli.main import main; main({command})"
    texts = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert texts[0].startswith(b"<svg") and texts[0] == texts[1]


ORDERED = """cell Ordered[H]:
    input x: [H]
    state h: [H]
    state m: [H]
    a = tanh(x)
    b = sigmoid(h)
    d = b - a
    m' = where(d < 0, m, b / a)
    h' = where(b < 0, 1 + a, 2)
    output h'
"""


def drawn_items(picture: Picture) -> Iterator[Item]:
    for item in picture.items:
        yield item
        if isinstance(item.inside, Picture):
            yield from drawn_items(item.inside)


@pytest.mark.parametrize("name", NAMES)
def test_what_must_not_be_exchanged_comes_in_its_order(name: str) -> None:
    for item in drawn_items(arrange(graph_named(name), 900.0)):
        if item.box is not None and item.box.ordered:
            heights = [dict(item.ins)[value] for value in item.box.reads]
            assert heights == sorted(heights)
            assert all(0 <= dy <= item.height for dy in heights)


def test_a_choice_says_what_is_what() -> None:
    graph = graph_from(ORDERED)
    boxes = {value: box for box in graph.boxes for value in box.gives}
    named = {name: value for value, name in graph.names.items()}
    minus, kept, one = (boxes[named[name]] for name in ("d", "m′", "h′"))
    assert minus.ordered and [graph.names[v] for v in minus.reads] == ["b", "a"]
    assert kept.words == ("if", "then", "else") and kept.label == ""
    assert one.words == ("if", "then") and one.label == "else 2"
    picture = arrange(graph, 900.0)
    (rail,) = (i for i in picture.items if i.box is kept)
    # The state runs through at the height of its own word.
    assert rail.rail is not None and rail.outs[0][1] == rail.ins[1][1]
    svg = svg_text(graph)
    assert all(f">{word}</text>" in svg for word in ("if", "then", "else", "else 2"))
    assert "inputs in order" in svg and "inputs in order" not in svg_text(graph_named("lstm"))


def test_the_terminal_says_the_order_with_digits() -> None:
    rows = text_picture(graph_from(ORDERED)).splitlines()
    minus = next(row for row in rows if " − " in row)
    assert minus.index("2") < minus.index("1") < minus.index("−")
    assert any("if then else" in row for row in rows)


@pytest.mark.parametrize("width", [600.0, 924.0])
@pytest.mark.parametrize("name", ["lem", "qrnn", "ltc", "nas", "on_lstm"])
def test_a_picture_is_no_wider_than_its_page(name: str, width: float) -> None:
    picture = arrange(graph_named(name), width)
    assert picture.width <= width


def test_tags_are_counted_down_the_page() -> None:
    picture = arrange(graph_named("ltc"), 700.0)
    tags = [
        (i.y, int(i.label.split()[0])) for i in picture.items if (i.kind, i.note) == ("go", "tag")
    ]
    numbers = [number for _, number in sorted(tags)]
    assert len(numbers) > 3 and numbers == sorted(set(numbers))


def test_tags_have_names_alone_and_calls_one_pair_of_brackets() -> None:
    items = arrange(graph_named("urnn"), 900.0).items
    assert not any("complex" in item.label for item in items if item.note == "tag")
    words = " ".join(f"{item.label} {item.note}" for item in items)
    assert "exp(i×theta)" in words and "conj(u)" in words


def test_what_is_made_of_parameters_keeps_its_name() -> None:
    """In the box that reads it, however long it is."""
    made = {name: arrange(graph_named(name), 900.0).items for name in ("cfc_pure", "synaptic")}
    labels = {name: {item.label for item in items} for name, items in made.items()}
    assert "|w| +" in labels["cfc_pure"]
    assert {"clip(alpha, …) ×", "clip(beta, 0, 1) ×"} <= labels["synaptic"]
