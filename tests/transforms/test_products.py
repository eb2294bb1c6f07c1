"""What the passes for products do, before and after, in IR text."""

from __future__ import annotations

from celldsl.ir.text import parse_program
from celldsl.ir.verify import verify
from celldsl.structs import replace
from celldsl.transforms.autodiff import differentiate
from celldsl.transforms.dce import dce
from celldsl.transforms.divide_once import divide_once
from celldsl.transforms.fuse_accumulate import add_products, join_products
from celldsl.transforms.merge_products import merge_products
from celldsl.transforms.reassociate import products_first, products_last
from celldsl.transforms.rematerialize import rematerialize
from tests.transforms.test_before_after import numbered, then_tidy

LEAVES = """\
program Test[I, H]
input x: step [I]
state h: step [H]
param W: once [I, H]
param V: once [I, H]
param U: once [H, H]
param Z: once [H, H]
param b: once [H]
param c: once [H]
"""
ENDS = "states:\n  h = {0}\nresults:\n  output y = {0}\n"


def program(step: str, value: str, before: str = ""):  # type: ignore[no-untyped-def]
    text = f"{LEAVES}before:\n{before}step:\n{step}after:\n{ENDS.format(value)}"
    found = parse_program(text)
    verify(found)
    return found


TWO_GATES = """\
  %0 = einsum(x, W) spec="i,ij->j" : step [H]
  %1 = einsum(h, U) spec="i,ij->j" : step [H]
  %2 = add(%0, %1) : step [H]
  %3 = einsum(x, V) spec="i,ij->j" : step [H]
  %4 = einsum(h, Z) spec="i,ij->j" : step [H]
  %5 = add(%3, %4) : step [H]
  %6 = mul(%2, %5) : step [H]
"""


def test_products_of_one_value_become_one() -> None:
    merged = merge_products(program(TWO_GATES, "%6"))
    verify(merged)
    weights = [node.args for node in merged.before]
    assert weights == [("W", "V"), ("U", "Z")]
    assert [node.op for node in merged.step].count("einsum") == 2
    assert merge_products(merged) == merged


def test_merged_products_that_meet_are_added_in_place() -> None:
    joined = dce(join_products(merge_products(program(TWO_GATES, "%6"))))
    verify(joined)
    operations = [node.op for node in joined.step]
    assert operations == ["einsum", "einsum", "add_at", "slice", "slice", "mul"]


def test_a_product_that_is_read_twice_is_not_joined() -> None:
    step = """\
  %0 = einsum(x, W) spec="i,ij->j" : step [H]
  %1 = einsum(h, U) spec="i,ij->j" : step [H]
  %2 = add(%0, %1) : step [H]
  %3 = mul(%2, %1) : step [H]
"""
    plain = program(step, "%3")
    assert join_products(plain) == plain
    assert add_products(plain) == plain


def test_sums_begin_with_products_and_add_what_exists_once_once() -> None:
    step = """\
  %0 = einsum(h, U) spec="i,ij->j" : step [H]
  %1 = add(%0, b) : step [H]
  %2 = einsum(x, W) spec="i,ij->j" : step [H]
  %3 = add(%2, c) : step [H]
  %4 = add(%1, %3) : step [H]
"""
    expected = """\
  %0 = einsum(h, U) spec="i,ij->j" : step [H]
  %1 = einsum(x, W) spec="i,ij->j" : step [H]
  %2 = add(%1, %0) : step [H]
  %3 = add(b, c) : once [H]
  %4 = add(%2, %3) : step [H]
"""
    ordered = then_tidy(products_first)(program(step, "%4"))
    assert numbered(ordered) == numbered(program(expected, "%4"))


def test_sums_of_cotangents_end_with_products() -> None:
    step = """\
  %0 = einsum(h, U) spec="i,ij->j" : step [H]
  %1 = mul(h, b) : step [H]
  %2 = add(%0, %1) : step [H]
"""
    expected = """\
  %0 = einsum(h, U) spec="i,ij->j" : step [H]
  %1 = mul(h, b) : step [H]
  %2 = add_at(%1, %0) axis=0 start={0} : step [H]
"""
    changed = then_tidy(lambda p: add_products(products_last(p)))(program(step, "%2"))
    assert numbered(changed) == numbered(program(expected, "%2"))


def test_the_tape_keeps_one_of_two_values_that_follow_from_each_other() -> None:
    step = """\
  %0 = sigmoid(h) : step [H]
  %1 = number() value=1.0 : once []
  %2 = broadcast(%1) shape=[H] : once [H]
  %3 = sub(%2, %0) : step [H]
  %4 = einsum(x, W) spec="i,ij->j" : step [H]
  %5 = mul(%0, h) : step [H]
  %6 = mul(%3, %4) : step [H]
  %7 = add(%5, %6) : step [H]
"""
    forward, backward = differentiate(program(step, "%7"))
    assert {"%0", "%3"} <= set(forward.saved)
    forward, backward = rematerialize(forward, backward)
    verify(forward)
    verify(backward)
    assert "%0" in forward.saved and "%3" not in forward.saved
    assert set(forward.saved) == {leaf.name for leaf in backward.leaves if leaf.kind == "saved"}


def test_numbers_come_before_what_is_computed_again_from_them() -> None:
    step = """\
  %0 = number() value=3.0 : once []
  %1 = broadcast(%0) shape=[H] : once [H]
  %2 = div(%0, %rate) : once []
  %3 = broadcast(%2) shape=[H] : once [H]
  %4 = mul(h, %3) : step [H]
  %5 = sub(%1, %4) : step [H]
  %6 = square(%5) : step [H]
"""
    size = "  %rate = size() size={H} : once []\n"
    for changed in rematerialize(*differentiate(program(step, "%6", before=size))):
        verify(changed)


def test_what_depends_on_parameters_alone_is_never_kept() -> None:
    step = """\
  %1 = mul(h, %0) : step [H]
"""
    p = program(step, "%1", before="  %0 = exp(b) : once [H]\n")
    forward, backward = rematerialize(*differentiate(replace(p)))
    assert forward.saved == ("h@in",)
    assert next(node.op for node in backward.before) == "exp"


def test_a_row_is_divided_by_one_number_once() -> None:
    step = """\
  %0 = sum(h) axis=0 : step []
  %1 = broadcast(%0) shape=[H] : step [H]
  %2 = div(h, %1) : step [H]
"""
    expected = """\
  %0 = sum(h) axis=0 : step []
  %1 = number() value=1.0 : once []
  %2 = div(%1, %0) : step []
  %3 = broadcast(%2) shape=[H] : step [H]
  %4 = mul(h, %3) : step [H]
"""
    changed = then_tidy(divide_once)(program(step, "%2"))
    assert numbered(changed) == numbered(program(expected, "%4"))
