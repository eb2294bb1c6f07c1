"""Programs as text come back exactly."""

from __future__ import annotations

import pytest

from celldsl.ir.attributes import Attributes
from celldsl.ir.program import Node, Origin, Rows, Type
from celldsl.ir.size import Size
from celldsl.ir.text import InvalidText, parse_node, parse_program, parse_size, print_node
from celldsl.ir.text import print_program as show
from celldsl.structs import replace
from celldsl.transforms.autodiff import differentiate
from tests.programs import CELLS, IN, H


@pytest.mark.parametrize("name", CELLS)
def test_round_trip(name: str) -> None:
    for program in differentiate(CELLS[name]()):
        assert parse_program(show(program)) == program
        assert show(parse_program(show(program))) == show(program)


def test_reads_as_the_docstring_says() -> None:
    text = show(CELLS["learned_start"]())
    assert text.startswith("program Test[I, H]\ninput x: step [I]\nstate h: step [H]\n")
    assert '  %2 = einsum(x, W) spec="i,ij->j" : step [H]\n' in text
    assert "states:\n  h = %5 start %1\n" in text


ATTRIBUTES = Attributes((
    ("a", 3), ("b", -2), ("c", 0.1), ("d", float("inf")), ("e", -1e-30), ("f", True), ("g", False),
    ("h", 'a "b" \\ c]})'), ("i", H * 2 - IN), ("j", Size.of(0)), ("k", (H, IN / 2 + 1)),
    ("l", (1, 0)), ("m", ()), ("n", (3,)), ("o", 2.0),
))  # fmt: skip


def test_attributes_round_trip() -> None:
    node = Node("%0", "op", ("x", "f.W_x"), Type((H, IN), Rows.BATCH, True), ATTRIBUTES)
    again = parse_node(print_node(node))
    assert again == node
    assert [type(v) for _, v in again.attributes] == [type(v) for _, v in node.attributes]


def test_origins_round_trip() -> None:
    node = Node("%0", "op", (), Type((), Rows.ONCE), origin=Origin('h\' = σ(x) # "y"\n + 1', 12))
    assert parse_node(print_node(node)) == node


SIZES = [H, H * 2 + IN, H * IN / 2 - 3, -H, Size.of(7), H / IN, IN * IN * H - H / 3, H * -2 - IN]


@pytest.mark.parametrize("size", SIZES)
def test_sizes_round_trip(size: Size) -> None:
    assert parse_size(str(size)) == size


@pytest.mark.parametrize("text", ["", "program", "program A[I]\nwhat is this", "x"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidText):
        parse_program(text)


def test_a_changed_program_has_another_text() -> None:
    program = CELLS["lstm"]()
    assert show(replace(program, reverse=True)) != show(program)
    assert show(replace(program, saved=("x",))) != show(program)
