"""What the plan of a cell looks like: which products there are, where, and what the tape keeps."""

from __future__ import annotations

import pytest

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.pipeline import Artefacts, front
from celldsl.plan.operations import AddShares, Gemm, GemmRows
from celldsl.plan.plan import Phase, RowLoops
from celldsl.targets.numba.description import Unit
from tests.cells import example


def planned(name: str) -> Unit:
    path = example(name)
    source = Source(path.name, path.read_text())
    lowered = front(source, Report(), None, {}, path.parent, path)
    return Artefacts(lowered).unit(path.name, "0")


def shapes(phases: tuple[Phase, ...], kind: str) -> list[tuple[str, str, bool]]:
    """(k, n, whether it adds) of the GEMMs in phases of a kind."""
    stages = [stage for phase in phases if phase.kind == kind for stage in phase.stages]
    return [(str(s.k), str(s.n), s.accumulate) for s in stages if isinstance(s, Gemm)]


def sums(phases: tuple[Phase, ...]) -> list[tuple[str, str]]:
    stages = [stage for phase in phases for stage in phase.stages]
    groups = [stage.products for stage in stages if isinstance(stage, GemmRows)]
    return [(str(one.m), str(one.n)) for group in groups for one in group]


def test_a_gru_reads_its_input_in_one_product_and_its_state_in_two() -> None:
    unit = planned("gru")
    assert shapes(unit.plan.forward, "rows") == [("I", "3*H", False)]
    assert shapes(unit.plan.forward, "steps") == [("H", "2*H", True), ("H", "H", True)]
    assert shapes(unit.plan.backward, "steps") == [("H", "H", False), ("2*H", "H", True)]
    assert shapes(unit.plan.backward, "rows") == [("3*H", "I", False)]
    assert sorted(sums(unit.plan.backward)) == [("H", "2*H"), ("H", "H"), ("I", "3*H")]


@pytest.mark.parametrize("name", ["lstm", "packed_lstm", "peephole_lstm"])
def test_the_four_products_of_an_lstm_are_one_however_it_is_written(name: str) -> None:
    unit = planned(name)
    assert shapes(unit.plan.forward, "rows") == [("I", "4*H", False)]
    assert shapes(unit.plan.forward, "steps") == [("H", "4*H", True)]
    assert len(sums(unit.plan.backward)) == 2


def test_sums_over_rows_share_what_they_read() -> None:
    """The input and the state of an LSTM have one right operand; of a GRU, two of three have."""
    for name, expected in (("lstm", [2]), ("gru", [1, 2])):
        stages = [stage for phase in planned(name).plan.backward for stage in phase.stages]
        groups = [stage for stage in stages if isinstance(stage, GemmRows)]
        assert sorted(len(group.products) for group in groups) == expected
        adds = [stage.product for stage in stages if isinstance(stage, AddShares)]
        assert adds == [one for group in groups for one in group.products]


@pytest.mark.parametrize("name", ["indrnn", "mingru", "sru", "sru_projected"])
def test_a_cell_without_a_product_of_its_state_has_none_in_the_loop(name: str) -> None:
    unit = planned(name)
    for phases in (unit.plan.forward, unit.plan.backward):
        (loop,) = [phase for phase in phases if phase.kind == "steps"]
        assert all(isinstance(stage, RowLoops) for stage in loop.stages)
        assert len(loop.stages) == 1


@pytest.mark.parametrize(("name", "kept"), [("gru", 3), ("packed_lstm", 5), ("peephole_lstm", 5)])
def test_the_tape_keeps_gates_and_nothing_that_follows_from_them(name: str, kept: int) -> None:
    saved = [value for value in planned(name).forward.saved if not value.endswith("@in")]
    following = {state.next for state in planned(name).forward.states}
    assert len([value for value in saved if value not in following]) == kept


def test_cotangents_are_carried_in_place() -> None:
    for name in ("gru", "lstm", "peephole_lstm"):
        loop = next(p for p in planned(name).plan.backward if p.kind == "steps")
        assert loop.moves == (), name
