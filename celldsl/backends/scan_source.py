"""Sums along an axis and over windows, within a row.  In: a Scan or a Fold.  Out: loops.

total = zero
for step in range(d_H):
    j0 = step
    total += m_x[j0]
    m_y[j0] = total
"""

from __future__ import annotations

from celldsl.backends.body_text import Text, index_code, open_loops, put_store
from celldsl.backends.spelling import factor_code
from celldsl.ir.size import Size
from celldsl.plan.loops import Fold, Scan


def write_scan(text: Text, nest: Scan) -> None:
    text.say(nest.origin)
    depth = text.depth
    indices = [f"j{i}" for i in range(len(nest.domain))]
    open_loops(text, [(indices[i], s) for i, s in enumerate(nest.domain) if i != nest.axis])
    text.put(f"total = {'zero' if nest.op == 'cumsum' else 'one'}")
    size = factor_code(nest.domain[nest.axis])
    text.put(f"for step in range({size}):")
    text.depth += 1
    text.put(f"{indices[nest.axis]} = {f'{size} - 1 - step' if nest.reverse else 'step'}")
    source = f"{text.lane(nest.source.place)}[{index_code(nest.source.strides, indices)}]"
    text.put(f"total {'+=' if nest.op == 'cumsum' else '*='} {source}")
    put_store(text, nest.store, "total", indices)
    text.depth = depth


def write_fold(text: Text, nest: Fold) -> None:
    """out[c, l…] = the sum over k of source[c, k…, l - k + reach…]."""
    text.say(nest.origin)
    depth, rank = text.depth, len(nest.kernel)
    out = [f"j{i}" for i in range(rank + 1)]
    open_loops(text, list(zip(out, nest.domain, strict=True)))
    text.put("total = zero")
    held = text.depth
    taps = [f"k{i}" for i in range(rank)]
    open_loops(text, [(tap, Size.of(k)) for tap, k in zip(taps, nest.kernel, strict=True)])
    seen = [f"{out[1 + i]} - {taps[i]} + {nest.kernel[i] // 2}" for i in range(rank)]
    inside = " and ".join(
        f"{place} >= 0 and {place} < {factor_code(size)}"
        for place, size in zip(seen, nest.domain[1:], strict=True)
    )
    text.put(f"if {inside}:")
    index = index_code(nest.source.strides, [out[0], *taps, *seen])
    text.put(f"total += {text.lane(nest.source.place)}[{index}]", 1)
    text.depth = held
    put_store(text, nest.store, "total", out)
    text.depth = depth
