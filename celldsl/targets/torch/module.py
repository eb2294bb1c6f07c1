"""A cell as a PyTorch module.  In: a lowered cell.  Out: the text of a file.

    text = module_source(unit)

The file has pure functions over a mapping of parameters by their names, and an `nn.Module` around
them.
"""

from __future__ import annotations

from celldsl.targets.framework.function import indented, wrapped
from celldsl.targets.framework.module import (
    Unit,
    cell_of,
    header,
    imports,
    settings_source,
    tuples_source,
    with_helpers,
)
from celldsl.targets.framework.public import (
    Cell,
    before_steps,
    filled_inputs,
    mask_keywords,
    opening,
    per_step,
    reset_lines,
    reset_states,
    returned,
    signature,
    step_source,
    timed_inputs,
)
from celldsl.targets.torch.dialect import TORCH
from celldsl.targets.torch.layer import layer_source

IMPORTS = {
    "math": "import math",
    "NamedTuple": "from typing import NamedTuple\n",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "nn": "from torch import nn",
}
USAGE = (
    "`forward` and `step` are pure functions over `params`, a mapping of tensors by name; the",
    "class at the end holds them as an `nn.Module`.  Tensors may have any number of batch axes.",
)


def module_source(unit: Unit) -> str:
    cell, initial = cell_of(unit, TORCH)
    pieces = [
        *tuples_source(cell, "torch.Tensor"),
        *(function.text() for function in [*cell.functions(), cell.parts.empty]),
        step_source(cell),
        forward_source(cell),
        initial.text,
        layer_source(cell, initial),
    ]
    pieces = [*with_helpers(pieces, TORCH.helpers), *pieces]
    if cell.has_settings:
        pieces.insert(0, settings_source(unit.spec, cell.parts.values.told))
    body = "\n\n\n".join(pieces)
    head = header(unit, TORCH, "torch", USAGE)
    future = "from __future__ import annotations"
    return "\n\n".join([head, future, imports(IMPORTS, body), "\n" + body]) + "\n"


def forward_source(cell: Cell) -> str:
    """The text of `forward`: a loop over the steps."""
    p, v = cell.parts, cell.parts.values
    keywords = ["lengths=None", "reverse=False", "resets=None", *mask_keywords(cell)]
    doc = [
        '"""All steps: inputs (T, …, their own axes) to outputs for each step and the last state.',
        "",
        "`lengths` (…) ends each sequence at its own length: outputs past it are zero.  `reverse`",
        "goes from the last step to the first.  Where `resets` (T, …) is true the state goes back",
        'to its start before the step."""',
    ]
    lines = [
        *doc,
        *opening(cell, timed=True),
        *_within_lengths(cell),
        *reset_lines(cell, timed=True),
        *before_steps(cell),
        "order = range(*times)",
        *wrapped("steps = list(zip(order, ", [f"{n}.unbind(0)" for n in per_step(cell)], "))"),
        f"{', '.join(p.lists)} = {', '.join('[]' for _ in p.lists)}",
        f"for {', '.join(['t', *per_step(cell)])} in reversed(steps) if reverse else steps:",
        *indented(_one_step(cell)),
        *_stacked(cell),
        *returned(cell, v.states),
    ]
    return "\n".join([*signature(cell, "forward", "state=None", keywords), *indented(lines)])


def _within_lengths(cell: Cell) -> list[str]:
    """What stands past a length reaches nothing."""
    return [
        "if lengths is not None:",
        f"    live = within(lengths, times, lead, {timed_inputs(cell)[0]}.device)",
        *indented(filled_inputs(cell)),
    ]


def _one_step(cell: Cell) -> list[str]:
    p = cell.parts
    moved = list(zip(p.next_states, p.values.states, strict=True))
    fresh = "resets[t] if lengths is None else resets[t] & live[t]"
    again = [
        "if resets is not None:",
        f"    fresh = {fresh}",
        *indented(reset_states(cell, "fresh")),
    ]
    return [
        *(again if moved else []),
        *p.advance.call([*p.outputs, *p.next_states]),
        "if lengths is not None:",
        *(f"    {y} = keep(live[t], {y}, 0.0)" for y in p.outputs),
        *(f"    {new} = keep(live[t], {new}, {old})" for new, old in moved),
        *(f"{old} = {new}" for new, old in moved),
        *(f"{kept}.append({y})" for kept, y in zip(p.lists, p.outputs, strict=True)),
    ]


def _stacked(cell: Cell) -> list[str]:
    """Outputs of all steps, in the order of time."""
    p = cell.parts
    return [
        "if reverse:",
        *(f"    {kept}.reverse()" for kept in p.lists),
        "if steps:",
        *(f"    {y} = torch.stack({kept})" for kept, y in zip(p.lists, p.outputs, strict=True)),
        "else:",
        *indented(p.empty.call(p.outputs)),
    ]
