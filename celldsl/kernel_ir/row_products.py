"""Products, scans and windows within a row.  In: a Contract, Scan or Fold.  Out: statements.

    for j0 in range(0, d_N - 3, 4):
        for j1 in range(d_M):
            m_y[j1] += (
                m_k[j0] * m_S[d_M * j0 + j1]
                + m_k[j0 + 1] * m_S[d_M * (j0 + 1) + j1]
                …

Four terms or totals of a product at a time: what they share is read, or added to, once for the
four.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from celldsl.ir.ops.contractions import spec_parts
from celldsl.ir.ops.element import within
from celldsl.ir.ops.table import OPS
from celldsl.ir.size import Size
from celldsl.kernel_ir.nests import Row
from celldsl.kernel_ir.statements import (
    ONE,
    Assign,
    Count,
    Load,
    Name,
    Update,
    Value,
    apply,
    minus,
    plus,
    quotient,
    times,
)
from celldsl.plan.operations import Contract, Fold, Scan
from celldsl.plan.places import Memory
from celldsl.structs import record

AT_ONCE = 4


@record
class Product:
    """A Contract with an index for each of its labels, in the order of the loops.

    `inner` is the label of the innermost, one along which most operands are contiguous.  That of
    the loop around it may be `blocked`: AT_ONCE of its places are done together.
    """

    row: Row
    nest: Contract
    left: str
    right: str
    out: str
    inner: str
    order: tuple[str, ...]

    @property
    def sizes(self) -> dict[str, Size]:
        return dict(self.nest.sizes)

    def axes(self, labels: Sequence[str]) -> list[tuple[str, Size]]:
        """The loops over labels: a name and a size for each."""
        return [(self.index(x), self.sizes[x]) for x in labels]

    def index(self, label: str) -> str:
        return f"j{self.order.index(label)}"

    def term(self, blocked: str = "", ahead: int = 0) -> Value:
        """left * right, that many places ahead along a label."""
        left, right = (
            self._element(side, labels, blocked, ahead)
            for side, labels in ((self.nest.left, self.left), (self.nest.right, self.right))
        )
        return apply("mul", left, right)

    def target(self, blocked: str = "", ahead: int = 0) -> Load:
        store = self.nest.stores[0]
        return self._element(Memory(store.place, store.strides), self.out, blocked, ahead)

    def _element(self, side: Memory, labels: str, blocked: str, ahead: int) -> Load:
        indices = [plus(Name(self.index(x)), ahead if x == blocked else 0) for x in labels]
        return self.row.load(side, indices)


def write_contract(row: Row, nest: Contract) -> None:
    """Loops over all labels."""
    row.say(nest.origin)
    product = _product(row, nest)
    (_write_sums if product.inner in product.out else _write_totals)(product)
    for other in nest.stores[1:]:
        with row.out.loops(product.axes(product.out)):
            indices = [Name(product.index(x)) for x in product.out]
            row.store((other,), product.target(), indices)


def _product(row: Row, nest: Contract) -> Product:
    left, right, out = spec_parts(nest.spec)
    sizes = dict(nest.sizes)
    looks = [(left, nest.left.strides), (right, nest.right.strides), (out, nest.stores[0].strides)]

    def unit(label: str) -> int:
        return sum(label in axes and s[axes.index(label)] == ONE for axes, s in looks)

    inner = max(sizes, key=unit)
    order = [x for x in out if x != inner] + [x for x in sizes if x not in out and x != inner]
    return Product(row, nest, left, right, out, inner, (*order, inner))


def _write_sums(product: Product) -> None:
    """Adds to what lies in memory, element by element of the innermost loop."""
    out = product.row.out
    if not product.nest.stores[0].accumulate:
        with out.loops(product.axes(product.out)):
            out.assign(product.target(), 0.0)
    outer = list(product.order[:-1])
    blocked = outer.pop() if outer and outer[-1] not in product.out else ""

    def add(count: int) -> None:
        with out.loops(product.axes([product.inner])):
            terms = tuple(product.term(blocked, i) for i in range(count))
            out.put(Update(product.target(), terms))

    with out.loops(product.axes(outer)):
        _in_blocks(product, blocked, add)


def _write_totals(product: Product) -> None:
    """Sums in registers, each written when it is complete."""
    out = product.row.out
    outer = [x for x in product.order if x in product.out]
    blocked = outer.pop() if outer else ""
    accumulates = product.nest.stores[0].accumulate

    def total_up(count: int) -> None:
        totals = [Name("total"), *(Name(f"total_{i}") for i in range(1, count))]
        for total in totals:
            out.assign(total, 0.0)
        with out.loops(product.axes([x for x in product.order if x not in product.out])):
            for i, total in enumerate(totals):
                out.add(total, product.term(blocked, i))
        for i, total in enumerate(totals):
            target = product.target(blocked, i)
            out.put(Update(target, (total,)) if accumulates else Assign(target, total))

    with out.loops(product.axes(outer)):
        _in_blocks(product, blocked, total_up)


def _in_blocks(product: Product, label: str, body: Callable[[int], None]) -> None:
    """Loops over a label, one by blocks and one over the rest; `body` gets how many a turn does."""
    if not label:
        body(1)
        return
    out, name, size = product.row.out, product.index(label), product.sizes[label]
    known, count = size.constant, Count(product.sizes[label])
    start: Value = 0
    if known is None or known >= AT_ONCE:
        with out.loop(name, minus(count, AT_ONCE - 1), step=AT_ONCE):
            body(AT_ONCE)
        start = times(quotient(count, AT_ONCE), AT_ONCE)
    if known is None or known % AT_ONCE or known < AT_ONCE:
        with out.loop(name, count, start):
            body(1)


def write_scan(row: Row, nest: Scan) -> None:
    """A running total along the axis, from its end where it is reversed."""
    row.say(nest.origin)
    out, rule = row.out, OPS[nest.op].reduction
    assert rule is not None, f"{nest.op} does not say how its loop goes"
    indices = [Name(f"j{i}") for i in range(len(nest.domain))]
    others = [(f"j{i}", s) for i, s in enumerate(nest.domain) if i != nest.axis]
    size = Count(nest.domain[nest.axis])
    with out.loops(others):
        total = out.let("total", rule.start)
        with out.loop("step", size) as step:
            last = minus(minus(size, 1), step)
            out.assign(indices[nest.axis], last if nest.reverse else step)
            out.assign(total, rule.combine(total, row.load(nest.source, indices)))
            row.store((nest.store,), total, indices)


def write_fold(row: Row, nest: Fold) -> None:
    """out[c, l…] = the sum over k of source[c, k…, l - k + reach…]."""
    row.say(nest.origin)
    out, rank = row.out, len(nest.kernel)
    lead = len(nest.domain) - rank
    axes = [f"j{i}" for i in range(len(nest.domain))]
    taps = [f"k{i}" for i in range(rank)]
    at, kernel = [Name(x) for x in axes], [Name(x) for x in taps]
    seen = [plus(minus(at[lead + i], kernel[i]), nest.kernel[i] // 2) for i in range(rank)]
    inside = within(seen[0], Count(nest.domain[lead]))
    for place, size in zip(seen[1:], nest.domain[lead + 1 :], strict=True):
        inside = apply("and", inside, within(place, Count(size)))
    with out.loops(list(zip(axes, nest.domain, strict=True))):
        total = out.let("total", 0.0)
        window = [(tap, Size.of(k)) for tap, k in zip(taps, nest.kernel, strict=True)]
        with out.loops(window), out.when(inside):
            out.add(total, row.load(nest.source, [*at[:lead], *kernel, *seen]))
        row.store((nest.store,), total, at)
