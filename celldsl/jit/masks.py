"""Random masks inside kernels.  In: a key, where a mask is drawn, an index.  Out: numbers.

    key = mask_key(hyper[1], rows, site, t, b)   once for a row
    u = mask_uniform(work, key, j)               in [0, 1), for each index

Nothing is stored: a number is a hash of (seed and pass, call site, step, sequence, index), so it
does not depend on threads, on the order of rows, or on which pass over the data asks for it.

`hyper` ends with whether masks are drawn at all (1 in training) and the key of seed and pass;
`rows` says of each of the part's sequences which number it has in the caller's batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from celldsl.jit.functions import routine
from celldsl.jit.symbols import real

_MASK_ODD = np.uint64(0x9E3779B97F4A7C15)
_MASK_ONE = np.uint64(0xBF58476D1CE4E5B9)
_MASK_TWO = np.uint64(0x94D049BB133111EB)
_MASK_UNIT = 1.0 / (1 << 24)


@routine
def mask_mix(key: Any, value: Any) -> Any:
    """One more number hashed into a key (the finaliser of splitmix64)."""
    z = (key ^ np.uint64(np.int64(value))) + _MASK_ODD
    z = (z ^ (z >> np.uint64(30))) * _MASK_ONE
    z = (z ^ (z >> np.uint64(27))) * _MASK_TWO
    return z ^ (z >> np.uint64(31))


@routine
def mask_key(drawn_with: float, rows: Any, site: int, t: int, b: int) -> Any:
    """The key of a mask's row: step `t` (-1: for all steps) of the part's sequence `b`."""
    key = mask_mix(np.uint64(np.int64(drawn_with)), site)
    sequence = rows[rows[9] + b] if b >= 0 else -1
    return mask_mix(mask_mix(key, t), sequence)


@routine
def steps_before(rows: Any) -> Any:
    """How many steps of the sequences were done before this call."""
    return rows[rows[9] + 2 * rows[5]]


@routine
def mask_uniform(like: Any, key: Any, index: int) -> Any:
    """A number in [0, 1) of the dtype of `like`."""
    bits = mask_mix(key, index) >> np.uint64(40)
    return real(like, np.float64(np.int64(bits)) * _MASK_UNIT)
