"""Generated modules of random cells know every name that they use, whatever is left out."""

from __future__ import annotations

import builtins
import dis
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

from celldsl.pass_flags import optimisations
from celldsl.pipeline import generate
from tests.random_cells.draw import draw_cell

SEEDS = [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 80))]

OPTIMISATIONS = optimisations()


def unknown_names(text: str) -> set[str]:
    """Names that functions of a module read and that neither they nor the module define."""
    module = compile(text, "module.py", "exec")
    known = {i.argval for i in dis.get_instructions(module) if i.opname == "STORE_NAME"}
    read = {
        str(i.argval)
        for code in _codes(module)
        for i in dis.get_instructions(code)
        if i.opname == "LOAD_GLOBAL"
    }
    return read - known - set(dir(builtins))


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def test_an_unknown_name_is_seen() -> None:
    assert unknown_names("def f(x):\n    return x + row\n") == {"row"}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_name_is_known(seed: int) -> None:
    _know_every_name(draw_cell(seed, masks=seed % 2 == 0), f"cell {seed}")


def test_a_sum_that_is_read_after_the_loop_is_known() -> None:
    """A cell that was drawn once, with a sum of cotangents of that kind."""
    _know_every_name((Path(__file__).parent / "sum_after_loop.cell").read_text("utf-8"), "it")


def _know_every_name(text: str, which: str) -> None:
    for names in ([], [*OPTIMISATIONS], *([name] for name in OPTIMISATIONS)):
        module = generate(text, "random.cell", cell="Main", without=names)
        assert not unknown_names(module), f"{which} without {names}"
