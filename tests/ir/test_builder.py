"""Building nodes: sharing, broadcasting, names."""

from __future__ import annotations

import pytest

from celldsl.ir.builder import Builder
from celldsl.ir.ops.op import TypeMismatch
from celldsl.ir.program import Leaf, Node, Origin, Rows, Type
from celldsl.ir.size import Size

H, IN, ONE = Size.dim("H"), Size.dim("I"), Size.of(1)
LEAVES = [
    Leaf("input", "v", Type((H,), Rows.STEP)),
    Leaf("param", "M", Type((IN, H), Rows.ONCE)),
    Leaf("param", "column", Type((IN, ONE), Rows.ONCE)),
    Leaf("param", "row", Type((ONE, H), Rows.ONCE)),
]


def test_equal_nodes_are_built_once() -> None:
    b = Builder(LEAVES)
    assert b.op("neg", "v") == b.op("neg", "v")
    assert b.op("sum", "M", axis=0) != b.op("sum", "M", axis=1)
    assert len(b.nodes) == 3


def test_a_number_is_broadcast() -> None:
    b = Builder(LEAVES)
    b.op("add", "v", 1.0)
    assert [node.op for node in b.nodes] == ["number", "broadcast", "add"]
    assert b.nodes[-1].type == Type((H,), Rows.STEP)


def test_axes_of_size_1_stretch_to_each_other() -> None:
    b = Builder(LEAVES)
    assert b.shape(b.op("mul", "column", "row")) == (IN, H)
    assert b.shape(b.op("mul", "M", "row")) == (IN, H)


def test_other_shapes_do_not_meet() -> None:
    with pytest.raises(TypeMismatch, match=r"\[H\] does not stretch to \[I, H\]"):
        Builder(LEAVES).op("add", "v", "M")


def test_names_are_new() -> None:
    b = Builder(LEAVES, taken=["%0", "%2"])
    assert [b.op(op, "v") for op in ("neg", "exp", "tanh")] == ["%1", "%3", "%4"]


def test_kept_nodes_are_found_again() -> None:
    b = Builder(LEAVES)
    kept = Node("%7", "neg", ("v",), Type((H,), Rows.STEP))
    b.keep(kept)
    assert b.op("neg", "v") == "%7"
    assert b.defined == {"%7": kept}


def test_origins_are_recorded() -> None:
    b = Builder(LEAVES)
    b.origin = Origin("y = -v", 3)
    b.op("neg", "v")
    assert b.nodes[0].origin == Origin("y = -v", 3)
