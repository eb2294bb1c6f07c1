"""The elementary functions as formulas.  In: a number of `arithmetic` and a table.  Out: a number.

    exp_formula(np.float32(1.0), SINGLE)       # 2.7182817

No branches and no calls, so that a loop over any of them vectorises.
"""

from __future__ import annotations

from celldsl.jit.vector_math.arithmetic import (
    Real,
    bits,
    floor_of,
    magnitude,
    multiply_add,
    narrowed,
    number,
    root,
    where,
    widened,
    with_sign,
)
from celldsl.jit.vector_math.coefficients import (
    DOUBLE,
    LOG2_E,
    SINGLE,
    TANH_SINGLE,
    Polynomial,
    Table,
)


def _polynomial(x: Real, coefficients: Polynomial) -> Real:
    total = multiply_add(x, coefficients[-1], coefficients[-2])
    for coefficient in coefficients[-3::-1]:
        total = multiply_add(total, x, coefficient)
    return total


def _ratio(x: Real, pair: tuple[Polynomial, Polynomial]) -> tuple[Real, Real]:
    return _polynomial(x, pair[0]), _polynomial(x, pair[1])


def _reduced(x: Real, t: Table, offset: int = 0, sign: int = 1) -> tuple[Real, Real]:
    """x = sign n ln 2 + r: the number that holds n + offset in its last bits, and r."""
    magic = t.magic + offset
    holder = multiply_add(x, sign * LOG2_E, magic)
    n = holder - magic
    return holder, multiply_add(n, -sign * t.ln2[1], multiply_add(n, -sign * t.ln2[0], x))


def _exp_less_one(r: Real, t: Table) -> Real:
    """e^r - 1 for |r| up to ln(2)/2."""
    return multiply_add(r * r, _polynomial(r, t.exp), r)


def _exp_of_rest(r: Real, t: Table, sign: int = 1) -> Real:
    """e^(sign r): one operation less than `_exp_less_one` and a sum, and as good."""
    return _polynomial(r, tuple(c * sign**k for k, c in enumerate((1.0, 1.0, *t.exp))))


def _magic_bits(t: Table) -> int:
    """The bits of `magic`: its exponent and its first fraction bit."""
    return ((t.bias + t.fraction_bits) << t.fraction_bits) | (1 << (t.fraction_bits - 1))


def _scaled(y: Real, holder: Real, t: Table) -> Real:
    """y * 2^n by two factors, because 2^n alone may overflow, or be too small to be normal."""
    exponents = bits(holder) + (2 * t.bias - _magic_bits(t))
    first = exponents >> 1
    second = exponents - first
    return y * number(first << t.fraction_bits) * number(second << t.fraction_bits)


def _power_of_two(holder: Real, t: Table) -> Real:
    """2^(n + offset - bias), which must be normal, where the holder has n + offset."""
    return number(bits(holder) << t.fraction_bits)


def _clamped(x: Real, low: float, high: float) -> Real:
    """Between the bounds; NaN stays."""
    above = where(x < low, low, x)
    return where(above > high, high, above)


def exp_formula(x: Real, t: Table) -> Real:
    holder, r = _reduced(_clamped(x, t.low, t.high), t)
    return _scaled(_exp_of_rest(r, t), holder, t)


def _exp_times(x: Real, exponent: int, t: Table, sign: int = 1) -> Real:
    """e^(sign x) 2^exponent, which must be normal."""
    holder, r = _reduced(x, t, t.bias + exponent, sign)
    return _exp_of_rest(r, t, sign) * _power_of_two(holder, t)


def _half_range(t: Table) -> int:
    return (t.bias + 1) // 2


def _exp_negative(x: Real, t: Table) -> Real:
    """e^x where x is not above zero."""
    half = _half_range(t)
    return _exp_times(where(x < t.low, t.low, x), half, t) * 2.0**-half


def _vanishing(t: Table) -> float:
    """Below this number e^x vanishes beside 1."""
    return -(t.fraction_bits + 4) * 0.7


def expm1_formula(x: Real, t: Table) -> Real:
    holder, r = _reduced(_clamped(x, _vanishing(t), t.high), t, t.bias - 1)
    half = _power_of_two(holder, t)  # 2^n itself may overflow
    return with_sign(2.0 * multiply_add(half, _exp_less_one(r, t), half - 0.5), x)


def sigmoid_formula(x: Real, t: Table) -> Real:
    """s/(s + s e^-x): without the factor e^-x overflows where the quotient is not yet 0."""
    half = _half_range(t)
    small = 2.0**-half
    return small / (_exp_times(_clamped(x, t.low, -_vanishing(t)), -half, t, sign=-1) + small)


def tanh_formula(x: Real, t: Table) -> Real:
    if t is SINGLE:
        return _tanh_single(_clamped(x, -9.1, 9.1))
    twice, lowest = -2.0 * magnitude(x), _vanishing(t)
    holder, r = _reduced(where(twice < lowest, lowest, twice), t, t.bias)
    scale = _power_of_two(holder, t)
    less_one = multiply_add(scale, _exp_less_one(r, t), scale - 1.0)
    return with_sign(less_one / (less_one + 2.0), x)


def _tanh_single(x: Real) -> Real:
    """2h/(1 + h^2) with h = u/v = tanh(x/2): where tanh nears 1, errors of h cancel."""
    above, v = _ratio(x * x, TANH_SINGLE)
    u = x * above
    return ((u + u) * v) / multiply_add(v, v, u * u)


def softplus_formula(x: Real, t: Table) -> Real:
    small = _exp_negative(-magnitude(x), t)
    s = small / (small + 2.0)
    square = s * s
    tail = multiply_add(-s, small - square * _polynomial(square, t.log1p), small)
    return where(x < 0.0, 0.0, x) + tail


def _fraction(x: Real, t: Table) -> tuple[Real, Real, Real]:
    """x = 2^k (1 + f) for positive normal x: k + bias as bits, k, and f from -0.3 to 0.42."""
    least = (t.bias << t.fraction_bits) - (1 << (t.fraction_bits - 1)) - _root_offset(t)
    shifted = bits(x) - least
    mantissa = (shifted & ((1 << t.fraction_bits) - 1)) + least
    exponent = (shifted + (t.bias << t.fraction_bits)) >> t.fraction_bits
    whole = 2.0**t.fraction_bits
    k = number(exponent | ((t.bias + t.fraction_bits) << t.fraction_bits)) - (whole + t.bias)
    return exponent, k, number(mantissa) - 1.0


def _root_offset(t: Table) -> int:
    """How far below the bits of 0.75 those of the root of 1/2 are."""
    return int((1.5 - 2.0**0.5) * 2.0**t.fraction_bits)


def _log_of(k: Real, f: Real, t: Table) -> Real:
    """k ln 2 + log(1 + f), by 2 atanh(f / (2 + f))."""
    s = f / (f + 2.0)
    square = s * s
    tail = s * (f - square * _polynomial(square, t.log))
    return multiply_add(k, t.ln2[0], f - (tail - k * t.ln2[1]))


def log_formula(x: Real, t: Table) -> Real:
    tiny = x < t.smallest
    _, k, f = _fraction(where(tiny, x * 2.0**t.fraction_bits, x), t)
    k = where(tiny, k - t.fraction_bits, k)
    return _log_ends(x, _log_of(k, f, t))


def _log_ends(x: Real, y: Real) -> Real:
    infinity = float("inf")
    y = where(x == infinity, infinity, y)
    y = where(x == 0.0, -infinity, y)
    return where(x >= 0.0, y, float("nan"))


def log1p_formula(x: Real, t: Table) -> Real:
    u = x + 1.0
    back = u - 1.0
    lost = (1.0 - (u - back)) + (x - back)  # x + 1 = u + lost, exactly
    exponent, k, f = _fraction(u, t)
    twice = number((2 * t.bias + 1 - exponent) << t.fraction_bits)  # 2^(1-k), 0 at the largest
    y = _log_of(k, multiply_add(0.5 * lost, twice, f), t)
    return where(x == 0.0, x, _log_ends(u, y))


def erf_formula(x: Real, t: Table) -> Real:
    size = magnitude(x)
    limited = where(size > 6.0, 6.0, size)
    above, below = _ratio(limited, t.erfcx)
    square = limited * limited
    outside = with_sign(1.0 - _exp_negative(-square, t) * above / below, x)
    return where(size < 1.0, x * _polynomial(square, t.erf), outside)


def _quarter_turns(x: Real, t: Table) -> tuple[Real, Real, Real]:
    """x = q pi/2 + r: q in the last bits of an integer, sin r, cos r.  Fused products are exact."""
    holder = multiply_add(x, 2.0 / 3.14159265358979323846, t.magic)
    q = holder - t.magic
    r = multiply_add(q, -t.half_pi[0], x)
    r = multiply_add(q, -t.half_pi[1], r)
    r = _clamped(multiply_add(q, -t.half_pi[2], r), -0.84, 0.84)
    square = r * r
    sine = multiply_add(r * square, _polynomial(square, t.sin), r)
    tail = square * square * _polynomial(square, t.cos)
    half = 0.5 * square
    near_one = 1.0 - half
    cosine = near_one + (((1.0 - near_one) - half) + tail)
    return bits(holder), sine, cosine


def sin_formula(x: Real, t: Table) -> Real:
    q, sine, cosine = _quarter_turns(x, t)
    turned = _turned(q, where((q & 1) == 0, sine, cosine), t)
    return where(x == 0.0, x, turned)  # the sum of products has lost the sign


def cos_formula(x: Real, t: Table) -> Real:
    q, sine, cosine = _quarter_turns(x, t)
    return _turned(q + 1, where((q & 1) == 0, cosine, sine), t)


def _turned(q: Real, y: Real, t: Table) -> Real:
    """The other sign in the third and fourth quarter."""
    return where((q & 2) == 0, y, -y)


def tan_formula(x: Real, t: Table) -> Real:
    q, sine, cosine = _quarter_turns(x, t)
    even = (q & 1) == 0
    return where(x == 0.0, x, where(even, sine, cosine) / where(even, cosine, -sine))


def atan_formula(x: Real, t: Table) -> Real:
    size = magnitude(x)
    far, middle = size > 2.414213562373095, size > 0.4142135623730950
    above = where(far, -1.0, where(middle, size - 1.0, size))
    below = where(far, size, where(middle, size + 1.0, 1.0))
    z = above / below
    square = z * z
    y = multiply_add(z * square, _polynomial(square, t.atan), z)
    half_pi, rest, _ = t.half_pi
    nearer = where(middle, (y + 0.5 * rest) + 0.5 * half_pi, y)
    return with_sign(where(far, (y + rest) + half_pi, nearer), x)


def hypot_formula(x: Real, y: Real, _: Table) -> Real:
    """By the quotient of the two, which is at most 1; infinite where one of them is."""
    a, b = magnitude(x), magnitude(y)
    swapped = a < b
    longer, shorter = where(swapped, b, a), where(swapped, a, b)
    q = shorter / where(longer == 0.0, 1.0, longer)
    length = longer * root(multiply_add(q, q, 1.0))
    infinity = float("inf")
    return where((a == infinity) | (b == infinity), infinity, length)


def power_formula(x: Real, y: Real, t: Table) -> Real:
    """Through the logarithm in twice the precision; singles through doubles."""
    if t is SINGLE:
        return narrowed(power_formula(widened(x), widened(y), DOUBLE))
    size = magnitude(x)
    high, low = _long_log(size, t)
    product = y * high
    rest = multiply_add(y, high, -product) + y * low
    rest = where(magnitude(product) < 1000.0, rest, 0.0)
    holder, r = _reduced(_clamped(product, t.low, t.high), t)
    value = _scaled(_exp_of_rest(r + rest, t), holder, t)
    return _power_ends(x, y, size, value)


def _long_log(x: Real, t: Table) -> tuple[Real, Real]:
    """log x, for x not below zero, as a sum of two numbers."""
    tiny = x < t.smallest
    _, k, f = _fraction(where(tiny, x * 2.0**t.fraction_bits, x), t)
    k = where(tiny, k - t.fraction_bits, k)
    below = f + 2.0
    s = f / below
    rest = (multiply_add(-s, below, f) - s * (f - (below - 2.0))) / below
    square = s * s
    tail = multiply_add(k, t.ln2[1], 2.0 * rest + s * square * _polynomial(square, t.log))
    whole, twice = k * t.ln2[0], 2.0 * s
    total = whole + twice
    part = total - whole
    tail = ((whole - (total - part)) + (twice - part)) + tail
    high = total + tail
    return _log_ends(x, high), tail - (high - total)


def _power_ends(x: Real, y: Real, size: Real, value: Real) -> Real:
    """What C's pow gives for negative numbers, zeros, ones and infinities."""
    infinity = float("inf")
    odd = (floor_of(y) == y) & (floor_of(0.5 * y) != 0.5 * y)
    value = where(odd & (bits(x) < 0), -value, value)
    between = (size < infinity) & (floor_of(y) < y)
    value = where((x < 0.0) & between, float("nan"), value)
    one = (y == 0.0) | (x == 1.0) | ((size == 1.0) & (magnitude(y) == infinity))
    return where(one, 1.0, value)


def bfloat16_formula(x: Real, t: Table) -> Real:
    """On the bits of a single: the upper half, after what rounds the lower one away is added."""
    if t is not SINGLE:
        return widened(bfloat16_formula(narrowed(x), SINGLE))
    whole = bits(x)
    size = whole & 0x7FFFFFFF
    nearest = whole + 0x7FFF + ((whole >> 16) & 1)
    kept = where(size > 0x7F800000, whole | 0x00400000, nearest) & -0x10000
    return number(where(size < 0x00800000, whole & -0x80000000, kept))
