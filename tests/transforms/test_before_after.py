"""What each pass does, before and after, in IR text."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from celldsl.ir.program import Program
from celldsl.ir.text import parse_program, print_program
from celldsl.ir.verify import verify
from celldsl.structs import replace
from celldsl.transforms.contract_rows import contract_rows
from celldsl.transforms.cse import cse
from celldsl.transforms.dce import dce
from celldsl.transforms.flatten_products import flatten_products
from celldsl.transforms.fold_constants import fold_constants
from celldsl.transforms.inline_outer_products import inline_outer_products
from celldsl.transforms.join_pads import join_pads
from celldsl.transforms.licm import licm
from celldsl.transforms.sink_slices import MOST_PIECES, sink_slices
from celldsl.transforms.transpose_convolutions import transpose_convolutions

LEAVES = """\
program Test[I, H]
input x: step [I]
input d: step [H]
state h: step [H]
param W: once [I, H]
param b: once [H]
"""


def program(before: str, step: str, after: str, ends: str) -> Program:
    """A program from the lines of its regions; `ends` are lines of states and results."""
    return parse_program(f"{LEAVES}before:\n{before}step:\n{step}after:\n{after}{ends}")


def ends(value: str, state: str = "h", result: str = "output y") -> str:
    return f"states:\n  h = {state}\nresults:\n  {result} = {value}\n"


def numbered(p: Program) -> str:
    """The text, with nodes numbered in order: which numbers a pass takes does not matter."""
    order = {node.name: f"%{place}" for place, node in enumerate(p.nodes())}
    return re.sub(r"%\w+", lambda found: order[found[0]], print_program(p))


def check(
    change: Callable[[Program], Program],
    old: tuple[str, str, str, str],
    new: tuple[str, str, str, str],
) -> None:
    before, expected = program(*old), program(*new)
    verify(before)
    after = change(before)
    verify(after)
    assert numbered(after) == numbered(expected)
    assert change(after) == after, "a second time it changes something"


def then_tidy(change: Callable[[Program], Program]) -> Callable[[Program], Program]:
    """A pass, and without what it leaves behind."""
    return lambda p: dce(change(p))


def test_remove_dead() -> None:
    check(
        dce,
        (
            "  %0 = neg(b) : once [H]\n  %1 = exp(b) : once [H]\n",
            "  %2 = mul(d, %0) : step [H]\n  %3 = add(h, %1) : step [H]\n",
            "",
            ends("%3"),
        ),
        ("  %1 = exp(b) : once [H]\n", "  %3 = add(h, %1) : step [H]\n", "", ends("%3")),
    )


def test_share_equal() -> None:
    check(
        cse,
        (
            "  %0 = neg(b) : once [H]\n",
            "  %1 = neg(b) : once [H]\n  %2 = mul(d, %1) : step [H]\n"
            "  %3 = mul(d, %0) : step [H]\n  %4 = add(%2, %3) : step [H]\n",
            "",
            ends("%4"),
        ),
        (
            "  %0 = neg(b) : once [H]\n",
            "  %2 = mul(d, %0) : step [H]\n  %4 = add(%2, %2) : step [H]\n",
            "",
            ends("%4"),
        ),
    )


def test_share_equal_keeps_what_the_tape_knows() -> None:
    saved = ends("%1") + "saved:\n  %0\n  %1\n"
    step = "  %0 = neg(h) : step [H]\n  %1 = neg(h) : step [H]\n"
    check(cse, ("", step, "", saved), ("", step, "", saved))


FOLDS = [
    ("add(h, %zero)", None),
    ("add(%zero, h)", None),
    ("add(h, %below)", "h"),
    ("add(%below, h)", "h"),
    ("sub(h, %zero)", "h"),
    ("sub(h, %below)", None),
    ("mul(h, %one)", "h"),
    ("mul(%one, h)", "h"),
    ("div(h, %one)", "h"),
    ("pow(h, %one)", "h"),
    ("pow(h, %three)", "mul(%0, h)"),
    ("pow(h, %minusone)", "div(%one, h)"),
    ("neg(%minus)", "h"),
    ("slice(h) axis=0 start={0} stop={H}", "h"),
    ("pad(h) axis=0 before={0} after={0}", "h"),
    ("roll(h) axis=0 k=0", "h"),
    ("concat(h) axis=0", "h"),
    ("reshape(h) shape=[H]", "h"),
    ("mul(h, %zero)", None),
    ("sub(%zero, h)", None),
    ("sub(%below, h)", "neg(h)"),
    ("sub(d, %minus)", "add(d, h)"),
    ("add(d, %minus)", "sub(d, h)"),
    ("add(%minus, d)", "sub(d, h)"),
    ("div(%one, %zero)", None),
]


@pytest.mark.parametrize(("old", "new"), FOLDS, ids=[old for old, _ in FOLDS])
def test_fold_constants(old: str, new: str | None) -> None:
    p = program(
        "  %n = number() value=0.0 : once []\n  %zero = broadcast(%n) shape=[H] : once [H]\n"
        "  %z = number() value=-0.0 : once []\n  %below = broadcast(%z) shape=[H] : once [H]\n"
        "  %m = number() value=1.0 : once []\n  %one = broadcast(%m) shape=[H] : once [H]\n"
        "  %k = number() value=3.0 : once []\n  %three = broadcast(%k) shape=[H] : once [H]\n"
        "  %l = number() value=-1.0 : once []\n  %minusone = broadcast(%l) shape=[H] : once [H]\n",
        "  %minus = neg(h) : step [H]\n"
        f"  %v = {old} : {'once' if old == 'div(%one, %zero)' else 'step'} [H]\n"
        "  %y = exp(%v) : " + ("once" if old == "div(%one, %zero)" else "step") + " [H]\n",
        "",
        ends("%y"),
    )
    verify(p)
    after = fold_constants(p)
    verify(after)
    nodes = {n.name: n for n in after.nodes()}
    (argument,) = nodes["%y"].args
    if new is None:
        assert argument == "%v"
    elif argument in nodes:
        assert f"{nodes[argument].op}({', '.join(nodes[argument].args)})" == new
    else:
        assert argument == new


def test_fold_numbers() -> None:
    check(
        then_tidy(fold_constants),
        (
            "  %0 = number() value=2.0 : once []\n  %1 = number() value=3.0 : once []\n"
            "  %2 = pow(%0, %1) : once []\n  %3 = size() size={4} : once []\n"
            "  %4 = sub(%2, %3) : once []\n  %5 = broadcast(%4) shape=[H] : once [H]\n",
            "  %6 = mul(h, %5) : step [H]\n",
            "",
            ends("%6"),
        ),
        (
            "  %0 = number() value=4.0 : once []\n  %1 = broadcast(%0) shape=[H] : once [H]\n",
            "  %2 = mul(h, %1) : step [H]\n",
            "",
            ends("%2"),
        ),
    )


def test_contract_rows() -> None:
    check(
        contract_rows,
        (
            "",
            '  %0 = einsum(x, d) spec="i,j->ij" : step [I, H]\n'
            '  %1 = einsum(x, h) spec="i,j->ij" : step [I, H]\n'
            "  %2 = add(%0, %1) : step [I, H]\n",
            "  %3 = rowsum(%2) : once [I, H]\n",
            ends("%3", result="param W"),
        ),
        (
            "",
            "",
            '  %0 = einsum_rows(x, d) spec="i,j->ij" : once [I, H]\n'
            '  %1 = einsum_rows(x, h) spec="i,j->ij" : once [I, H]\n'
            "  %2 = add(%0, %1) : once [I, H]\n",
            ends("%2", result="param W"),
        ),
    )


def test_contract_rows_sums_what_meets_a_weight_first() -> None:
    check(
        then_tidy(contract_rows),
        (
            "",
            '  %0 = einsum(d, W) spec="j,ij->i" : step [I]\n',
            '  %1 = rowsum(%0) : once [I]\n  %2 = einsum(%1, b) spec="i,j->ij" : once [I, H]\n',
            ends("%2", result="param W"),
        ),
        (
            "",
            "",
            "  %3 = rowsum(d) : once [H]\n"
            '  %4 = einsum(%3, W) spec="j,ij->i" : once [I]\n'
            '  %2 = einsum(%4, b) spec="i,j->ij" : once [I, H]\n',
            ends("%2", result="param W"),
        ),
    )


def test_contract_rows_leaves_what_is_read_twice() -> None:
    old = (
        "",
        '  %0 = einsum(x, d) spec="i,j->ij" : step [I, H]\n  %1 = sum(%0) axis=0 : step [H]\n',
        "  %2 = rowsum(%0) : once [I, H]\n",
        ends("%2", state="%1", result="param W"),
    )
    check(contract_rows, old, old)


def test_flatten_products_makes_matrices() -> None:
    leaves = "param P: once [H, 2, I]\ninput z: step [2, H]\n"

    def whole(step: str, value: str) -> Program:
        text = f"{LEAVES}{leaves}before:\nstep:\n{step}after:\n{ends(value)}"
        return parse_program(text)

    for old, new in (
        (
            '  %0 = einsum(x, P) spec="i,hni->nh" : step [2, H]\n',
            "  %1 = transpose(P) perm=(2, 1, 0) : once [I, 2, H]\n"
            "  %2 = reshape(%1) shape=[I, 2*H] : once [I, 2*H]\n"
            '  %3 = einsum(x, %2) spec="i,in->n" : step [2*H]\n'
            "  %0 = reshape(%3) shape=[2, H] : step [2, H]\n",
        ),
        (
            '  %0 = einsum(P, z) spec="hni,nh->i" : step [I]\n',
            "  %1 = reshape(z) shape=[2*H] : step [2*H]\n"
            "  %2 = transpose(P) perm=(1, 0, 2) : once [2, H, I]\n"
            "  %3 = reshape(%2) shape=[2*H, I] : once [2*H, I]\n"
            '  %0 = einsum(%1, %3) spec="n,ni->i" : step [I]\n',
        ),
        # A product of what has rows, and one that is a product of matrices already.
        ('  %0 = einsum(z, h) spec="nh,h->n" : step [2]\n',) * 2,
        ('  %0 = einsum(z, W) spec="nh,ih->ni" : step [2, I]\n',) * 2,
    ):
        before, expected = whole(old, "%0"), whole(new, "%0")
        verify(before)
        after = flatten_products(before)
        verify(after)
        assert numbered(after) == numbered(expected)
        assert flatten_products(after) == after


def test_place_regions() -> None:
    """Of a backward program: a forward one keeps no states for what would come after."""
    check(
        lambda p: replace(licm(replace(p, reverse=True)), reverse=False),
        (
            "",
            "  %0 = exp(b) : once [H]\n"
            "  %1 = tanh(x) : step [I]\n"
            '  %2 = einsum(%1, W) spec="i,ij->j" : step [H]\n'
            "  %3 = add(%2, d) : step [H]\n"
            "  %4 = add(%3, h) : step [H]\n"
            "  %5 = mul(%4, %0) : step [H]\n"
            '  %6 = einsum(%5, W) spec="j,ij->i" : step [I]\n'
            "  %7 = neg(%6) : step [I]\n",
            "",
            ends("%7", state="%4"),
        ),
        (
            "  %0 = exp(b) : once [H]\n"
            "  %1 = tanh(x) : step [I]\n"
            '  %2 = einsum(%1, W) spec="i,ij->j" : step [H]\n',
            "  %3 = add(%2, d) : step [H]\n"
            "  %4 = add(%3, h) : step [H]\n"
            "  %5 = mul(%4, %0) : step [H]\n",
            '  %6 = einsum(%5, W) spec="j,ij->i" : step [I]\n  %7 = neg(%6) : step [I]\n',
            ends("%7", state="%4"),
        ),
    )


def test_sink_slices() -> None:
    check(
        then_tidy(sink_slices),
        (
            "",
            "  %0 = concat(d, h) axis=0 : step [2*H]\n"
            "  %1 = tanh(%0) : step [2*H]\n"
            "  %2 = slice(%1) axis=0 start={0} stop={H} : step [H]\n",
            "",
            ends("%2"),
        ),
        ("", "  %4 = tanh(d) : step [H]\n", "", ends("%4")),
    )


def test_sink_slices_leaves_what_is_read_whole() -> None:
    old = (
        "",
        "  %0 = concat(d, h) axis=0 : step [2*H]\n"
        "  %1 = tanh(%0) : step [2*H]\n"
        "  %2 = slice(%1) axis=0 start={0} stop={H} : step [H]\n",
        "",
        ends("%1", state="%2"),
    )
    check(sink_slices, old, old)


def test_sink_slices_leaves_what_is_read_in_many_pieces() -> None:
    """A chain cut into n pieces would be computed n times over, each in its own statement."""
    many = MOST_PIECES + 1
    pieces = "".join(
        f"  %s{k} = slice(%1) axis=0 start={{{k}}} stop={{{k + 1}}} : step [1]\n"
        for k in range(many)
    )
    sums = "".join(
        f"  %t{k} = add({'%s0' if k == 1 else f'%t{k - 1}'}, %s{k}) : step [1]\n"
        for k in range(1, many)
    )
    old = (
        "",
        "  %0 = sin(h) : step [H]\n  %1 = tanh(%0) : step [H]\n"
        f"{pieces}{sums}  %9 = broadcast(%t{many - 1}) shape=[H] : step [H]\n",
        "",
        ends("%9"),
    )
    check(sink_slices, old, old)


def test_join_pads() -> None:
    check(
        then_tidy(join_pads),
        (
            "",
            "  %0 = pad(h) axis=0 before={2*H} after={0} : step [3*H]\n"
            "  %1 = pad(d) axis=0 before={0} after={2*H} : step [3*H]\n"
            "  %2 = pad(d) axis=0 before={H} after={H} : step [3*H]\n"
            "  %3 = add(%0, %1) : step [3*H]\n"
            "  %4 = add(%3, %2) : step [3*H]\n",
            "",
            ends("%4"),
        ),
        ("", "  %6 = concat(d, d, h) axis=0 : step [3*H]\n", "", ends("%6")),
    )


def test_transpose_convolutions() -> None:
    """What two kernels send back to one line is what both, turned around, see."""
    leaves = (
        "input d: step [I, H]\ninput e: step [I, H]\nstate h: step [I, H]\n"
        "param W: once [I, I, 3]\nparam V: once [I, I, 3]\n"
    )

    def of(step: str, value: str) -> Program:
        text = f"program Test[I, H]\n{leaves}before:\nstep:\n{step}after:\n"
        return parse_program(f"{text}states:\n  h = h\nresults:\n  output y = {value}\n")

    before = of(
        '  %0 = einsum(d, W) spec="jl,jik->ikl" : step [I, 3, H]\n'
        '  %1 = einsum(V, e) spec="jik,jl->ikl" : step [I, 3, H]\n'
        "  %2 = add(%0, %1) : step [I, 3, H]\n"
        "  %3 = fold(%2) kernel=(3) : step [I, H]\n",
        "%3",
    )
    after = of(
        "  %0 = flip(W) axis=2 : once [I, I, 3]\n"
        "  %1 = window(d) kernel=(3) : step [I, 3, H]\n"
        '  %2 = einsum(%1, %0) spec="jkl,jik->il" : step [I, H]\n'
        "  %3 = flip(V) axis=2 : once [I, I, 3]\n"
        "  %4 = window(e) kernel=(3) : step [I, 3, H]\n"
        '  %5 = einsum(%4, %3) spec="jkl,jik->il" : step [I, H]\n'
        "  %6 = add(%2, %5) : step [I, H]\n",
        "%6",
    )
    assert numbered(transpose_convolutions(before)) == numbered(after)


def test_spread_outers() -> None:
    check(
        then_tidy(inline_outer_products),
        (
            "",
            '  %0 = einsum(h, d) spec="j,i->ij" : step [H, H]\n'
            '  %1 = einsum(%0, h) spec="ij,j->i" : step [H]\n',
            "",
            ends("%1"),
        ),
        (
            "",
            "  %2 = reshape(h) shape=[1, H] : step [1, H]\n"
            "  %3 = broadcast(%2) shape=[H, H] : step [H, H]\n"
            "  %4 = reshape(d) shape=[H, 1] : step [H, 1]\n"
            "  %5 = broadcast(%4) shape=[H, H] : step [H, H]\n"
            "  %6 = mul(%3, %5) : step [H, H]\n"
            '  %1 = einsum(%6, h) spec="ij,j->i" : step [H]\n',
            "",
            ends("%1"),
        ),
    )
