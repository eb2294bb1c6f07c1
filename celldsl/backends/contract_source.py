"""Nests of a kind of their own.  In: products of two values of a row, scans, folds.  Out: loops.

for j0 in range(d_N):
    for j1 in range(d_M):
        m_y[j1] += m_k[j0] * m_S[d_M * j0 + j1]
"""

from __future__ import annotations

from celldsl.backends.body_text import ONE, Text, index_code, open_loops, put_store
from celldsl.backends.spelling import factor_code
from celldsl.ir.size import Size
from celldsl.plan.loops import Contract, Fold, Scan


def write_contract(text: Text, nest: Contract) -> None:
    """Loops over all labels; the innermost is one along which most operands are contiguous."""
    text.say(nest.origin)
    operands, _, out = nest.spec.partition("->")
    left, _, right = operands.partition(",")
    sizes = dict(nest.sizes)
    looks = [(left, nest.left.strides), (right, nest.right.strides), (out, nest.stores[0].strides)]

    def unit(label: str) -> int:
        return sum(label in axes and s[axes.index(label)] == ONE for axes, s in looks)

    inner = max(sizes, key=unit)
    order = [x for x in out if x != inner] + [x for x in sizes if x not in out and x != inner]
    order.append(inner)
    names = {label: f"j{i}" for i, label in enumerate(order)}
    a, b = (
        f"{text.lane(side.place)}[{index_code(side.strides, [names[x] for x in labels])}]"
        for side, labels in ((nest.left, left), (nest.right, right))
    )
    store = nest.stores[0]
    at = [names[label] for label in out]
    target = f"{text.lane(store.place)}[{index_code(store.strides, at)}]"
    depth = text.depth
    if inner in out:
        if not store.accumulate:
            open_loops(text, [(names[x], sizes[x]) for x in out])
            text.put(f"{target} = zero")
            text.depth = depth
        open_loops(text, [(names[x], sizes[x]) for x in order])
        text.put(f"{target} += {a} * {b}")
    else:
        open_loops(text, [(names[x], sizes[x]) for x in out])
        held = text.depth
        text.put("total = zero")
        open_loops(text, [(names[x], sizes[x]) for x in order if x not in out])
        text.put(f"total += {a} * {b}")
        text.depth = held
        text.put(f"{target} {'+=' if store.accumulate else '='} total")
    text.depth = depth
    for other in nest.stores[1:]:
        open_loops(text, [(names[x], sizes[x]) for x in out])
        put_store(text, other, target, at)
        text.depth = depth


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
    seen = [f"({out[1 + i]} - {taps[i]} + {nest.kernel[i] // 2})" for i in range(rank)]
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
