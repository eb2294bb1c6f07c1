"""A cell as JAX functions.  In: a lowered cell.  Out: the text of a file.

    text = module_source(unit)

The file has pure functions over a flat dict of parameters by their names.
"""

from __future__ import annotations

from celldsl.targets.framework.function import folded, indented, wrapped
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
)
from celldsl.targets.framework.text import tuple_code
from celldsl.targets.jax.dialect import JAX

IMPORTS = {
    "math": "import math",
    "zlib": "import zlib",
    "NamedTuple": "from typing import NamedTuple\n",
    "jax": "import jax",
    "jnp": "import jax.numpy as jnp",
    "lax": "from jax import lax",
}
USAGE = (
    "`forward` and `step` are pure functions over `params`, a dict of arrays by name.  Arrays may",
    "have any number of batch axes.",
)


def module_source(unit: Unit) -> str:
    cell, initial = cell_of(unit, JAX)
    pieces = [
        *tuples_source(cell, "jax.Array"),
        *(function.text() for function in cell.functions()),
        step_source(cell),
        forward_source(cell),
        initial.text,
    ]
    pieces = [*with_helpers(pieces, JAX.helpers), *pieces]
    if cell.has_settings:
        pieces.insert(0, settings_source(unit.spec, cell.parts.values.told))
    body = "\n\n\n".join(pieces)
    head = header(unit, JAX, "jax", USAGE)
    future = "from __future__ import annotations"
    return "\n\n".join([head, future, imports(IMPORTS, body), "\n" + body]) + "\n"


def forward_source(cell: Cell) -> str:
    """The text of `forward`: a scan over the steps."""
    p, v = cell.parts, cell.parts.values
    keywords = ["lengths=None", "reverse=False", "resets=None", *mask_keywords(cell)]
    outputs = tuple_code(list(p.outputs))
    now = [*per_step(cell), "live", "resets"]
    # Where steps read nothing of their own, nothing else says how many there are.
    count = [] if per_step(cell) else ["length=times[0]"]
    lines = [
        '"""All steps: inputs (T, …, their own axes) to outputs for each step and the last state.',
        "",
        "`lengths` (…) ends each sequence at its own length: outputs past it are zero.  `reverse`",
        "goes from the last step to the first.  Where `resets` (T, …) is true the state goes back",
        'to its start before the step."""',
        *opening(cell, timed=True),
        *_within_lengths(cell),
        *reset_lines(cell, timed=True),
        *before_steps(cell),
        "",
        "def body(state, now):",
        *indented(v.nest.unpacked(v.states, "state")),
        f"    {', '.join([*now[:-1], 'fresh'])} = now",
        *indented(_one_step(cell)),
        *indented(folded(f"return {v.nest.packed(p.next_states)}, {outputs}")),
        "",
        *wrapped(
            f"state, {outputs} = lax.scan(",
            ["body", "state", tuple_code(now), *count, "reverse=reverse"],
            ")",
        ),
        *returned(cell, None),
    ]
    return "\n".join([*signature(cell, "forward", "state=None", keywords), *indented(lines)])


def _within_lengths(cell: Cell) -> list[str]:
    """What stands past a length reaches nothing."""
    return [
        "live = None",
        "if lengths is not None:",
        "    live = within(lengths, times, lead)",
        *indented(filled_inputs(cell)),
    ]


def _one_step(cell: Cell) -> list[str]:
    p = cell.parts
    again = [
        "if fresh is not None:",
        "    fresh = fresh if live is None else fresh & live",
        *indented(reset_states(cell, "fresh")),
    ]
    return [
        *(again if p.next_states else []),
        *p.advance.call([*p.outputs, *p.next_states]),
        "if live is not None:",
        *(f"    {y} = keep(live, {y}, 0.0)" for y in p.outputs),
        *(f"    {new} = keep(live, {new}, {old})"
          for new, old in zip(p.next_states, p.values.states, strict=True)),
    ]  # fmt: skip
