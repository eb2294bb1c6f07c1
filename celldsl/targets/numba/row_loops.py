"""Products, scans and windows within a row as loops.

Products within a row.  In: a Contract, an einsum of two values of a row.  Out: loops.

for j0 in range(0, d_N - 3, 4):
    for j1 in range(d_M):
        m_y[j1] += (
            m_k[j0] * m_S[d_M * j0 + j1]
            + m_k[j0 + 1] * m_S[d_M * (j0 + 1) + j1]
            …

Four terms or totals at a time: what they share is read, or added to, once for the four.

Sums along an axis and over windows, within a row.  In: a Scan or a Fold.  Out: loops.

total = zero
for step in range(d_H):
    j0 = step
    total += m_x[j0]
    m_y[j0] = total
"""

from __future__ import annotations

from collections.abc import Iterator

from celldsl.ir.size import Size
from celldsl.plan.operations import Contract, Fold, Scan
from celldsl.plan.places import Memory
from celldsl.structs import entity
from celldsl.targets.numba.body import ONE, Text, index_code, open_loops, put_store
from celldsl.targets.numba.spelling import factor_code, size_code

AT_ONCE = 4


@entity
class Product:
    """A Contract with an index for each of its labels, in the order of the loops.

    `inner` is the label of the innermost, one along which most operands are contiguous.  That of
    the loop around it may be `blocked`: AT_ONCE of its places are done together.
    """

    text: Text
    nest: Contract
    left: str
    right: str
    out: str
    inner: str
    order: list[str]
    names: dict[str, str]

    @property
    def sizes(self) -> dict[str, Size]:
        return dict(self.nest.sizes)

    def open(self, labels: list[str]) -> None:
        open_loops(self.text, [(self.names[x], self.sizes[x]) for x in labels])

    def term(self, blocked: str, ahead: int) -> str:
        """left * right, that many places ahead along a label."""
        return " * ".join(
            self._element(side, labels, blocked, ahead)
            for side, labels in ((self.nest.left, self.left), (self.nest.right, self.right))
        )

    def target(self, blocked: str = "", ahead: int = 0) -> str:
        store = self.nest.stores[0]
        return self._element(Memory(store.place, store.strides), self.out, blocked, ahead)

    def _element(self, side: Memory, labels: str, blocked: str, ahead: int) -> str:
        indices = [
            f"{self.names[x]} + {ahead}" if x == blocked and ahead else self.names[x]
            for x in labels
        ]
        return f"{self.text.pointer(side.place)}[{index_code(side.strides, indices)}]"


def write_contract(text: Text, nest: Contract) -> None:
    """Loops over all labels."""
    text.say(nest.origin)
    product = _product(text, nest)
    depth = text.depth
    (_write_sums if product.inner in product.out else _write_totals)(product)
    text.depth = depth
    for other in nest.stores[1:]:
        product.open(list(product.out))
        put_store(text, other, product.target(), [product.names[x] for x in product.out])
        text.depth = depth


def _product(text: Text, nest: Contract) -> Product:
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
    return Product(text, nest, left, right, out, inner, order, names)


def _write_sums(product: Product) -> None:
    """Adds to what lies in memory, element by element of the innermost loop."""
    text, depth = product.text, product.text.depth
    if not product.nest.stores[0].accumulate:
        product.open(list(product.out))
        text.put(f"{product.target()} = zero")
        text.depth = depth
    outer = product.order[:-1]
    blocked = outer.pop() if outer and outer[-1] not in product.out else ""
    product.open(outer)
    for count in _blocks(product, blocked):
        product.open([product.inner])
        terms = [product.term(blocked, i) for i in range(count)]
        if count == 1:
            text.put(f"{product.target()} += {terms[0]}")
            continue
        text.put(f"{product.target()} += (")
        for i, term in enumerate(terms):
            text.put(f"{'+ ' if i else ''}{term}", 1)
        text.put(")")


def _write_totals(product: Product) -> None:
    """Sums in registers, each written when it is complete."""
    text = product.text
    outer = [x for x in product.order if x in product.out]
    blocked = outer.pop() if outer else ""
    product.open(outer)
    sign = "+=" if product.nest.stores[0].accumulate else "="
    for count in _blocks(product, blocked):
        totals = ["total", *(f"total_{i}" for i in range(1, count))]
        for total in totals:
            text.put(f"{total} = zero")
        depth = text.depth
        product.open([x for x in product.order if x not in product.out])
        for i, total in enumerate(totals):
            text.put(f"{total} += {product.term(blocked, i)}")
        text.depth = depth
        for i, total in enumerate(totals):
            text.put(f"{product.target(blocked, i)} {sign} {total}")


def _blocks(product: Product, label: str) -> Iterator[int]:
    """Opens loops over a label: one by blocks and one over the rest; how many are done in each."""
    text, depth = product.text, product.text.depth
    if not label:
        yield 1
        return
    name, size = product.names[label], product.sizes[label]
    known = size.constant
    blocks = [] if known is not None and known < AT_ONCE else [AT_ONCE]
    whole = f"{factor_code(size)} // {AT_ONCE} * {AT_ONCE}"
    for count in blocks:
        text.put(f"for {name} in range(0, {size_code(size)} - {AT_ONCE - 1}, {AT_ONCE}):")
        text.depth += 1
        yield count
        text.depth = depth
    if not blocks or known is None or known % AT_ONCE:
        text.put(f"for {name} in range({f'{whole}, ' if blocks else ''}{size_code(size)}):")
        text.depth += 1
        yield 1
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
    source = f"{text.pointer(nest.source.place)}[{index_code(nest.source.strides, indices)}]"
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
    text.put(f"total += {text.pointer(nest.source.place)}[{index}]", 1)
    text.depth = held
    put_store(text, nest.store, "total", out)
    text.depth = depth
