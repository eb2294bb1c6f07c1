"""`cell.trace` on whole cells: every value is that of the reference, at every step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.pipeline import front
from celldsl.semantics.lower import Lowered
from celldsl.targets.reference import evaluate
from tests.end_to_end.every_cell import NAMES, subject_named
from tests.end_to_end.subject import Arrays, Subject, main_cell
from tests.tenth import marked

T, B = 3, 2


@pytest.mark.parametrize("name", marked(NAMES))
def test_values_are_those_of_the_reference(name: str) -> None:
    subject = subject_named(name)
    dims = subject.dims(subject.sizes[0])
    cell, inputs = subject.make(dims), subject.draw_inputs(dims, T, B)
    starts = subject.draw_states(dims, B)
    state = cell._state_structure.pack(starts.values())
    found = cell.trace(inputs, state=state)
    lowered = lowered_of(subject)
    expected = values_of(lowered, subject.leaves(cell, inputs), dims, starts)
    assert list(found) == [each.name for each in lowered.seen]
    for each in lowered.seen:
        array = found[each.name]
        assert array.dtype == (np.bool_ if each.boolean else np.float64), each.name
        scale = np.abs(expected[each.name] * 1.0).max(initial=1.0)
        np.testing.assert_allclose(
            array * 1.0, expected[each.name] * 1.0, 1e-10, 1e-10 * scale, err_msg=each.name
        )
    y, last = cell(inputs, state)
    outputs = dict(
        zip(cell._signature.output_names, y if isinstance(y, tuple) else [y], strict=True)
    )
    nexts = dict(zip(starts, cell._state_structure.unpack("state", last), strict=True))
    for each in lowered.seen:
        for result in lowered.program.results:
            if result.value == each.value:
                assert np.array_equal(found[each.name], outputs[result.name]), each.name
        for link in lowered.program.states:
            if link.next == each.value:
                assert np.array_equal(found[each.name][-1], nexts[link.name]), each.name


def lowered_of(subject: Subject) -> Lowered:
    path = subject.path
    source = Source(path.name, path.read_text(encoding="utf-8"))
    chosen = dict(subject.structure)
    return front(source, Report(), main_cell(path), chosen, path.parent, path, True)


def values_of(lowered: Lowered, leaves: Arrays, dims: dict[str, int], starts: Arrays) -> Arrays:
    """(T, B, …) of everything that equations define, as the reference computes it."""
    seen: dict[tuple[str, int | None], Any] = {}

    def observe(name: str, t: int | None, value: Any) -> Any:
        seen[name, t] = value
        return value

    evaluate(lowered.program, leaves, dims, T, B, starts, None, (), observe)
    found = {}
    for each in lowered.seen:
        if (each.value, 0) in seen:
            array = np.stack([seen[each.value, t] for t in range(T)])
        else:
            array = seen.get((each.value, None), leaves.get(each.value))
        shape = tuple(size.evaluate(dims) for size in each.shape)
        found[each.name] = np.broadcast_to(array, (T, B, *shape))
    return found
