"""What is known of the sizes.  In: `require` conditions and choices.  Out: proofs about sizes.

    constraints.assume_equal(I, H)            I is H from now on
    constraints.assume_divides(H, 4)          H/4 is a whole number
    constraints.assume_not_negative(H - K)    K <= H
    constraints.whole(H / 4), constraints.not_negative(2*H - K)     now hold

Every dim is at least 1; names that begin with `?` are hyperparameters, which may be anything.  The
proofs are sound and small: what they cannot show counts as not so.
"""

from __future__ import annotations

from math import gcd, lcm

from celldsl.ir.size import NotIntegral, Shape, Size, ratio
from celldsl.structs import entity, field

MAX_BOUNDS = 16
MAX_DIVISIONS = 48
# Divisions that are put into sizes: far more than a cell needs, and soon done.
MAX_TRIED = 10_000
# Sums of bounds that are looked at, in one walk over a cell.
MAX_SHOWN = 20_000


@entity
class Constraints:
    same: dict[str, Size] = field(default_factory=dict)
    divisions: list[tuple[Size, Size]] = field(default_factory=list)
    bounds: list[Size] = field(default_factory=list)
    tried: int = 0
    shown: int = 0
    # What bounds show of sizes: a loop asks the same in every pass.
    _found: dict[tuple[Size, tuple[Size, ...]], bool] = field(
        default_factory=dict, repr=False, compare=False
    )

    def reduce(self, size: Size) -> Size:
        """The size with everything replaced that equals something else."""
        for _ in range(8):
            if not any(name in self.same for name in size.dims):
                return size
            try:
                replaced = size.substitute(self.same)
            except (NotIntegral, ZeroDivisionError):
                return size
            if not simple(replaced):
                return size
            size = replaced
        return size

    def equal(self, left: Size, right: Size) -> bool:
        return left == right or not self.reduce(left - right).terms

    def same_shape(self, left: Shape, right: Shape) -> bool:
        return len(left) == len(right) and all(map(self.equal, left, right))

    def whole(self, size: Size) -> bool:
        """Whether the size is a whole number for all dims that keep the constraints."""
        size = self.reduce(size)
        return size.integral or self._whole_by(size, tuple(self.divisions))

    def _whole_by(
        self, size: Size, divisions: tuple[tuple[Size, Size], ...], depth: int = 3
    ) -> bool:
        for index, (number, divisor) in enumerate(divisions if depth else ()):
            self.tried += 1
            if self.tried > MAX_TRIED:
                return False
            rest = divisions[:index] + divisions[index + 1 :]
            number, divisor = self.reduce(number), self.reduce(divisor)
            left = _as_multiple(size, number, divisor), _without_multiples(size, number, divisor)
            for other in left:
                if other is not None and (other.integral or self._whole_by(other, rest, depth - 1)):
                    return True
        return False

    def not_negative(self, size: Size) -> bool:
        """Whether the size is 0 or more for all dims that keep the constraints."""
        size = _primitive(self._without_fractions(self.reduce(size)))
        asked = size, tuple(map(self.reduce, self.bounds[:MAX_BOUNDS]))
        if asked not in self._found:
            self._found[asked] = self._shown(*asked)
        return self._found[asked]

    def positive(self, size: Size) -> bool:
        return self._positive_product(self.reduce(size)) or self.not_negative(size - 1)

    def _positive_product(self, size: Size) -> bool:
        """One term, of dims alone: what must be whole besides is a matter of `whole`."""
        plain = not any(name.startswith("?") for name in size.dims)
        return plain and len(size.terms) == 1 and size.terms[0][1] > 0

    def _shown(self, size: Size, bounds: tuple[Size, ...], depth: int = 3) -> bool:
        """Take away what is known to be 0 or more, where both speak of the same dims."""
        if _obviously_not_negative(size):
            return True
        self.shown += 1
        if self.shown > MAX_SHOWN:
            return False
        about = {monomial for monomial, _ in size.terms if monomial}
        for index, bound in enumerate(bounds if depth else ()):
            if any(monomial in about for monomial, _ in bound.terms):
                rest = bounds[:index] + bounds[index + 1 :]
                if any(self._shown(size - bound * k, rest, depth - 1) for k in (1, 2)):
                    return True
        return False

    def _without_fractions(self, size: Size) -> Size:
        for number, divisor in self.divisions:
            if size.integral:
                break
            size = _as_multiple(size, self.reduce(number), self.reduce(divisor)) or size
        return size

    def assume_equal(self, left: Size, right: Size) -> None:
        left, right = self.reduce(left), self.reduce(right)
        for one, other in ((left, right), (right, left)):
            name = _bare_dim(one)
            short = len(other.terms) <= 4 and _degree(other) <= 2
            if name is not None and name not in other.dims and short:
                self.same[name] = other
                return
        self._solve(left - right)

    def _solve(self, zero: Size) -> None:
        for monomial, coefficient in zero.terms:
            if len(monomial) == 1 and monomial[0][1] == 1:
                rest = zero - Size(((monomial, coefficient),))
                name = monomial[0][0]
                if name not in rest.dims:
                    self.same[name] = -rest / Size((((), coefficient),))
                    return

    def keep_divisions(self, dims: dict[str, int]) -> bool:
        """Whether dims keep the divisions that are known, as far as they say."""
        known = [(a, b) for a, b in self.divisions if (a.dims | b.dims) <= set(dims)]
        return all(a.evaluate(dims) % b.evaluate(dims) == 0 for a, b in known)

    def assume_divides(self, number: Size, divisor: Size) -> None:
        """`number` is a multiple of `divisor`, so it is no smaller where it is positive."""
        known = (number, divisor) in self.divisions
        if not known and len(self.divisions) < MAX_DIVISIONS:
            self.divisions.append((number, divisor))
        if self.positive(number):
            self._bound(number - divisor)

    def assume_not_negative(self, size: Size) -> None:
        self._bound(self.reduce(size))

    def _bound(self, size: Size) -> None:
        """Proofs try all bounds with one another, so that of `H >= 2` and `H >= 3` one is kept."""
        size = _primitive(size)
        for at, bound in enumerate(self.bounds):
            further = (bound - size).constant
            if further is not None:
                self.bounds[at] = size if further > 0 else bound
                return
        self.bounds.append(size)


def simple(size: Size) -> bool:
    """Whether arithmetic with the size stays cheap, whatever the file says."""
    if len(size.terms) > 64 or _degree(size) > 64:
        return False
    return all(max(c.numerator.bit_length(), c.denominator.bit_length()) < 256
               for _, c in size.terms)  # fmt: skip


def _degree(size: Size) -> int:
    return max((sum(abs(power) for _, power in m) for m, _ in size.terms), default=0)


def _bare_dim(size: Size) -> str | None:
    match size.terms:
        case ((((name, 1),), coefficient),) if coefficient == 1:
            return name
    return None


def _as_multiple(size: Size, number: Size, divisor: Size) -> Size | None:
    """`size` with the dim `number` written as `divisor` times a new dim, if it is in there."""
    name = _bare_dim(number)
    if name is None or name not in size.dims:
        return None
    try:
        return size.substitute({name: divisor * Size.dim(f"{name}/{divisor}")})
    except (NotIntegral, ZeroDivisionError):
        return None


def _without_multiples(size: Size, number: Size, divisor: Size) -> Size | None:
    """`size` without whole multiples of `number / divisor`, which is whole; None without any."""
    try:
        share = number / divisor
    except (NotIntegral, ZeroDivisionError):
        return None
    if len(share.terms) == 1:
        parts = [Size((term,)) for term in size.terms]
        left = sum((part for part in parts if not (part / share).integral), Size(()))
    else:
        broken = next((t for t in share.terms if not Size((t,)).integral), None)
        there = None if broken is None else dict(size.terms).get(broken[0])
        if broken is None or there is None or ratio(there, broken[1]).denominator != 1:
            return None
        left = size - share * int(ratio(there, broken[1]))
    return None if left == size else left


def _obviously_not_negative(size: Size) -> bool:
    """All coefficients are positive once every dim is written as 1 plus something."""
    try:
        shifted = size.substitute({name: Size.dim(name) + 1 for name in size.dims})
    except (NotIntegral, ZeroDivisionError):
        return False
    known = not any(name.startswith("?") for name in size.dims)
    return known and all(coefficient >= 0 for _, coefficient in shifted.terms)


def _primitive(size: Size) -> Size:
    """The same sign with the smallest whole coefficients."""
    if not size.terms:
        return size
    bottom = lcm(*(c.denominator for _, c in size.terms))
    top = gcd(*(int(c * bottom) for _, c in size.terms))
    return Size(tuple((m, ratio(c * bottom, top)) for m, c in size.terms))


def example(*sizes: Size) -> dict[str, int]:
    """Small dims for which the sizes, which differ, come out as different numbers."""
    names = sorted(set().union(*(size.dims for size in sizes)))
    for start in (4, 5, 6, 7):
        dims = {name: start + index for index, name in enumerate(names)}
        try:
            if len({size.evaluate(dims) for size in sizes}) == len(set(sizes)):
                return dims
        except NotIntegral:
            continue
    return {}
