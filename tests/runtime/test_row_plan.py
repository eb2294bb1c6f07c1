"""Row plans against what description.py says of them, counted out one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from celldsl.runtime.exec.batch_layout import gather_rows
from celldsl.runtime.exec.plan_anew import plan_anew
from celldsl.runtime.row_plan import pack_lengths, plan_packed, plan_rows
from tests.runtime.fake_cell import Rows


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("steps", [0, 1, 4])
def test_training_rows_are_the_callers(steps: int, parts: int, reverse: bool) -> None:
    plan = plan_rows(steps, 5, parts, True, False, reverse)
    assert (plan.rows, plan.states, plan.kept) == (steps * 5,) * 3
    seen = np.zeros(steps * 5, dtype=int)
    for part in map(Rows.read, plan.parts):
        assert (part.T, part.B, part.R, part.S, part.keep) == (steps, 5, steps * 5, steps * 5, 1)
        for t in range(steps):
            row, active, state_row, tape_row = part.steps[t]
            time = steps - 1 - t if reverse else t
            assert row == state_row == tape_row == time * 5 + part.first
            assert active == part.count
            seen[row : row + active] += 1
        assert part.steps[steps].tolist()[1:3] == [0, part.S + part.first]
        assert part.sequences.tolist() == list(range(part.first, part.first + part.count))
        assert part.start == 0
    assert (seen == 1).all()


def test_inference_keeps_two_steps_of_states() -> None:
    plan = plan_rows(5, 4, 2, False, True, False)
    assert (plan.states, plan.kept) == (8, 4)
    part = Rows.read(plan.parts[1])
    assert part.given == 1
    assert part.steps[:5, 2].tolist() == [2, 6, 2, 6, 2]
    assert part.steps[:5, 3].tolist() == [2] * 5


@given(st.lists(st.integers(0, 6), min_size=1, max_size=8), st.integers(1, 4), st.booleans())
def test_packed_rows_are_each_step_of_each_sequence(
    lengths: list[int], parts: int, reverse: bool
) -> None:
    batch, parts = len(lengths), min(parts, len(lengths))
    packing = pack_lengths(np.array(lengths), max(lengths) + 1, parts, reverse)
    plan = plan_packed(packing, 0, max(lengths), True, False)
    assert plan.rows == plan.states == sum(lengths)
    assert sorted(packing.order) == list(range(batch))
    found = set()
    for part in map(Rows.read, plan.parts):
        own = slice(part.first, part.first + part.count)
        assert part.sequences.tolist() == packing.order[own].tolist()
        for t in range(plan.steps):
            row, active, _, _ = part.steps[t]
            for place in range(active):
                sequence = packing.order[part.first + place]
                time = lengths[sequence] - 1 - t if reverse else t
                assert packing.gather[row + place] == time * batch + sequence
                found.add((time, sequence))
    assert found == {(t, b) for b in range(batch) for t in range(lengths[b])}
    assert (packing.spread[packing.gather] == np.arange(plan.rows)).all()
    assert (packing.spread >= 0).sum() == plan.rows


@given(st.data(), st.integers(1, 4), st.booleans(), st.booleans(), st.booleans())
def test_where_sequences_begin_anew(
    data: st.DataObject, parts: int, keep: bool, passed: bool, packed: bool
) -> None:
    lengths = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=6))
    batch, steps = len(lengths), max(lengths)
    parts = min(parts, batch)
    if packed:
        packing = pack_lengths(np.array(lengths), steps, parts, False)
        plan, lengths = plan_packed(packing, 0, steps, keep, passed), packing.lengths.tolist()
    else:
        plan, lengths = plan_rows(steps, batch, parts, keep, passed), [steps] * batch
    drawn = st.lists(st.booleans(), min_size=batch, max_size=batch)
    resets = np.array(data.draw(st.lists(drawn, min_size=steps, max_size=steps)), np.int64)
    resets = resets.reshape(steps, batch) * (np.arange(steps)[:, None] < lengths)
    found = plan_anew(plan, resets)
    assert found.base is plan and (found.rows, found.kept) == (plan.rows, plan.kept)
    taken: list[int] = []
    for part, before in zip(map(Rows.read, found.parts), map(Rows.read, plan.parts), strict=True):
        own = slice(part.first, part.first + part.count)
        assert found.states == part.S
        assert part.steps[:-1].tolist() == before.steps[:-1].tolist()
        begins = np.where(resets[:1, own].any(axis=0), -1, int(passed))
        assert part.begins.tolist() == begins.tolist()
        for t, runs in enumerate(part.runs):
            for low, high, next_row, fresh in runs.tolist():
                assert low < high
                for b in range(low, high):
                    ends = lengths[part.first + b] == t + 1
                    anew = not ends and bool(resets[t + 1, part.first + b])
                    assert fresh == anew
                    usual = part.S + part.first if ends else part.steps[t + 1, 2]
                    if anew and keep:
                        taken.append(next_row + b)
                    else:
                        assert next_row == usual
    assert len(set(taken)) == len(taken)
    assert all(plan.states <= row < found.states for row in taken)


@given(st.lists(st.integers(1, 100), min_size=8, max_size=40))
def test_parts_have_about_the_same_work(lengths: list[int]) -> None:
    packing = pack_lengths(np.array(lengths), max(lengths), 2, False)
    first = int(packing.lengths[: packing.counts[0]].sum())
    assert abs(2 * first - sum(lengths)) <= max(lengths)
    assert (np.diff(packing.lengths[: packing.counts[0]]) <= 0).all()


def test_a_segment_knows_which_steps_were_before_it() -> None:
    packing = pack_lengths(np.array([5, 2, 4]), 5, 1, False)
    for plan in (plan_packed(packing, 3, 5, True, True), plan_rows(2, 3, 1, True, True, False, 3)):
        assert Rows.read(plan.parts[0]).start == 3


def test_plans_are_made_once() -> None:
    assert plan_rows(7, 3, 1, True, False, False) is plan_rows(7, 3, 1, True, False, False)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (2, 3), ()])
def test_rows_by_their_numbers(shape: tuple[int, ...], dtype: str, parts: int) -> None:
    random = np.random.default_rng(0)
    array = random.normal(size=(5, *shape)).astype(dtype)
    for numbers in ([], [3], [4, 0, -1, 4, 2, -1], [-1] * 9, list(range(5)) * 40):
        found = gather_rows(array, np.array(numbers, np.int64))
        expected = np.zeros((len(numbers), *shape), dtype)
        for row, number in enumerate(numbers):
            if number >= 0:
                expected[row] = array[number]
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == array.dtype
