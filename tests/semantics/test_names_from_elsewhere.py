"""Names of other libraries: each leads to something that exists here."""

from __future__ import annotations

from pathlib import Path

import pytest

from celldsl.pipeline import check_source
from celldsl.semantics.builtins.table import FUNCTIONS, PRELUDE
from celldsl.semantics.foreign_functions import FOREIGN
from celldsl.semantics.initial_values import INITIALISERS
from celldsl.syntax.hints.other_names import GONE, OPTIONS, STARTS

RENAMED, REPLACED = FOREIGN.renamed, FOREIGN.replaced
OURS = {*FUNCTIONS, *PRELUDE, *INITIALISERS}
OWN_OPTIONS = {
    part.strip().partition("=")[0]
    for entry in FUNCTIONS.values()
    for part in entry.signature.split(",")
}
CELL = """\
cell C[I, H]:
    input x: [I]
    state h: [H]
    wide = linear(x, H)
    h' = tanh({} + wide)
    output h'
"""


def test_names_lead_to_functions_that_exist() -> None:
    assert set(RENAMED.values()) <= OURS
    assert set(STARTS.values()) <= set(INITIALISERS)
    assert set(OPTIONS.values()) <= OWN_OPTIONS


def test_no_name_of_ours_counts_as_foreign() -> None:
    assert not OURS & {*RENAMED, *REPLACED}
    assert not set(RENAMED) & set(REPLACED)
    assert not set(STARTS) & set(INITIALISERS)
    assert not set(OPTIONS) & set(GONE)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("wid", "wide"),
        ("0.5 * wid * h", "wide"),
        ("tahn(x)", "tanh"),
        ("maximum(x, 0)", "max"),
        ("linear(x, HH)", "H"),
        ("layer_norm(wide, gian=true)", "gain=true"),
    ],
)
def test_suggestions_are_of_the_kind_that_fits(written: str, meant: str) -> None:
    fixes = [d.fix.replacement for d in check_source(CELL.format(written)).diagnostics if d.fix]
    assert fixes == [meant]


def test_a_name_of_another_shape_is_not_suggested() -> None:
    text = CELL.replace("input x: [I]", "input xa: [I]").replace("linear(x", "linear(xa")
    text = text.replace("state h", "state xb").replace("h'", "xb'")
    (found,) = check_source(text.format("xb * xc")).diagnostics
    assert found.fix is not None
    assert found.fix.replacement == "xb"


# Signs and words of papers, Julia, NumPy, PyTorch, TensorFlow and JAX: each stands for a value.
FROM_ELSEWHERE = [
    line
    for line in (Path(__file__).parent / "from_elsewhere.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("# ") and line.partition("(")[0] not in OURS
]


@pytest.mark.parametrize("written", FROM_ELSEWHERE)
def test_every_sign_and_word_of_others_leads_on(written: str) -> None:
    text = CELL.replace("wide", "z").format(f"0 * ({written})")
    first = check_source(text).diagnostics[0]
    assert first.severity == "error"
    assert first.help or first.fix, first.message


def test_an_inner_cell_may_be_called_as_a_library_is() -> None:
    text = """\
cell In[H]:
    input x: [H]
    state h: [H]
    h' = tanh(h + x)
    output h'


cell Out[H]:
    input x: [H]
    sub lax = In[H]
    y = lax(x) + lax.h
    output y
"""
    assert not check_source(text).has_errors
