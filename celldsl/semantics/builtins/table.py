"""Every builtin function by name.  In: the tables of the modules beside this.  Out: FUNCTIONS.

Functions that can be written in the cell language itself are in `prelude.cell` instead.
"""

from __future__ import annotations

from celldsl.semantics.builtins import (
    complex_numbers,
    differentiation,
    einsum,
    elementwise,
    gradients,
    masks,
    ode,
    products,
    reductions,
    shapes,
    sources,
)
from celldsl.semantics.builtins import (
    linear as blocks,
)
from celldsl.semantics.builtins.function import Function

FUNCTIONS: dict[str, Function] = {
    entry.name: entry
    for module in (
        elementwise, shapes, sources, products, einsum, reductions, blocks, masks, gradients,
        differentiation, complex_numbers, ode,
    )
    for entry in module.ENTRIES
}  # fmt: skip
