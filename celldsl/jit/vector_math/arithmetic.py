"""Arithmetic that either writes LLVM instructions or computes.  In: numbers.  Out: numbers.

    def half_of_square(x):
        return 0.5 * (x * x)

    half_of_square(Traced(builder, value))     # writes two instructions
    half_of_square(np.float32(3.0))            # is 4.5

One text of a formula serves compiled loops and plain Python.  Instructions are done as written,
whatever fast-math flags the code around them has; only a product and a sum may fuse.

    where(c, a, b)             a or b, without a branch
    multiply_add(a, b, c)      a * b + c, rounded once where the host can
    bits(x), number(b)         the same bits as an integer, as a number
    magnitude(x), with_sign(x, y), root(x), floor_of(x), rounded(x)
    widened(x), narrowed(x)    to double precision, to single precision
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias, cast

import numpy as np
from llvmlite import ir

from celldsl.jit.lowering.emit import known_function
from celldsl.jit.lowering.types import Value

_ARITHMETIC_NAMES = {
    "add": ("fadd", "add"),
    "sub": ("fsub", "sub"),
    "mul": ("fmul", "mul"),
    "truediv": ("fdiv", ""),
    "and": ("", "and_"),
    "or": ("", "or_"),
    "lshift": ("", "shl"),
    "rshift": ("", "lshr"),
}
_ARITHMETIC_ORDERS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


_AS_WRITTEN = ("contract",)  # Numba gives a kernel's flags to instructions that have none


class _AsWritten(set[str]):
    """Numba also adds a kernel's flags to every call.  Here they do not stick."""

    def add(self, element: str) -> None:
        del element


class Real(Protocol):
    """What a formula computes with: a Traced, or a number or an array of NumPy's."""

    def __add__(self, other: Number, /) -> Real:
        return NotImplemented

    def __radd__(self, other: Number, /) -> Real:
        return NotImplemented

    def __sub__(self, other: Number, /) -> Real:
        return NotImplemented

    def __rsub__(self, other: Number, /) -> Real:
        return NotImplemented

    def __mul__(self, other: Number, /) -> Real:
        return NotImplemented

    def __rmul__(self, other: Number, /) -> Real:
        return NotImplemented

    def __truediv__(self, other: Number, /) -> Real:
        return NotImplemented

    def __rtruediv__(self, other: Number, /) -> Real:
        return NotImplemented

    def __and__(self, other: Number, /) -> Real:
        return NotImplemented

    def __or__(self, other: Number, /) -> Real:
        return NotImplemented

    def __lshift__(self, other: Number, /) -> Real:
        return NotImplemented

    def __rshift__(self, other: Number, /) -> Real:
        return NotImplemented

    def __lt__(self, other: Number, /) -> Real:
        return NotImplemented

    def __le__(self, other: Number, /) -> Real:
        return NotImplemented

    def __gt__(self, other: Number, /) -> Real:
        return NotImplemented

    def __ge__(self, other: Number, /) -> Real:
        return NotImplemented

    def __neg__(self) -> Real:
        return NotImplemented

    def __eq__(self, other: Number, /) -> Real:  # type: ignore[override]
        return NotImplemented

    def __ne__(self, other: Number, /) -> Real:  # type: ignore[override]
        return NotImplemented


Number: TypeAlias = "Real | float"
_Plain: TypeAlias = "np.ndarray[tuple[int, ...], np.dtype[np.float64]]"  # whatever its type is


class Traced(Real):
    """A number or truth value of the function that is being written.

    Operators take Python numbers too.  Shifts to the right fill with zeros.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, builder: ir.IRBuilder, value: Value) -> None:
        self.builder = builder
        self.value = value

    @property
    def real(self) -> bool:
        return isinstance(self.value.type, (ir.FloatType, ir.DoubleType))

    def of(self, number: Number) -> Value:
        """The value of another number, or a constant of this one's type."""
        return number.value if isinstance(number, Traced) else self.value.type(number)

    def call(self, intrinsic: str, *others: Number) -> Traced:
        """A floating-point intrinsic of LLVM."""
        kind = self.value.type
        name = f"llvm.{intrinsic}.f{64 if isinstance(kind, ir.DoubleType) else 32}"
        values = [self.value, *map(self.of, others)]
        function_type = ir.FunctionType(kind, [kind] * len(values))
        function = known_function(self.builder.module, function_type, name)
        called = self.builder.call(function, values)
        called.fastmath = _AsWritten()
        return Traced(self.builder, called)

    def __bool__(self) -> bool:
        raise TypeError("a traced number has no value yet: use `where`")

    def __neg__(self) -> Traced:
        return Traced(self.builder, self.builder.fneg(self.value))


def _operation(name: str, swapped: bool) -> Callable[[Traced, Number], Traced]:
    for_reals, for_integers = _ARITHMETIC_NAMES[name]

    def apply(self: Traced, other: Number) -> Traced:
        write = getattr(self.builder, for_reals if self.real else for_integers)
        flags = {"flags": _AS_WRITTEN} if self.real else {}
        operands = (self.of(other), self.value) if swapped else (self.value, self.of(other))
        return Traced(self.builder, write(*operands, **flags))

    return apply


def _comparison(order: str) -> Callable[[Traced, Number], Traced]:
    def apply(self: Traced, other: Number) -> Traced:
        left, right = self.value, self.of(other)
        if self.real:
            write = self.builder.fcmp_ordered
            return Traced(self.builder, write(order, left, right, flags=_AS_WRITTEN))
        return Traced(self.builder, self.builder.icmp_signed(order, left, right))

    return apply


for _name in _ARITHMETIC_NAMES:
    setattr(Traced, f"__{_name}__", _operation(_name, swapped=False))
    setattr(Traced, f"__r{_name}__", _operation(_name, swapped=True))
for _name, _order in _ARITHMETIC_ORDERS.items():
    setattr(Traced, f"__{_name}__", _comparison(_order))


def _plain(x: Number) -> _Plain:
    """Where it is not traced it is NumPy's."""
    return cast("_Plain", x)


def where(condition: Real, a: Number, b: Number) -> Real:
    if not isinstance(condition, Traced):
        kind = _plain(a).dtype if hasattr(a, "dtype") else _plain(b).dtype
        chosen = np.where(_plain(condition), _plain(a), _plain(b)).astype(kind)
        return cast("Real", chosen[()])
    model = a if isinstance(a, Traced) else cast("Traced", b)
    return Traced(
        condition.builder,
        condition.builder.select(condition.value, model.of(a), model.of(b)),
    )


def multiply_add(a: Real, b: Number, c: Number) -> Real:
    """(Computed in double precision it is right for singles.)"""
    if isinstance(a, Traced):
        return a.call("fmuladd", b, c)
    if _plain(a).dtype == np.float32:
        exact = np.float64(_plain(a)) * np.float32(_plain(b)) + np.float32(_plain(c))
        return cast("Real", np.float32(exact))
    return a * b + c


def bits(x: Real) -> Real:
    if isinstance(x, Traced):
        size = 64 if isinstance(x.value.type, ir.DoubleType) else 32
        return Traced(x.builder, x.builder.bitcast(x.value, ir.IntType(size)))
    whole = np.int32 if _plain(x).dtype == np.float32 else np.int64
    return cast("Real", _plain(x).view(whole))


def number(b: Real) -> Real:
    if isinstance(b, Traced):
        kind = ir.FloatType() if b.value.type.width == 32 else ir.DoubleType()
        return Traced(b.builder, b.builder.bitcast(b.value, kind))
    real = np.float32 if _plain(b).dtype == np.int32 else np.float64
    return cast("Real", _plain(b).view(real))


def magnitude(x: Real) -> Real:
    return x.call("fabs") if isinstance(x, Traced) else cast("Real", np.abs(_plain(x)))


def with_sign(x: Real, y: Number) -> Real:
    """The magnitude of x with the sign of y."""
    if isinstance(x, Traced):
        return x.call("copysign", y)
    return cast("Real", np.copysign(_plain(x), _plain(y)))


def root(x: Real) -> Real:
    return x.call("sqrt") if isinstance(x, Traced) else cast("Real", np.sqrt(_plain(x)))


def floor_of(x: Real) -> Real:
    return x.call("floor") if isinstance(x, Traced) else cast("Real", np.floor(_plain(x)))


def rounded(x: Real) -> Real:
    """To the nearest integer, halves to the even one."""
    return x.call("roundeven") if isinstance(x, Traced) else cast("Real", np.rint(_plain(x)))


def widened(x: Real) -> Real:
    if isinstance(x, Traced):
        return Traced(x.builder, x.builder.fpext(x.value, ir.DoubleType()))
    return cast("Real", np.float64(_plain(x)))


def narrowed(x: Real) -> Real:
    if isinstance(x, Traced):
        return Traced(x.builder, x.builder.fptrunc(x.value, ir.FloatType()))
    return cast("Real", np.float32(_plain(x)))
