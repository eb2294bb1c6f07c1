"""Symbolic sizes.  In: dim names and integers.  Out: exact polynomials that compare by meaning.

    Size.dim("H") * 2 + Size.dim("I")      prints as `2*H + I`
    (2 * H) / 2 == H,  H * K == K * H      are true before any size is known

A size is a polynomial with rational coefficients over dims; exponents may be negative, so that
`H/K*K` is `H`.  Equality of canonical forms is equality for all sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from math import lcm
from typing import TYPE_CHECKING, TypeAlias

from celldsl.structs import record

if TYPE_CHECKING:
    from fractions import Fraction

Monomial = tuple[tuple[str, int], ...]
Coefficient: TypeAlias = "int | Fraction"


class NotIntegral(ValueError):
    """A size that is no whole number, or not positive, for the dims that were given."""


@record
class Size:
    """`terms` are (monomial, coefficient), sorted, without zeros."""

    terms: tuple[tuple[Monomial, Coefficient], ...]

    @staticmethod
    def of(value: Size | int) -> Size:
        if isinstance(value, Size):
            return value
        return Size((((), value),)) if value else Size(())

    @staticmethod
    def dim(name: str) -> Size:
        return Size(((((name, 1),), 1),))

    @staticmethod
    def _collect(pairs: Iterable[tuple[Monomial, Coefficient]]) -> Size:
        total: dict[Monomial, Coefficient] = {}
        for monomial, coefficient in pairs:
            total[monomial] = total.get(monomial, 0) + coefficient
        return Size(tuple(sorted((m, c) for m, c in total.items() if c)))

    def __add__(self, other: Size | int) -> Size:
        return Size._collect((*self.terms, *Size.of(other).terms))

    def __neg__(self) -> Size:
        return Size(tuple((m, -c) for m, c in self.terms))

    def __sub__(self, other: Size | int) -> Size:
        return self + -Size.of(other)

    def __mul__(self, other: Size | int) -> Size:
        return Size._collect(
            (_times(m, n), c * d) for m, c in self.terms for n, d in Size.of(other).terms
        )

    def __truediv__(self, other: Size | int) -> Size:
        """Exact where `other` is one term or divides this polynomial as a whole."""
        divisor = Size.of(other)
        if self == divisor and divisor.terms:
            return Size.of(1)
        if len(divisor.terms) != 1:
            raise NotIntegral(f"cannot divide {self} by {divisor} for all sizes")
        ((monomial, coefficient),) = divisor.terms
        inverse = tuple((name, -power) for name, power in monomial)
        return Size._collect((_times(m, inverse), ratio(c, coefficient)) for m, c in self.terms)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Size | int) -> Size:
        return Size.of(other) - self

    @property
    def constant(self) -> int | None:
        """The integer that this size is for all dims, if it is one."""
        match self.terms:
            case ():
                return 0
            case (((), coefficient),) if coefficient.denominator == 1:
                return coefficient.numerator
        return None

    @cached_property
    def dims(self) -> frozenset[str]:
        return frozenset(name for monomial, _ in self.terms for name, _ in monomial)

    @property
    def integral(self) -> bool:
        """Whether this is a whole number for all dims, as far as its form shows."""
        return all(c.denominator == 1 and all(power > 0 for _, power in m) for m, c in self.terms)

    def substitute(self, known: Mapping[str, Size]) -> Size:
        """The size with dims replaced (`require I == H` replaces `I` by `H`)."""
        total = Size(())
        for monomial, coefficient in self.terms:
            product = Size((((), coefficient),))
            for name, power in monomial:
                base = known.get(name, Size.dim(name))
                for _ in range(abs(power)):
                    product = product * base if power > 0 else product / base
            total = total + product
        return total

    def evaluate(self, dims: Mapping[str, int]) -> int:
        """The number for given dims.  Raises NotIntegral when it is not a whole number."""
        total: Coefficient = 0
        for monomial, coefficient in self.terms:
            above, below = coefficient, 1
            for name, power in monomial:
                above *= dims[name] ** max(power, 0)
                below *= dims[name] ** max(-power, 0)
            total += ratio(above, below)
        if total.denominator != 1:
            raise NotIntegral(f"{self} is {total}, which is not a whole number")
        return total.numerator

    def evaluate_about(self, each: int) -> int:
        """About how large this is when every dim is `each`; for comparing sizes."""
        return sum(int(c * each ** max(sum(power for _, power in m), 0)) for m, c in self.terms)

    def __str__(self) -> str:
        return self.text(str)

    def text(self, spelled: Callable[[str], str]) -> str:
        """The size in Python's syntax, with dims as they are spelled there."""
        text = ""
        for monomial, coefficient in sorted(self.terms, key=lambda t: (-_degree(t[0]), t[0])):
            sign = "-" if coefficient < 0 else "+"
            positive = -coefficient if coefficient < 0 else coefficient
            term = _term_text(monomial, positive, spelled)
            text += f" {sign} {term}" if text else f"{sign if sign == '-' else ''}{term}"
        return text or "0"

    def code(self, spelled: Callable[[str], str]) -> str:
        """The same as an integer expression.  Quotients are taken last, so that they are exact."""
        divisor = self._divisor()
        if divisor == Size.of(1):
            return self.text(spelled)
        return f"({(self * divisor).text(spelled)}) // ({divisor.text(spelled)})"

    def _divisor(self) -> Size:
        """One term; times it, the size is a polynomial with integer coefficients."""
        found = Size.of(lcm(*(c.denominator for _, c in self.terms)))
        for name in sorted(self.dims):
            lowest = min(dict(monomial).get(name, 0) for monomial, _ in self.terms)
            for _ in range(max(-lowest, 0)):
                found = found * Size.dim(name)
        return found


def ratio(above: Coefficient, below: Coefficient) -> Coefficient:
    """The exact quotient: an int where it is whole."""
    if isinstance(above, int) and isinstance(below, int) and below and above % below == 0:
        return above // below
    # Few cells need a fraction, and the module takes as long to import as many take to be checked.
    from fractions import Fraction

    exact = Fraction(above) / below
    return exact.numerator if exact.denominator == 1 else exact


def _degree(monomial: Monomial) -> int:
    return sum(power for _, power in monomial)


def _times(left: Monomial, right: Monomial) -> Monomial:
    powers = dict(left)
    for name, power in right:
        powers[name] = powers.get(name, 0) + power
    return tuple(sorted((name, power) for name, power in powers.items() if power))


def _term_text(monomial: Monomial, coefficient: Coefficient, spelled: Callable[[str], str]) -> str:
    """A term as Python would read it back: `2*H`, `H*K`, `H/2`."""
    above = [spelled(name) for name, power in monomial for _ in range(max(power, 0))]
    below = [spelled(name) for name, power in monomial for _ in range(max(-power, 0))]
    if coefficient.numerator != 1 or not above:
        above.insert(0, str(coefficient.numerator))
    if coefficient.denominator != 1:
        below.append(str(coefficient.denominator))
    return "/".join(["*".join(above), *below])


Shape = tuple[Size, ...]


def shape_text(shape: Shape) -> str:
    return "[" + ", ".join(str(size) for size in shape) + "]"


def product(shape: Shape) -> Size:
    total = Size.of(1)
    for size in shape:
        total = total * size
    return total


def contiguous(shape: Shape) -> Shape:
    """Strides of an array in C order."""
    strides: list[Size] = []
    step = Size.of(1)
    for size in reversed(shape):
        strides.insert(0, step)
        step = step * size
    return tuple(strides)
