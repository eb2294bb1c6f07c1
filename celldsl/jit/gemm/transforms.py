"""Winograd's transforms, in LLVM's own terms.  In: values by line and place.  Out: the same.

    along_both(builder, lines, of_image)      6 × 6 of what a tile sees: 6 × 6 numbers
    along_both(builder, lines, of_kernel)     3 × 3 of a kernel: 6 × 6
    along_both(builder, lines, to_own)        6 × 6 products of those two: 4 × 4 pixels

A tile is four pixels along each axis of the kernel and is seen with one more on each side.  Its six
numbers along an axis are values of a polynomial at 0, ±3/4, ±3/2 and infinity, at which products of
polynomials are products of values (Winograd 1980; Lavin and Gray, 2016).  With the usual 0, ±1 and
±2 rounding errors are twice as large.

The gradient of a kernel is the transpose: `of_own` of the cotangent's own 4 × 4, times `of_image`,
and `to_kernel` of the sum over tiles.  Lines of one line alone are transformed along it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from llvmlite import ir

from celldsl.jit.lowering.types import Value

Lines = list[list[Value]]
Transform = Callable[["Sums", Sequence[Value]], list[Value]]
_ONE = Fraction(1)
_A, _B = Fraction(3, 4), Fraction(3, 2)
_A2, _B2 = _A * _A, _B * _B
# What a kernel's numbers are divided by: products of distances between the points.
_AT_ZERO, _AT_A, _AT_B = _A2 * _B2, 2 * _A2 * (_A2 - _B2), 2 * _B2 * (_B2 - _A2)


class Sums:
    """Sums of values times numbers, which LLVM may fuse."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.builder = builder

    def __call__(self, *terms: tuple[Fraction, Value]) -> Value:
        total: Value | None = None
        for factor, value in terms:
            total = self._with(total, factor, value)
        assert total is not None
        return total

    def _with(self, total: Value | None, factor: Fraction, value: Value) -> Value:
        flags = ("contract", "nsz")
        if total is not None and abs(factor) == 1:
            add = self.builder.fadd if factor > 0 else self.builder.fsub
            return add(total, value, flags=flags)
        term = value if factor == 1 else self._times(factor, value)
        return term if total is None else self.builder.fadd(total, term, flags=flags)

    def _times(self, factor: Fraction, value: Value) -> Value:
        kind, number = value.type, float(factor)
        held = [number] * kind.count if isinstance(kind, ir.VectorType) else number
        return self.builder.fmul(value, ir.Constant(kind, held), flags=("contract", "nsz"))


def of_image(s: Sums, d: Sequence[Value]) -> list[Value]:
    """The six of what is seen: polynomials that are zero at all points but one, each."""
    even_a, odd_a = s((_ONE, d[4]), (-_B2, d[2])), s((_A, d[3]), (-_A * _B2, d[1]))
    even_b, odd_b = s((_ONE, d[4]), (-_A2, d[2])), s((_B, d[3]), (-_B * _A2, d[1]))
    return [
        s((_A2 * _B2, d[0]), (-_A2 - _B2, d[2]), (_ONE, d[4])),
        s((_ONE, even_a), (_ONE, odd_a)), s((_ONE, even_a), (-_ONE, odd_a)),
        s((_ONE, even_b), (_ONE, odd_b)), s((_ONE, even_b), (-_ONE, odd_b)),
        s((_A2 * _B2, d[1]), (-_A2 - _B2, d[3]), (_ONE, d[5])),
    ]  # fmt: skip


def of_kernel(s: Sums, g: Sequence[Value]) -> list[Value]:
    """Values of a polynomial of three coefficients."""
    found = [s((1 / _AT_ZERO, g[0]))]
    for point, scale in ((_A, 1 / _AT_A), (_B, 1 / _AT_B)):
        even, odd = s((scale, g[0]), (scale * point**2, g[2])), s((scale * point, g[1]))
        found += [s((_ONE, even), (_ONE, odd)), s((_ONE, even), (-_ONE, odd))]
    return [*found, g[2]]


def of_own(s: Sums, y: Sequence[Value]) -> list[Value]:
    """Values of a polynomial of four coefficients."""
    found = [y[0]]
    for point in (_A, _B):
        even, odd = s((_ONE, y[0]), (point**2, y[2])), s((point, y[1]), (point**3, y[3]))
        found += [s((_ONE, even), (_ONE, odd)), s((_ONE, even), (-_ONE, odd))]
    return [*found, y[3]]


def _halves(s: Sums, m: Sequence[Value]) -> tuple[Value, Value, Value, Value]:
    """Sums and differences of what was found at points of either sign."""
    at_a = s((_ONE, m[1]), (_ONE, m[2])), s((_ONE, m[1]), (-_ONE, m[2]))
    at_b = s((_ONE, m[3]), (_ONE, m[4])), s((_ONE, m[3]), (-_ONE, m[4]))
    return *at_a, *at_b


def to_own(s: Sums, m: Sequence[Value]) -> list[Value]:
    """The transpose of `of_own`."""
    even_a, odd_a, even_b, odd_b = _halves(s, m)
    return [
        s((_ONE, m[0]), (_ONE, even_a), (_ONE, even_b)),
        s((_A, odd_a), (_B, odd_b)),
        s((_A2, even_a), (_B2, even_b)),
        s((_A**3, odd_a), (_B**3, odd_b), (_ONE, m[5])),
    ]


def to_kernel(s: Sums, m: Sequence[Value]) -> list[Value]:
    """The transpose of `of_kernel`."""
    even_a, odd_a, even_b, odd_b = _halves(s, m)
    return [
        s((1 / _AT_ZERO, m[0]), (1 / _AT_A, even_a), (1 / _AT_B, even_b)),
        s((_A / _AT_A, odd_a), (_B / _AT_B, odd_b)),
        s((_A2 / _AT_A, even_a), (_B2 / _AT_B, even_b), (_ONE, m[5])),
    ]


def along_both(builder: ir.IRBuilder, lines: Lines, change: Transform) -> Lines:
    """Along lines, and where there are several across them."""
    sums = Sums(builder)
    lines = [change(sums, line) for line in lines]
    if len(lines) == 1:
        return lines
    return _transposed([change(sums, column) for column in _transposed(lines)])


def _transposed(lines: Lines) -> Lines:
    return [list(column) for column in zip(*lines, strict=True)]
