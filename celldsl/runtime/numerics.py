"""What value templates call.  In: NumPy arrays.  Out: NumPy arrays.

    maximum(a, b)      np.maximum; for complex numbers, by their real parts

Real arguments are computed as usual.  Complex ones carry a derivative as a tiny imaginary part (the
complex step): a choice is made by the real parts, and at a kink the imaginary part is what the
language says that the gradient is.  This file needs NumPy alone and is part of generated modules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

Array = Any
Index: TypeAlias = "tuple[Any, ...]"  # integers, slices and an ellipsis


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    positive = np.real(x) >= 0
    small = np.exp(np.where(positive, -x, x))
    return np.where(positive, 1.0, small) / (1.0 + small)


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), without overflow."""
    positive = np.real(x) > 0
    return np.where(positive, x, 0.0) + np.log1p(np.exp(np.where(positive, -x, x)))


_erf = np.vectorize(math.erf, otypes=[np.float64])


def erf(x: Array) -> Array:
    """The error function; to first order in the imaginary part."""
    real = np.real(x)
    slope = 2.0 / math.sqrt(math.pi) * np.exp(-real * real)
    return _with_imaginary(_erf(real), lambda part: slope * part, x)


def power(a: Array, b: Array) -> Array:
    """a ** b; for complex numbers to first order, the exponent's part where a > 0."""
    value = np.power(np.real(a), np.real(b))
    if not (np.iscomplexobj(a) or np.iscomplexobj(b)):
        return value
    base, exponent = np.real(a), np.real(b)
    with np.errstate(all="ignore"):
        slope = np.where(exponent == 0, 0.0, exponent * np.power(base, exponent - 1.0))
    growth = value * np.log(np.where(base > 0, base, 1.0))
    return value + 1j * (slope * np.imag(a) + growth * np.imag(b))


def hypot(a: Array, b: Array) -> Array:
    """The root of a * a + b * b; its derivative at 0 is 0."""
    value = np.hypot(np.real(a), np.real(b))
    length = np.where(value == 0, 1.0, value)

    def imaginary(p: Array, q: Array) -> Array:
        return np.where(value == 0, 0.0, np.real(a) / length * p + np.real(b) / length * q)

    return _with_imaginary(value, imaginary, a, b)


def copysign(a: Array, b: Array) -> Array:
    """|a| with the sign of b."""
    value = np.copysign(np.real(a), np.real(b))
    turned = np.signbit(np.real(a)) != np.signbit(np.real(b))
    return _with_imaginary(value, lambda p, _: np.where(turned, -p, p), a, b)


def modulo(a: Array, b: Array) -> Array:
    """a modulo b, with the sign of b."""
    quotient = np.floor(np.real(a) / np.real(b))
    value = np.mod(np.real(a), np.real(b))
    return _with_imaginary(value, lambda first, second: first - quotient * second, a, b)


def maximum(a: Array, b: Array) -> Array:
    return _chosen(np.maximum, np.real(a) > np.real(b), a, b)


def minimum(a: Array, b: Array) -> Array:
    return _chosen(np.minimum, np.real(a) < np.real(b), a, b)


def _chosen(choose: Callable[..., Array], first: Array, a: Array, b: Array) -> Array:
    tied = np.real(a) == np.real(b)

    def imaginary(p: Array, q: Array) -> Array:
        return np.where(tied, 0.5 * (p + q), np.where(first, p, q))

    return _with_imaginary(choose(np.real(a), np.real(b)), imaginary, a, b)


def relu(x: Array) -> Array:
    return np.where(np.real(x) <= 0, 0.0, x)


def absolute(x: Array) -> Array:
    return np.where(np.real(x) < 0, -x, np.where(np.real(x) == 0, 0.0, x))


def clip(x: Array, low: Array, high: Array) -> Array:
    above = np.where(np.real(x) > np.real(high), high, x)
    return np.where(np.real(x) < np.real(low), low, above)


def surrogate(value: Array, path: Array) -> Array:
    """The value of the first, the derivative of the second."""
    return _with_imaginary(np.real(value) + 0.0 * np.real(path), lambda part: part, path)


def scale_gradient(x: Array, factor: Array) -> Array:
    """The value of x, and `factor` times its derivative."""
    return _with_imaginary(np.real(x), lambda part: np.real(factor) * part, x)


def bfloat16(x: Array) -> Array:
    """x rounded to bfloat16, by way of single precision: to the nearest, a half to the even one.

    What is smaller than the smallest normal number becomes a zero of its sign, as processors do it
    that multiply such numbers.  The derivative passes as it is.
    """
    with np.errstate(all="ignore"):
        bits = np.asarray(np.real(x)).astype(np.float32).view(np.int32)
        size = bits & 0x7FFFFFFF
        nearest = bits + 0x7FFF + (bits >> 16 & 1) & -0x10000
        quiet = (bits | 0x00400000) & -0x10000
    bits = np.where(size > 0x7F800000, quiet, nearest)
    bits = np.where(size < 0x00800000, bits & -0x80000000, bits)
    value = bits.astype(np.int32).view(np.float32).astype(np.asarray(np.real(x)).dtype)
    return _with_imaginary(value, lambda part: part, x)


def amax(x: Array, axis: int) -> Array:
    return _extreme(np.real(x).max(axis=axis, keepdims=True), x, axis)


def amin(x: Array, axis: int) -> Array:
    return _extreme(np.real(x).min(axis=axis, keepdims=True), x, axis)


def _extreme(value: Array, x: Array, axis: int) -> Array:
    def imaginary(part: Array) -> Array:
        tied = np.real(x) == value
        with np.errstate(invalid="ignore"):
            return (part * tied).sum(axis=axis) / tied.sum(axis=axis)

    return _with_imaginary(np.squeeze(value, axis=axis), imaginary, x)


def _with_imaginary(real: Array, rule: Callable[..., Array], *args: Array) -> Array:
    """`real`, with the imaginary part that `rule` makes of those of complex arguments."""
    if not any(np.iscomplexobj(a) for a in args):
        return real
    found = np.empty(np.shape(real), dtype=np.complex128)
    found.real = real
    found.imag = rule(*(np.imag(a) for a in args))
    return found


def cumsum(x: Array, axis: int, reverse: bool) -> Array:
    if not reverse:
        return np.cumsum(x, axis=axis)
    return np.flip(np.cumsum(np.flip(x, axis), axis=axis), axis)


def cut(x: Array, axis: int, start: int, stop: int) -> Array:
    """Elements `start` to `stop` of an axis that counts from the end."""
    index = (..., slice(start, stop), *[slice(None)] * (-axis - 1))
    return x[index]


def concat(parts: Sequence[Array], axis: int, rank: int) -> Array:
    """Joins values of `rank` own axes; those with fewer rows are repeated."""
    rows = np.broadcast_shapes(*(_rows(part, rank) for part in parts))
    full = [np.broadcast_to(part, rows + _own(part, rank)) for part in parts]
    return np.concatenate(full, axis=axis)


def reshape(x: Array, rank: int, shape: tuple[int, ...]) -> Array:
    return np.reshape(x, _rows(x, rank) + shape)


def transpose(x: Array, perm: tuple[int, ...]) -> Array:
    lead = np.ndim(x) - len(perm)
    return np.transpose(x, (*range(lead), *(lead + axis for axis in perm)))


def broadcast(x: Array, rank: int, shape: tuple[int, ...]) -> Array:
    """From no own axes, or along own axes of size 1."""
    own = _own(x, rank) or (1,) * len(shape)
    return np.broadcast_to(np.reshape(x, _rows(x, rank) + own), _rows(x, rank) + shape)


def pad(x: Array, axis: int, before: int, after: int) -> Array:
    widths = [(0, 0)] * np.ndim(x)
    widths[axis] = (before, after)
    return np.pad(x, widths)


def window(x: Array, kernel: tuple[int, ...]) -> Array:
    """What a kernel sees at each place of the last axes: `[…, L]` to `[…, k, L]`."""
    n = len(kernel)
    lead, space = x.shape[: x.ndim - n], x.shape[x.ndim - n :]
    padded = np.pad(x, [(0, 0)] * len(lead) + [(k // 2, k // 2) for k in kernel])
    found = np.empty(lead + tuple(kernel) + space, dtype=x.dtype)
    for offset in np.ndindex(*kernel):
        found[_at(offset)] = padded[_shifted(offset, space)]
    return found


def fold(x: Array, kernel: tuple[int, ...]) -> Array:
    """The adjoint of `window`: `[…, k, L]` to `[…, L]`."""
    n = len(kernel)
    lead, space = x.shape[: x.ndim - 2 * n], x.shape[x.ndim - n :]
    padded = np.zeros(lead + tuple(s + k - 1 for s, k in zip(space, kernel, strict=True)), x.dtype)
    for offset in np.ndindex(*kernel):
        padded[_shifted(offset, space)] += x[_at(offset)]
    return padded[_shifted([k // 2 for k in kernel], space)]


def _at(offset: Sequence[int]) -> Index:
    return (..., *offset, *[slice(None)] * len(offset))


def _shifted(offset: Sequence[int], space: Sequence[int]) -> Index:
    return (..., *(slice(o, o + s) for o, s in zip(offset, space, strict=True)))


def einsum(spec: str, a: Array, b: Array) -> Array:
    """The product that `spec` says for every row; rows lead and are not in `spec`."""
    operands, result = spec.split("->")
    left, right = operands.split(",")
    return np.einsum(f"...{left},...{right}->...{result}", a, b)


def rowsum(x: Array, rank: int) -> Array:
    """The sum over all leading axes."""
    return np.sum(x, axis=tuple(range(np.ndim(x) - rank)))


def einsum_rows(spec: str, a: Array, b: Array) -> Array:
    return rowsum(einsum(spec, a, b), len(spec.split("->")[1]))


def pick(x: Array, index: Array, rank: int) -> Array:
    """The elements of the first own axis of `x` that integers say, one for each row."""
    places = np.real(index).astype(np.int64)
    places = np.reshape(places, np.shape(places) + (1,) * rank)
    lead = np.ndim(places) - np.ndim(x)
    whole = np.reshape(x, (1,) * max(lead, 0) + np.shape(x))
    places = np.reshape(places, (1,) * max(-lead, 0) + np.shape(places))
    return np.squeeze(np.take_along_axis(whole, places, axis=-rank), axis=-rank)


def place(x: Array, index: Array, rank: int, n: int) -> Array:
    """The adjoint of `pick`: `x` where a new first axis of `n` elements says so, else 0."""
    here = np.real(index)[..., None] == np.arange(n)
    here = np.reshape(here, np.shape(here) + (1,) * rank)
    return np.where(here, np.expand_dims(x, np.ndim(x) - rank), 0.0)


def scatter_rows(x: Array, index: Array, rank: int, n: int) -> Array:
    return rowsum(place(x, index, rank, n), rank + 1)


def add_at(base: Array, added: Array, axis: int, start: int) -> Array:
    """`base` with `added` added along an axis, counted from the end, from `start`."""
    pads = [(0, 0)] * added.ndim
    pads[axis] = (start, base.shape[axis] - start - added.shape[axis])
    return base + np.pad(added, pads)


def resting_mask(kind: str, rate: Array, shape: tuple[int, ...]) -> Array:
    """A mask outside training: dropout keeps all, zoneout mixes by its rate."""
    return np.full(shape, 1.0 if kind == "dropout" else rate)


def _rows(x: Array, rank: int) -> tuple[int, ...]:
    return np.shape(x)[: np.ndim(x) - rank]


def _own(x: Array, rank: int) -> tuple[int, ...]:
    return np.shape(x)[np.ndim(x) - rank :]
