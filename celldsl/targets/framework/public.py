"""Pieces of the functions that people call.  In: the parts of a cell.  Out: lines of Python.

Both `step` and `forward` take parameters, inputs, a state, then keywords, and return the outputs
and the state.
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.ir.spec import CellSpec
from celldsl.structs import record
from celldsl.targets.framework.dialect import Dialect
from celldsl.targets.framework.function import Function, folded, indented, wrapped
from celldsl.targets.framework.names import Nest
from celldsl.targets.framework.parts import Parts
from celldsl.targets.framework.text import tuple_code


@record
class Cell:
    """All that the text of a module is made of."""

    spec: CellSpec
    dialect: Dialect
    parts: Parts
    outputs: Nest | None

    @property
    def has_settings(self) -> bool:
        return any(not h.fixed for h in self.spec.hypers) or bool(self.parts.values.told)

    def functions(self) -> list[Function]:
        p = self.parts
        found = [p.check, p.prepare, p.project, p.advance, p.start, p.draw]
        return [function for function in found if function is not None]


def signature(cell: Cell, name: str, state: str, keywords: Sequence[str]) -> list[str]:
    """`def step(params, x, state, *, constants, settings=SETTINGS):`"""
    keyed = ["constants"] if cell.spec.consts else []
    if cell.has_settings:
        keyed.append("settings=SETTINGS")
    keyed += keywords
    parts = ["params", *cell.parts.values.inputs, state, *(["*"] if keyed else []), *keyed]
    return wrapped(f"def {name}(", parts, "):")


def mask_keywords(cell: Cell) -> list[str]:
    """How to say that masks are drawn, or which ones."""
    return [cell.dialect.chance_keyword, "masks=None"] if cell.parts.values.masks else []


def opening(cell: Cell, timed: bool) -> list[str]:
    """What functions want to know of the batch; the state, by names; a check of all shapes."""
    p, v = cell.parts, cell.parts.values
    pairs = list(zip(v.inputs, cell.spec.inputs, strict=True))
    first, rank = next((name, len(each.shape)) for name, each in pairs if each.per == "step")
    real = [name for name, each in pairs if each.kind == "real"]
    end = f"-{rank}" if rank else ""
    shape = f"{first}.shape"
    times = f"{shape}[:1]" if timed else "()"
    lead = f"{shape}[{'1' if timed else ''}:{end}]" if timed or end else shape
    lines = [f"times, lead = {times}, {lead}"]
    called = [p.prepare, p.project, p.advance, p.draw, p.start, *([p.empty] if timed else [])]
    if any(function is not None and cell.dialect.like in function.args for function in called):
        lines.append(_alike(cell, real))
    if timed:
        lines += ["if state is None:", f"    state = {p.start.expression()}"]
    return [*lines, *v.nest.unpacked(v.states, "state"), p.check.expression()]


def _alike(cell: Cell, real: Sequence[str]) -> str:
    """The line that says what new arrays are like: inputs of numbers, else parameters."""
    if not real:
        return cell.dialect.alike_params
    return cell.dialect.alike.format(first=real[0], inputs=", ".join(real))


def reset_lines(cell: Cell, timed: bool) -> list[str]:
    """What states begin with where an episode begins."""
    v = cell.parts.values
    lines = [
        f'flags("resets", resets, {"(*times, *lead)" if timed else "lead"})',
        f"begin = {cell.parts.start.expression()}",
        *v.nest.unpacked(cell.parts.begins, "begin"),
    ]
    return ["if resets is not None:", *indented(lines)] if v.states else []


def reset_states(cell: Cell, fresh: str) -> list[str]:
    """States go back where `fresh` is true."""
    pairs = zip(cell.parts.values.states, cell.parts.begins, strict=True)
    return [f"{state} = keep({fresh}, {begin}, {state})" for state, begin in pairs]


def before_steps(cell: Cell) -> list[str]:
    """Masks, and the values of `prepare` and `project`."""
    p, masks = cell.parts, cell.parts.values.masks
    lines = []
    if p.draw is not None:
        names = tuple_code([mask.name for mask in masks])
        lines += ["if masks is None:", *(f"    {line}" for line in p.draw.call(["masks"]))]
        lines.append(f"{names if len(masks) == 1 else names[1:-1]} = masks")
    for function in (p.prepare, p.project):
        if function is not None:
            lines += function.call()
    return lines


def per_step(cell: Cell) -> list[str]:
    """The names of what has a value for each step and is taken by `advance`."""
    project = cell.parts.project
    ahead = [] if project is None else list(project.returns)
    timed = [mask.name for mask in cell.parts.values.masks if mask.timed]
    taken = set(cell.parts.advance.args)
    given = timed_inputs(cell)
    return [name for name in (*given, *ahead, *timed) if name in taken]


def timed_inputs(cell: Cell) -> list[str]:
    """The names of inputs of each step."""
    pairs = zip(cell.parts.values.inputs, cell.spec.inputs, strict=True)
    return [name for name, each in pairs if each.per == "step"]


def filled_inputs(cell: Cell) -> list[str]:
    """Inputs past a length are 1, so that nothing there can be infinite or NaN; integers are 0."""
    pairs = zip(cell.parts.values.inputs, cell.spec.inputs, strict=True)
    fill = {"real": "1.0", "int": "0"}
    return [
        f"{name} = keep(live, {name}, {fill[each.kind]})"
        for name, each in pairs
        if each.per == "step" and each.kind in fill
    ]


def returned(cell: Cell, states: Sequence[str] | None) -> list[str]:
    """What `step` and `forward` return; the state is packed where its parts have names."""
    y = cell.parts.outputs
    packed = y[0] if cell.outputs is None else cell.outputs.packed(y)
    state = "state" if states is None else cell.parts.values.nest.packed(states)
    return folded(f"return {packed}, {state}")


def _reset_once(cell: Cell) -> list[str]:
    return [*reset_lines(cell, timed=False), *indented(reset_states(cell, "resets"))]


def step_source(cell: Cell) -> str:
    """The text of `step`."""
    p = cell.parts
    lines = [
        '"""One step: inputs (…, their own axes) to outputs and the next state."""',
        *opening(cell, timed=False),
        *_reset_once(cell),
        *before_steps(cell),
        *p.advance.call([*p.outputs, *p.next_states]),
        *returned(cell, p.next_states),
    ]
    head = signature(cell, "step", "state", ["resets=None", *mask_keywords(cell)])
    return "\n".join([*head, *indented(lines)])
