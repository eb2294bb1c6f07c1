"""Functions that a generated file may carry.  In: nothing.  Out: their texts by name."""

from __future__ import annotations

from celldsl.targets.framework.dialect import functions_of

TEXT = '''
def expect(label, x, shape):
    """Raises where `x` is no array of real numbers of this shape."""
    if not jnp.issubdtype(jnp.result_type(x), jnp.floating):
        raise TypeError(f"{label}: expected real numbers, got {jnp.result_type(x)}")
    if jnp.shape(x) != tuple(shape):
        raise ValueError(f"{label}: expected shape {tuple(shape)}, got {jnp.shape(x)}")


def flags(label, x, shape):
    """Raises where `x` is no array of booleans of this shape."""
    if jnp.result_type(x) != jnp.bool_:
        found = jnp.result_type(x)
        raise TypeError(f"{label}: expected an array of booleans {tuple(shape)}, got {found}")
    if jnp.shape(x) != tuple(shape):
        raise ValueError(f"{label}: expected shape {tuple(shape)}, got {jnp.shape(x)}")


def integers(label, x, shape, limit):
    """Raises where `x` is no array of integers of this shape, from 0 to `limit` - 1.

    Under a transformation the numbers cannot be looked at: what is out of range gives NaN.
    """
    if not jnp.issubdtype(jnp.result_type(x), jnp.integer):
        raise TypeError(f"{label}: expected integers, got {jnp.result_type(x)}")
    if jnp.shape(x) != tuple(shape):
        raise ValueError(f"{label}: expected shape {tuple(shape)}, got {jnp.shape(x)}")
    if isinstance(x, jax.core.Tracer):
        return
    with jax.ensure_compile_time_eval():  # where `jit` has it as a constant, too
        wrong = jnp.argwhere((x < 0) | (x >= limit))
        if wrong.size:
            place = tuple(map(int, wrong[0]))
            raise ValueError(f"{label}: expected 0 to {limit - 1}, but {place} is {x[place]}")


def within(lengths, times, lead):
    """(T, …): whether each step is within the length of its sequence."""
    lengths = jnp.asarray(lengths)
    if lengths.shape != tuple(lead):
        raise ValueError(f"lengths: expected shape {tuple(lead)}, got {lengths.shape}")
    if not jnp.issubdtype(lengths.dtype, jnp.integer):
        raise TypeError(f"lengths: expected integers, got {lengths.dtype}")
    return jnp.arange(*times).reshape(-1, *[1] * lengths.ndim) < lengths


def reshape(x, axes, *sizes):
    """`x` with other sizes instead of its last `axes` axes."""
    return x.reshape(*x.shape[: x.ndim - axes], *sizes)


def stretch(x, *sizes):
    """`x` with its last axes stretched to `sizes`."""
    return jnp.broadcast_to(x, (*x.shape[: max(x.ndim - len(sizes), 0)], *sizes))


def transpose(x, axes):
    """`x` with its last axes in another order."""
    lead = x.ndim - len(axes)
    return jnp.transpose(x, (*range(lead), *(x.ndim + axis for axis in axes)))


def concat_rows(parts, axis, rank):
    """`parts` side by side, where only some have the axes of a batch before their last `rank`."""
    lead = jnp.broadcast_shapes(*(part.shape[: part.ndim - rank] for part in parts))
    full = [jnp.broadcast_to(part, (*lead, *part.shape[part.ndim - rank :])) for part in parts]
    return jnp.concatenate(full, axis)


def pick(x, k, rank):
    """The elements of the first of the last `rank` axes that integers say, one for each row."""
    lead = jnp.broadcast_shapes(x.shape[: x.ndim - rank], k.shape)
    x = jnp.broadcast_to(x, (*lead, *x.shape[x.ndim - rank :]))
    k = jnp.broadcast_to(k, lead).reshape(*lead, *[1] * rank)
    return jnp.take_along_axis(x, k, -rank, mode="fill").squeeze(-rank)


def place(x, k, rank, n):
    """Zeros but for `x` where integers say so on a new first axis of `n`."""
    here = jnp.arange(n) == k[..., None]
    return jnp.where(here.reshape(*here.shape, *[1] * rank), jnp.expand_dims(x, x.ndim - rank), 0.0)


def absolute(x):
    """|x|; its gradient at 0 is 0."""
    return x * jnp.sign(x)


def reduced(combine, start, x, axis):
    """`combine(total, element)` along an axis, which is dropped."""
    total = jnp.full_like(jnp.take(x, 0, axis), start)
    for element in jnp.moveaxis(x, axis, 0):
        total = combine(total, element)
    return total


def scanned(combine, start, x, axis):
    """The totals of `reduced` after each element."""
    found = [jnp.full_like(jnp.take(x, 0, axis), start)]
    for element in jnp.moveaxis(x, axis, 0):
        found.append(combine(found[-1], element))
    return jnp.stack(found[1:], axis)


def clip(x, low, high):
    """`x` between `low` and `high`; at the bounds the gradient goes to `x`."""
    return jnp.where(x < low, low, jnp.where(high < x, high, x))


def above_zero(x):
    """1 where `x` > 0, else 0; without a gradient."""
    return (x > 0).astype(x.dtype)


def power(a, b):
    """`a ** b`; `b` has a gradient where `a` > 0 alone, and at `b` = 0 there is none."""
    positive, fixed = a > 0, lax.stop_gradient(b)
    above = jnp.where(positive, a, 1.0) ** b
    return jnp.where(positive, above, jnp.where(positive | (fixed == 0), 1.0, a) ** fixed)


def ratio(a, b):
    """`a / b`, whose derivative has no square of `b` in it."""

    def derivative(at, by):
        (a, b), (p, q) = at, by
        found = lax.optimization_barrier(ratio(a, b))  # XLA makes a / (b * b) of (a / b) / b
        return found, p / b - ratio(found, b) * q

    quotient = jax.custom_jvp(jnp.divide)
    quotient.defjvp(derivative)
    return quotient(a, b)


def modulus(a, b):
    """The root of a² + b², also where those are infinite; its gradient at 0 is 0."""

    def derivative(at, by):
        (a, b), (p, q) = at, by
        length = lax.optimization_barrier(modulus(a, b))
        empty = length == 0
        around = jnp.where(empty, 1.0, length)
        return length, jnp.where(empty, 0.0, a / around) * p + jnp.where(empty, 0.0, b / around) * q

    root = jax.custom_jvp(jnp.hypot)
    root.defjvp(derivative)
    return root(a, b)


def surrogate(value, path):
    """The value of the first, the gradient of the second."""
    finite = jnp.where(jnp.isfinite(path), path, 0.0)
    return lax.stop_gradient(value) + (finite - lax.stop_gradient(finite))


def scale_gradient(x, a):
    """`x`, whose gradient is `a` times as large."""
    return surrogate(x, x * lax.stop_gradient(a))


def bfloat16(x):
    """`x` rounded to bfloat16, a half to the even one, without denormals; its gradient passes."""
    single = jnp.asarray(x, jnp.float32)
    rounded = lax.reduce_precision(single, 8, 7)
    rounded = jnp.where(jnp.abs(single) < 2.0**-126, 0.0 * single, rounded)
    return surrogate(rounded.astype(x.dtype), x)


def round_gradient(x):
    """`x`, whose gradient is rounded to bfloat16; so are its tangents."""
    same = jax.custom_jvp(lambda x: x)
    same.defjvp(lambda x, dx: (x[0], lax.reduce_precision(dx[0], 8, 7)))
    return same(x)


def clip_gradient(x, low, high):
    """`x`, whose gradient is kept between `low` and `high`."""

    def back(bounds, d):
        return clip(d, *bounds), *map(jnp.zeros_like, bounds)

    same = jax.custom_vjp(lambda x, low, high: x)
    same.defvjp(lambda x, low, high: (x, (low, high)), back)
    return same(x, *(jnp.asarray(b, x.dtype) for b in (low, high)))


def pad(x, axis, before, after):
    """Zeros around the elements of an axis, which counts from the end."""
    widths = [(0, 0)] * x.ndim
    widths[axis] = before, after
    return jnp.pad(x, widths)


def window(x, kernel):
    """What a kernel sees at each place of the last axes, zeros beyond the border."""
    n = len(kernel)
    x = jnp.pad(x, [(0, 0)] * (x.ndim - n) + [(k // 2, k // 2) for k in kernel])
    for k in kernel:
        size = x.shape[-n] - k + 1
        seen = [lax.slice_in_dim(x, i, i + size, axis=-n) for i in range(k)]
        x = jnp.stack(seen, -1)
    return jnp.moveaxis(x, range(-n, 0), range(-2 * n, -n))


def fold(x, kernel):
    """The adjoint of `window`: adds every element to where it was seen."""
    n = len(kernel)
    for j, k in enumerate(kernel):
        size = x.shape[j - n]
        taps = [lax.index_in_dim(x, i, j - 2 * n, keepdims=False) for i in range(k)]
        taps = [pad(tap, j - n, i, k - 1 - i) for i, tap in enumerate(taps)]
        x = lax.slice_in_dim(sum(taps[1:], taps[0]), k // 2, k // 2 + size, axis=j - n)
    return x


def conv(x, kernel):
    """`x` [in, …] and `kernel` [out, in, …] to [out, …]; zeros beyond the border."""
    n = kernel.ndim - 2
    lead, own = x.shape[: x.ndim - n - 1], x.shape[x.ndim - n - 1 :]
    rows = x.reshape(math.prod(lead), *own)
    found = lax.conv_general_dilated(rows, kernel, (1,) * n, "SAME")
    return found.reshape(*lead, *found.shape[1:])


def dropout_mask(rate, times, shape, dtype, key, site):
    """What dropout multiplies by: 1 without a key, else 0 with probability `rate`, or more."""
    if key is None:
        return jnp.ones(times, dtype)
    rate = lax.stop_gradient(jnp.asarray(rate, dtype))
    drawn = jax.random.uniform(jax.random.fold_in(key, site), (*times, *shape), dtype)
    return jnp.where(drawn >= rate, 1.0 / (1.0 - rate), 0.0)


def zoneout_mask(rate, times, shape, dtype, key, site):
    """How much zoneout keeps: `rate` without a key, else 1 with probability `rate`, or 0."""
    rate = lax.stop_gradient(jnp.asarray(rate, dtype))
    if key is None:
        return jnp.broadcast_to(rate, times)
    drawn = jax.random.uniform(jax.random.fold_in(key, site), (*times, *shape), dtype)
    return (drawn < rate).astype(dtype)


def keep(live, new, old):
    """`new` for rows that are within their length, else `old`."""
    return jnp.where(live.reshape(*live.shape, *[1] * (new.ndim - live.ndim)), new, old)


def stream(key, name):
    """The random numbers of one parameter: another parameter changes nothing here."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def uniform(key, shape, dtype, low, high):
    return jax.random.uniform(key, shape, dtype, low, high)


def log_uniform(key, shape, dtype, low, high):
    return jnp.exp(jax.random.uniform(key, shape, dtype, jnp.log(low), jnp.log(high)))


def normal(key, shape, dtype, std):
    return std * jax.random.normal(key, shape, dtype)


def truncated_normal(key, shape, dtype, std):
    return std * jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype)


def scaled_uniform(key, shape, dtype, variance):
    limit = math.sqrt(3.0 * variance)
    return jax.random.uniform(key, shape, dtype, -limit, limit)


def glorot_uniform(key, shape, fan_in, fan_out, dtype):
    return scaled_uniform(key, shape, dtype, 2.0 / (fan_in + fan_out))


def glorot_normal(key, shape, fan_in, fan_out, dtype):
    return normal(key, shape, dtype, math.sqrt(2.0 / (fan_in + fan_out)))


def he_uniform(key, shape, fan_in, fan_out, dtype):
    return scaled_uniform(key, shape, dtype, 2.0 / fan_in)


def he_normal(key, shape, fan_in, fan_out, dtype):
    return normal(key, shape, dtype, math.sqrt(2.0 / fan_in))


def lecun_normal(key, shape, fan_in, fan_out, dtype):
    return normal(key, shape, dtype, math.sqrt(1.0 / fan_in))


def orthogonal(key, shape, dtype, gain):
    """Orthonormal rows or columns, whichever are fewer."""
    rows, columns = shape[0], math.prod(shape[1:])
    precise = jnp.promote_types(dtype, jnp.float32)
    drawn = jax.random.orthogonal(key, rows, (), precise, columns)
    return (gain * drawn.reshape(shape)).astype(dtype)


def identity(shape, dtype, scale):
    """Ones on the diagonal of the last two axes, times `scale`."""
    return scale * jnp.broadcast_to(jnp.eye(shape[-2], shape[-1], dtype=dtype), shape)


def chrono(key, shape, dtype, longest):
    """log u, u uniform over 1 … longest - 1: a forget bias for that span of time."""
    return jnp.log(jax.random.uniform(key, shape, dtype, 1.0, jnp.maximum(longest - 1.0, 1.0)))


def legendre_a(shape, dtype):
    """The matrix of the Legendre delay for a window of 1."""
    n = jnp.arange(shape[0], dtype=dtype)
    row, column = n[:, None], n[None, :]
    sign = jnp.where((row < column) | ((row - column) % 2 == 0), -1.0, 1.0)
    return sign.astype(dtype) * (2.0 * row + 1.0)


def legendre_b(shape, dtype):
    n = jnp.arange(shape[0], dtype=dtype)
    return jnp.where(n % 2 == 0, 1.0, -1.0).astype(dtype) * (2.0 * n + 1.0)
'''

HELPERS = functions_of(TEXT)
