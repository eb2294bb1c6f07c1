"""Sizes in generated code.  In: Sizes.  Out: Python text.

size_code(3*H + @R)        "3*d_H + n_rows"
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import lcm

from celldsl.ir.size import Size

EXTENTS = {"@R": "n_rows", "@B": "n_batch", "@S": "n_states", "@K": "n_kept", "@parts": "parts"}


def kernel_dim(name: str) -> str:
    """What kernels call a dim, or a number of rows."""
    return EXTENTS.get(name) or f"d_{name}"


@lru_cache(4_096)
def size_code(size: Size, spelled: Callable[[str], str] = kernel_dim) -> str:
    """An integer expression.  Quotients are taken last, so that they are exact."""
    divisor = Size.of(lcm(*(c.denominator for _, c in size.terms)) if size.terms else 1)
    for name in sorted(size.dims):
        lowest = min(dict(monomial).get(name, 0) for monomial, _ in size.terms)
        for _ in range(max(-lowest, 0)):
            divisor = divisor * Size.dim(name)
    if divisor == Size.of(1):
        return size.text(spelled)
    return f"({(size * divisor).text(spelled)}) // ({divisor.text(spelled)})"
