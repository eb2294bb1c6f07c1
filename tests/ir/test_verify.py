"""Programs that are wrong in one place, and what the verifier says of them."""

from __future__ import annotations

import pytest

from celldsl.ir.program import Program
from celldsl.ir.text import parse_program
from celldsl.ir.verify import InvalidProgram, verify
from celldsl.structs import replace
from celldsl.transforms.autodiff import differentiate
from tests.programs import CELLS

GOOD = """\
program Test[I, H]
input x: step [I]
state h: step [H]
param W: once [I, H]
param h0: once [H]
before:
  %0 = einsum(x, W) spec="i,ij->j" : step [H]
  %1 = tanh(h0) : once [H]
step:
  %2 = add(%0, h) : step [H]
after:
  %3 = rowsum(%2) : once [H]
  %4 = final(h) : batch [H]
states:
  h = %2 start %1
results:
  output y = %2
  param h0 = %3
saved:
  h@in
  %2
"""

WRONG = [
    ("%2 = add", "%0 = add", "%0 is defined twice"),
    ("param h0", "param W", "W is defined twice"),
    ("%1 = tanh(h0)", "%1 = tanh(%2)", "%1 in before reads %2, which is not there yet"),
    ("%1 = tanh(h0)", "%1 = tanh(h)", "%1 in before reads h, which is not there yet"),
    ("add(%0, h)", "add(%0, %3)", "%2 in step reads %3, which is not there yet"),
    ("add(%0, h)", "add(%0)", "%2 gives 1 arguments to add"),
    ("add(%0, h)", "plus(%0, h)", "%2 is plus, which is no operation"),
    ("add(%0, h) : step [H]", "add(%0, h) : step [I]", "%2 says step [I], but add gives step [H]"),
    ("add(%0, h) : step [H]", "add(%0, h) : batch [H]", "%2 says batch [H], but add gives step"),
    ("add(%0, h)", "add(x, h)", "%2 is wrong: shapes differ: [I] and [H]"),
    ("i,ij->j", "i,ji->j", "%0 is wrong: i in i,ji->j is I and H"),
    ("add(%0, h) :", "rowsum(h) :", "%2 in step is rowsum, which needs all rows"),
    ("final(h)", "final(x)", "%4 is final, which needs a state and stands in after"),
    ("h = %2 start %1", "h = %2 start %0", "h starts at %0, which is not there before"),
    ("h = %2 start %1", "h = %2 start h", "h starts at h, which is not there before"),
    ("h = %2 start %1", "h = %4", "the next h is %4, which the step does not know"),
    ("h = %2 start %1", "h = x", "h is [H], but x is [I]"),
    ("h = %2 start %1", "k = %2 start %1", "states and state leaves differ"),
    ("output y = %2", "output y = %9", "the output y is %9, which is nowhere"),
    ("output y = %2", "result y = %2", "y is a result of kind result, which is none"),
    ("param h0 = %3", "param h0 = %2", "the param h0 cannot be step [H]"),
    ("  %2\n", "  %9\n", "%9 is saved, but is nowhere"),
    ("input x: step", "input x: once", "the input x cannot exist per once"),
    ("param W: once [I, H]", "param W: once [I, K]", "W is [I, K], of dims that Test has not"),
]


def program(text: str) -> Program:
    return parse_program(text)


def test_the_good_one_passes() -> None:
    verify(program(GOOD), placed=True)


@pytest.mark.parametrize(("old", "new", "message"), WRONG, ids=[w[2] for w in WRONG])
def test_a_defect_is_named(old: str, new: str, message: str) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    with pytest.raises(InvalidProgram) as caught:
        verify(program(text))
    assert str(caught.value).startswith(message)


def test_only_a_placed_program_has_nothing_once_in_its_step() -> None:
    moved = program(GOOD)
    moved = replace(moved, before=moved.before[:1], step=(*moved.step, moved.before[1]))
    moved = replace(moved, states=(replace(moved.states[0], start=None),))
    verify(moved)
    with pytest.raises(InvalidProgram, match="%1 exists once and is computed in the step"):
        verify(moved, placed=True)


@pytest.mark.parametrize("name", CELLS)
def test_cells_and_their_gradients_pass(name: str) -> None:
    for p in differentiate(CELLS[name]()):
        verify(p)
