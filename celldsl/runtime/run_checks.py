"""Do the ways to run a cell agree?  In: a cell of float64.  Out: how far gradients are apart.

    for found in check_runs(cell):
        print(found.kind, found.name, found.error)      # carried  after 2 steps  1.1e-16

Gradients of a batch with `lengths` are compared with those of each sequence by itself, of `reverse`
with those of the sequences turned round, of a state that is carried over two calls with those of
one call, and of `resets` with those of two calls that know nothing of each other.  No masks are
drawn: they differ from row to row.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from celldsl.runtime.arrays.inputs import of_steps
from celldsl.runtime.arrays.options import Option
from celldsl.runtime.arrays.state_structure import Nested
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.cell.built import Gradients
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.gradcheck import Checked, GradientProbe, Ranges

Found = dict[str, Values]


def check_runs(
    cell: Cell, steps: int = 5, batch: int = 3, seed: int = 0, ranges: Ranges | None = None
) -> Iterator[Checked]:
    """One result for each way; `error` is relative to the largest derivative or 1."""
    probe = GradientProbe(cell, steps, batch, seed, True, None, False, None, ranges or {}, None)
    lengths = probe.random.integers(0, steps + 1, size=batch)
    lengths[0] = steps
    told = f"[{', '.join(map(str, lengths))}]"
    yield _compared("lengths", told, _gradients(probe, lengths=lengths), _alone(probe, lengths))
    turned = _gradients(probe, reverse=True)
    yield _compared("reverse", f"{steps} steps", turned, _turned(probe))
    if steps > 1:
        cut = steps // 2
        told = f"after {cut} of {steps} steps"
        yield _compared("carried", told, _gradients(probe), _in_two(probe, cut, carried=True))
        resets = np.zeros((steps, batch), bool)
        resets[cut] = True
        told = f"before step {cut} of {steps}"
        yield _compared(
            "resets", told, _gradients(probe, resets=resets), _in_two(probe, cut, carried=False)
        )


def _compared(kind: str, name: str, one: Found, other: Found) -> Checked:
    scale = max(1.0, *(float(np.max(np.abs(a), initial=0.0)) for a in one.values()))
    errors = [float(np.max(np.abs(one[key] - other[key]), initial=0.0)) for key in one]
    return Checked(kind, name, (), len(errors), float(np.max(errors)) / scale)


def _pass(
    probe: GradientProbe,
    inputs: Found,
    state: object,
    dy: list[Values],
    dstate: object,
    **options: Option,
) -> tuple[Nested, Gradients]:
    """The last state and the gradients of one call."""
    _, end, tape = probe.cell.forward(inputs, state, training=False, **options)
    return end, probe.cell.backward(tape, tuple(dy), dstate)


def _named(probe: GradientProbe, grads: Gradients) -> Found:
    states = probe.cell._state_structure.unpack("state", grads.state)
    names = [state.name for state in probe.cell.description.states]
    return {
        **{f"parameter {name}": array for name, array in grads.params.items()},
        **{f"input {name}": array for name, array in grads.inputs.items()},
        **{f"state {name}": array for name, array in zip(names, states, strict=True)},
    }


def _gradients(probe: GradientProbe, **options: Option) -> Found:
    _, grads = _pass(probe, probe.inputs, probe.given, probe.dy, probe.dstate, **options)
    return _named(probe, grads)


def _turned(probe: GradientProbe) -> Found:
    inputs = _cut(probe, slice(None, None, -1))
    dy = [np.ascontiguousarray(d[::-1]) for d in probe.dy]
    _, grads = _pass(probe, inputs, probe.given, dy, probe.dstate)
    found = _named(probe, grads)
    timed = {f"input {name}" for name in _timed(probe)}
    return {key: a[::-1] if key in timed else a for key, a in found.items()}


def _timed(probe: GradientProbe) -> set[str]:
    """The inputs of each step."""
    return {each.name for each in probe.cell.description.inputs if each.per == "step"}


def _cut(probe: GradientProbe, steps: slice, rows: slice = slice(None)) -> Found:
    """Some steps and sequences of the inputs."""
    described = probe.cell.description.inputs
    return {each.name: of_steps(each, probe.inputs[each.name], steps, rows) for each in described}


def _alone(probe: GradientProbe, lengths: Values) -> Found:
    """Each sequence by itself, as long as it is."""
    structure = probe.cell._state_structure
    given = structure.unpack("state", probe.given)
    ends = structure.unpack("dstate", probe.dstate)
    total: Found = {}
    for b, length in enumerate(lengths.tolist()):
        row = slice(b, b + 1)
        _, grads = _pass(
            probe,
            _cut(probe, slice(length), row),
            structure.pack(np.ascontiguousarray(s[row]) for s in given),
            [np.ascontiguousarray(d[:length, row]) for d in probe.dy],
            structure.pack(np.ascontiguousarray(d[row]) for d in ends),
        )
        for key, array in _named(probe, grads).items():
            _add(probe, total, key, array, row, length)
    return total


def _add(
    probe: GradientProbe, total: Found, key: str, array: Values, row: slice, length: int
) -> None:
    """Puts what one sequence gives where the batch has it."""
    kind, _, name = key.partition(" ")
    match kind:
        case "parameter":
            total[key] = total[key] + array if key in total else array.copy()
        case "input" if name in _timed(probe):
            whole = total.setdefault(key, np.zeros_like(probe.inputs[name]))
            whole[:length, row] = array
        case _:
            whole = total.setdefault(key, np.zeros((probe.batch, *array.shape[1:])))
            whole[row] = array


def _in_two(probe: GradientProbe, cut: int, carried: bool) -> Found:
    """The first steps, then the others from where they ended, or from the cell's own start."""
    heads, tails = _cut(probe, slice(cut)), _cut(probe, slice(cut, None))
    _, middle, tape = probe.cell.forward(heads, probe.given, training=False)
    late_dy = [np.ascontiguousarray(d[cut:]) for d in probe.dy]
    _, late = _pass(probe, tails, middle if carried else None, late_dy, probe.dstate)
    early_dy = tuple(np.ascontiguousarray(d[:cut]) for d in probe.dy)
    early = probe.cell.backward(tape, early_dy, late.state if carried else None)
    one, two = _named(probe, early), _named(probe, late)
    timed = _timed(probe)
    found: Found = {}
    for key, array in one.items():
        match key.partition(" "):
            case "input", _, name if name in timed:
                found[key] = np.concatenate([array, two[key]])
            case "parameter" | "input", _, _:
                found[key] = array + two[key]
            case _:
                found[key] = array
    return found
