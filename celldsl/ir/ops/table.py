"""Every operation.  In: nothing.  Out: `OPS`, from name to entry.

    OPS["tanh"].value       "np.tanh({0})"

To add one, write its entry in the file of its kind; the tests name what it lacks.
"""

from __future__ import annotations

from celldsl.ir.ops import (
    accumulate,
    contractions,
    elementwise,
    picks,
    reductions,
    rows,
    shapes,
    sources,
)
from celldsl.ir.ops.op import Op

OPS: dict[str, Op] = {
    entry.name: entry
    for kind in (
        accumulate, sources, elementwise, shapes, reductions, contractions, rows, picks
    )
    for entry in kind.ENTRIES
}  # fmt: skip
