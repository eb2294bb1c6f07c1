"""No name that people give to anything in a cell can be in the way of one of ours.

Names are drawn from all that stands in the text of generated modules, what they run on included,
and from what the Python around them knows.  A cell of such names does what it does with plain ones.
Most are run by Python, from the very text: machine code of a cell that nobody has compiled takes
half a minute on a busy machine.
"""

from __future__ import annotations

import builtins
import inspect
import io
import keyword
import tokenize
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from celldsl.api import compile_source
from celldsl.diagnostics.errors import CellError
from celldsl.jit.checked import checked_mode
from celldsl.pipeline import check_source, generate
from celldsl.runtime import FILES, SURFACE
from celldsl.runtime.cell.cell import Cell
from tests.cells import example

TEXT = """\
def {func}({formal}) = {formal} * sigmoid({formal})

cell {Inner}[{K}]:
    input {given}: [{K}]
    state {held}: [{K}]
    {held}' = tanh({given} + 0.5 * {held})
    output {held}'

cell {Cell}[{I}, {H}]({rate} = 0.25, {chance} = 0.0):
    input {x}: [{I}]
    input {flag}: []
    state {h}: [{H}]
    state {total}: [2]
    const {base}: [{H}] = 0.5
    param {gain}: [{H}] = ones + 0.1
    sub {inner} = {Inner}[{H}]
    {a}, {b} = split(sigmoid(linear([{x}, {h}], 2*{H})), 2)
    {c} = {func}({a} * {h} + {gain} * {base}) + {flag} * {rate}
    {h}' = dropout({b} * {c} + {inner}({c}), {chance}) + max({a})
    {total}' = 0.5 * {total} + mean({c})
    {y} = {h}' @ {h}' + sum({total}')
    output {h}', {y}
"""
PLACES = (
    "func", "formal", "Inner", "K", "given", "held", "Cell", "I", "H", "rate", "chance", "x",
    "flag", "h", "total", "base", "gain", "inner", "a", "b", "c", "y",
)  # fmt: skip
PLAIN = {place: f"{place}Q" for place in PLACES}


def words_of(text: str) -> set[str]:
    """The names in a Python text, and those that our prefixes stand before."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    names = {t.string for t in tokens if t.type == tokenize.NAME}
    return names | {name.partition("_")[2] for name in names if "_" in name}


@cache
def candidates() -> list[str]:
    """Every name that might be in the way, and that a cell may use."""
    found = {*keyword.kwlist, *dir(builtins), *FILES, *SURFACE, *dir(Cell), *dir(tuple)}
    for name in ("gru", "lstm", "ln_lstm"):
        text = example(name).read_text(encoding="utf-8")
        found |= words_of(generate(text, "a.cell"))
    found |= words_of(generate(TEXT.format(**PLAIN), "a.cell", cell=PLAIN["Cell"]))
    found |= words_of(generate(example("rnn").read_text(encoding="utf-8"), "a", standalone=True))
    for file in Path(inspect.getfile(Cell)).parents[1].rglob("*.py"):
        found |= words_of(file.read_text(encoding="utf-8"))
    return sorted(name for name in found if name.isidentifier() and name.isascii())


def refused(names: dict[str, str]) -> list[str]:
    """The diagnostics of a cell of these names."""
    report = check_source(TEXT.format(**names))
    return [d.message for d in report.diagnostics if d.severity == "error"]


@cache
def usable(place: str) -> list[str]:
    """The candidates that the language lets stand there; it says of the others why not."""
    return [name for name in candidates() if not refused({**PLAIN, place: name})]


def outcome(names: dict[str, str]) -> list[np.ndarray]:
    """What a cell computes, in the order of its declarations."""
    cls: Any = compile_source(TEXT.format(**names), names["Cell"])
    cell = cls(**{names["I"]: 3, names["H"]: 2}, dtype="float64", seed=1)
    random = np.random.default_rng(0)
    for name in cell.params:
        cell.params[name] = random.normal(size=cell.params[name].shape)
    inputs = {
        a.name: random.normal(size=(4, 2, *a.shape(**cell.dims))) for a in cell.description.inputs
    }
    y, state, tape = cell.forward(inputs)
    grads = cell.backward(tape, type(y)(*(np.ones_like(each) for each in y)))
    first, after = cell.step({n: array[0] for n, array in inputs.items()}, state)
    return [*y, *leaves(state), *first, *leaves(after), *grads.params.values(),
            *leaves(grads.inputs), *leaves(grads.state)]  # fmt: skip


def leaves(value: Any) -> list[np.ndarray]:
    if isinstance(value, np.ndarray):
        return [value]
    items = value.values() if hasattr(value, "values") else value
    return [leaf for item in items for leaf in leaves(item)]


@cache
def expected() -> list[np.ndarray]:
    return outcome(PLAIN)


def compare(names: dict[str, str]) -> None:
    for found, wanted in zip(outcome(names), expected(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@st.composite
def drawn(draw: st.DrawFn) -> dict[str, str]:
    names: dict[str, str] = {}
    for place in PLACES:
        free = [name for name in candidates() if name not in names.values()]
        name = draw(st.sampled_from(free))
        names[place] = name if not refused({**PLAIN, **names, place: name}) else PLAIN[place]
    return names


def settled(examples: int) -> settings:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=checks
    )


def compare_by_python(names: dict[str, str]) -> None:
    wanted = expected()  # compiled
    checked_mode.cache_clear()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CELLDSL_CHECKED", "1")
            found = outcome(names)
    finally:
        checked_mode.cache_clear()
    for own, plain in zip(found, wanted, strict=True):
        np.testing.assert_allclose(own, plain, rtol=1e-12, atol=1e-12)


@settled(2)
@given(drawn())
def test_any_names_compute_the_same(names: dict[str, str]) -> None:
    compare(names)


@settled(12)
@given(drawn())
def test_any_names_mean_the_same_to_python(names: dict[str, str]) -> None:
    compare_by_python(names)


@pytest.mark.slow
@settled(10)  # each is compiled
@given(drawn())
def test_more_names_compute_the_same(names: dict[str, str]) -> None:
    compare(names)


@pytest.mark.slow
@settled(200)
@given(drawn())
def test_more_names_mean_the_same_to_python(names: dict[str, str]) -> None:
    compare_by_python(names)


@pytest.mark.parametrize(
    "name",
    ["Cell", "np", "range", "kernel", "routine", "prepare_products", "initial_values", "super"],
)
def test_a_cell_of_our_names(name: str) -> None:
    compare({**PLAIN, "Cell": name})


def test_inputs_and_states_of_our_names() -> None:
    ours = ("incoming", "staying", "rows", "t", "part", "row", "coming", "n_rows", "going_on")
    places = ("x", "flag", "h", "total", "base", "gain", "a", "b", "c")
    compare({**PLAIN, **dict(zip(places, ours, strict=True))})


@pytest.mark.parametrize("place", ["Cell", "x", "h", "rate", "gain", "a", "y", "I"])
@pytest.mark.parametrize("name", ["class", "None", "lambda", "input"])
def test_a_name_that_cannot_be_is_refused_in_words(place: str, name: str) -> None:
    names = {**PLAIN, place: name}
    if refused(names):
        with pytest.raises(CellError, match=name):
            compile_source(TEXT.format(**names), PLAIN["Cell"])
    else:
        generate(TEXT.format(**names), "a.cell", cell=names["Cell"])
