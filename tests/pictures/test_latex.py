"""Every equation of `--latex` gives what the cell computes, on every cell that tests have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.ir.program import Rows
from celldsl.pictures.folding import Equation, folded
from celldsl.pictures.latex import Typesetter, latex_text
from celldsl.pictures.symbols import plain, symbol
from celldsl.pipeline import front
from celldsl.semantics.lower import Lowered
from celldsl.targets.reference import evaluate as run
from tests.cells import EVERY
from tests.end_to_end.every_cell import FEATURE_CELLS, NAMES
from tests.end_to_end.subject import SIZES, main_cell
from tests.pictures.moved import Line
from tests.pictures.read_latex import evaluate, tokens_of
from tests.programs import draw_leaves
from tests.zoo.subject import zoo_subject


def lowered_cell(name: str, **structure: Any) -> Lowered:
    path = FEATURE_CELLS[name] if name in FEATURE_CELLS else EVERY[name]
    source = Source(path.name, path.read_text(encoding="utf-8"))
    return front(source, Report(), main_cell(path), structure, path.parent, path)


def wrong(lowered: Lowered, dims: dict[str, int]) -> list[str]:
    """The equations that do not give what the Program gives, in the second of two steps."""
    program = lowered.program
    leaves = draw_leaves(program, dims, 2, 1)
    for hyper in lowered.spec.hypers:
        if hyper.name in leaves:
            leaves[hyper.name] = np.float64(hyper.value)
    seen: dict[tuple[str, int | None], Any] = {}

    def observe(name: str, t: int | None, value: Any) -> Any:
        seen[name, t] = value
        return value

    run(program, leaves, dims, 2, 1, observe=observe)
    typesetter = Typesetter(program, lowered.notes)
    equations = typesetter.equations()
    types = program.types()
    pairs = lowered.notes.complex

    def value_of(name: str) -> Any:
        if name in pairs.values:
            made = pairs.values[name]
            parts = (0.0 if part is None else value_of(part) for part in (made.real, made.imag))
            return complex_of(*parts)
        value = plain_value(name)
        return complex_of(*np.moveaxis(value, -1, 0)) if name in pairs.leaves.values() else value

    def plain_value(name: str) -> Any:
        if name in leaves:
            place = {Rows.STEP: (1, 0), Rows.BATCH: 0}.get(types[name].rows, ())
            return leaves[name][place]
        value = seen[name, 1] if (name, 1) in seen else seen[name, None]
        return value[0] if types[name].rows >= Rows.BATCH else value

    known = {symbol(dim, [], ""): float(size) for dim, size in dims.items()}
    for text, name in typesetter.symbols.values.items():
        known[plain(text)] = value_of(name)
    lines = [plain(str(e)) for e in equations]
    assert sorted(unrolled(folded(equations))) == sorted(lines)
    above: list[Line] = []
    found = []
    for equation in equations:
        error = difference(equation, known, value_of, above)
        found += [f"{plain(str(equation))}: {error}"] if error else []
        right = plain(equation.right)
        left = tuple(map(plain, equation.left))
        above.append((left, right, frozenset(tokens_of(right, tuple(known)))))
    return found


def complex_of(real: Any, imag: Any) -> Any:
    return np.asarray(real) + 1j * np.asarray(imag)


LOOP = re.compile(r"(.*), \\quad (\S+) = (\d+), \\ldots, (\d+)")
OWNER = re.compile(r"\(((?:[^{}()]|\{[^{}]*\})*)\)\}")


def unrolled(lines: list[str]) -> Iterator[str]:
    """Every line of a loop once for each iteration, as a reader of the LaTeX would write them."""
    for line in lines:
        found = LOOP.fullmatch(line)
        if found is None:
            yield line
            continue
        body, variable, first, last = found.groups()
        for k in range(int(first), int(last) + 1):
            numbers = {variable: str(k), f"{variable}-1": str(k - 1)}
            yield OWNER.sub(partial(with_numbers, numbers), body)


def with_numbers(numbers: dict[str, str], group: re.Match[str]) -> str:
    return f"({','.join(numbers.get(part, part) for part in group[1].split(','))})}}"


def difference(
    equation: Equation, known: dict[str, Any], value_of: Any, above: Sequence[Line] = ()
) -> str:
    try:
        with np.errstate(all="ignore"):
            found = evaluate(plain(equation.right), known, above)
    except (AssertionError, ValueError, KeyError, TypeError, IndexError) as error:
        return f"cannot be read: {type(error).__name__} {error}"
    rtol, atol = (1e-5, 1e-5) if r"\nabla" in equation.right else (1e-9, 1e-11)
    parts = found if isinstance(found, tuple) else (found,)
    for value, part in zip(equation.values, parts, strict=True):
        wanted = np.asarray(value_of(value))
        if np.shape(part) != wanted.shape:
            return f"{np.shape(part)} is not {wanted.shape}"
        if not np.allclose(part, wanted, rtol=rtol, atol=atol, equal_nan=True):
            return f"{part} is not {wanted}"
    return ""


@pytest.mark.parametrize("name", NAMES)
def test_equations_evaluate_to_what_the_cell_computes(name: str) -> None:
    lowered = lowered_cell(name)
    sizes = {**SIZES[0]} if name in FEATURE_CELLS else dict(zoo_subject(name).sizes[0])
    dims = {dim.name: dim.fixed or sizes[dim.name] for dim in lowered.spec.dims}
    assert not wrong(lowered, dims)


STRUCTURE = {
    "mogrifier_lstm": {"rounds": 3, "cap_input_gate": False},
    "gru": {"activation": "gelu"},
    "features/static_if": {},
}


@pytest.mark.parametrize("name", STRUCTURE)
def test_loops_and_branches_are_those_that_were_chosen(name: str) -> None:
    lowered = lowered_cell(name, **STRUCTURE[name])
    dims = {dim.name: dim.fixed or SIZES[0][dim.name] for dim in lowered.spec.dims}
    assert not wrong(lowered, dims)


def test_loops_name_their_iterations_and_those_of_their_weights() -> None:
    text = latex("mogrifier_lstm", rounds=3)
    assert r"v^{(1)}_{t} &= 2 \cdot \sigma\left(u^{(0)}_{t} \, W^{(v,1)}_{u}" in text
    assert r"\odot u^{(0)}_{t}" in text
    assert "u_{t}" not in text
    assert r"\begin{cases}" not in text


def test_parameters_have_no_time_and_sizes_no_product_sign() -> None:
    text = latex("lmu")
    assert not re.findall(r"W\^\{[^}]*\}_\{[^}]*t[^}]*\}", text)
    assert r"2 \odot" not in latex("features/every_pass")
    for name in ("features/ode", "ntm", "mlstm"):
        assert r"\odot \mathbf{1}" not in latex(name), name


START = """cell Started[H](half = 0.5):
    input x: [H]
    param s0: [H] = zeros
    state s: [H] = START

    s' = tanh(s + x * s0)

    output s'
"""


@pytest.mark.parametrize(("start", "line"), [("s0", ""), ("half * s0", r"s_{t=0} &= ")])
def test_a_parameter_may_be_called_as_what_a_state_begins_with(start: str, line: str) -> None:
    source = Source("started.cell", START.replace("START", start))
    lowered = front(source, Report(), None, {})
    text = latex_text(lowered.program, lowered.notes)
    assert "s_{0} &=" not in text
    assert (line in text) if line else text.count("&=") == 1
    assert not wrong(lowered, {"H": 3})


def test_a_wrong_equation_is_found() -> None:
    lowered = lowered_cell("gru")
    typesetter = Typesetter(lowered.program, lowered.notes)
    last = typesetter.equations()[-1].right
    known = {text: np.full(3, 1.0 + k) for k, text in enumerate(typesetter.symbols.of.values())}
    assert np.any(evaluate(last, known) != evaluate(last.replace("h_{t-1}", "c_{t}"), known))


def latex(name: str, **structure: Any) -> str:
    lowered = lowered_cell(name, **structure)
    return latex_text(lowered.program, lowered.notes)
