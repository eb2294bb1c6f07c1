"""A cell of ours beside a library's.  In: a row, a file, a peer and its run.  Out: assertions.

Outputs, last states, and the gradients of inputs, starts and each parameter of the library: ours go
to its parameters along a random direction, since weights are mapped linearly.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.end_to_end.compare import distance, nested, pick
from tests.end_to_end.subject import Arrays
from tests.zoo.live.peer import Drawn, Found, Peer, weighting
from tests.zoo.runs import built, index, run_dims
from tests.zoo.subject import with_structure
from tests.zoo.weights import ROWS
from tests.zoo.weights.row import Row

TOLERANCE = 1e-9


def agree(
    name: str, file: str, peer: Peer, drawn: Drawn, found: Found, tolerance: float = TOLERANCE
) -> None:
    """Raises AssertionError with all that differs."""
    wrong = {
        what: e for what, e in differences(name, file, peer, drawn, found) if not e < tolerance
    }
    assert not wrong, ", ".join(f"{what}: {e:.1e}" for what, e in wrong.items())


def differences(
    name: str, file: str, peer: Peer, drawn: Drawn, found: Found
) -> Iterator[tuple[str, float]]:
    row = ROWS[name][file]
    numbers = {ours: float(peer.numbers[theirs]) for ours, theirs in row.hypers.items()}
    settings = {**index().cells[file].rows[name], **numbers}
    subject = with_structure(file, settings)
    first = {n: a[0] for n, a in drawn.inputs.items()}
    dims = run_dims(subject, row, row.inputs(first), settings)
    known = {**drawn.parameters, **{n: np.array(v) for n, v in peer.numbers.items()}}
    cell = built(subject, dims, settings, row.weights(known))
    steps = [row.inputs({n: a[t] for n, a in drawn.inputs.items()})
             for t in range(len(found.outputs))]  # fmt: skip
    inputs = {n: np.array([step[n] for step in steps])[:, None] for n in steps[0]}
    starts = {n: a[None] for n, a in row.states(drawn.states).items()}
    y, last, tape = cell.forward(inputs, nested(starts))
    y = y[0] if isinstance(y, tuple) else y
    yield "output", distance(np.array([row.output(v) for v in y[:, 0]]), found.outputs)
    for state, value in row.states(found.last).items():
        yield f"state {state}", distance(pick(last, state)[0], value)

    dlast = {n: weighting(a, 2 + place) for place, (n, a) in enumerate(sorted(found.last.items()))}
    dstate = {n: a[None] for n, a in row.states(dlast).items()}
    dy = put_back(row, weighting(found.outputs, 1), y[:, 0])[:, None]
    outputs = [o.name for o in subject.spec.outputs]
    ours = cell.backward(tape, dy if len(outputs) == 1 else {outputs[0]: dy}, nested(dstate))
    slopes = found.gradients.inputs
    for n in slopes:
        each = [row.inputs({n: slope}) for slope in slopes[n]]
        for name in each[0]:
            wanted = np.array([inputs[name] for inputs in each])
            yield f"d input {name}", distance(ours.inputs[name][:, 0], wanted)
    for n, slope in row.states(found.gradients.states).items():
        yield f"d state {n}", distance(pick(ours.state, n)[0], slope)
    for n, slope in found.gradients.parameters.items():
        way = weighting(slope, 99)
        moved = row.weights({**known, n: known[n] + way})
        mapped = along(ours.params, row.weights(known), moved)
        yield f"d {n}", distance(np.array(mapped), np.array((slope * way).sum()))


def put_back(row: Row, theirs: Any, like: Any) -> Any:
    """What is like the library's outputs, in the order of ours."""
    places = row.output(np.arange(like[0].size).reshape(like[0].shape)).ravel()
    found = np.zeros((len(like), like[0].size))
    found[:, places] = theirs.reshape(len(like), -1)
    return found.reshape(like.shape)


def along(gradients: Any, weights: Arrays, moved: Arrays) -> float:
    """The slope of the loss from some weights to others."""
    return float(sum((gradients[n] * (moved[n] - weights[n])).sum() for n in weights))
