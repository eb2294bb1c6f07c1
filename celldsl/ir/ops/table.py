"""Every operation.  In: nothing.  Out: `OPS`, from name to entry.

    OPS["tanh"].value       "np.tanh({0})"

To add one, write its entry in the file of its kind; the tests name what it lacks.
"""

from __future__ import annotations

from celldsl.ir.ops import contractions, elementwise, picks, reductions, shapes, sources
from celldsl.ir.ops.op import Op

OPS: dict[str, Op] = {
    entry.name: entry
    for kind in (sources, elementwise, shapes, reductions, contractions, picks)
    for entry in kind.ENTRIES
}
