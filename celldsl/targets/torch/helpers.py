"""Functions that a generated file may carry.  In: nothing.  Out: their texts by name."""

from __future__ import annotations

from celldsl.targets.framework.dialect import functions_of

TEXT = '''
def expect(label, x, shape):
    """Raises where `x` is no array of real numbers of this shape."""
    if not x.is_floating_point():
        raise TypeError(f"{label}: expected real numbers, got {x.dtype}")
    if tuple(x.shape) != tuple(shape):
        raise ValueError(f"{label}: expected shape {tuple(shape)}, got {tuple(x.shape)}")


def flags(label, x, shape):
    """Raises where `x` is no array of booleans of this shape."""
    if not isinstance(x, torch.Tensor) or x.dtype != torch.bool:
        found = getattr(x, "dtype", type(x).__name__)
        raise TypeError(f"{label}: expected a tensor of booleans {tuple(shape)}, got {found}")
    if tuple(x.shape) != tuple(shape):
        raise ValueError(f"{label}: expected shape {tuple(shape)}, got {tuple(x.shape)}")


def integers(label, x, shape, limit):
    """Raises where `x` is no array of integers of this shape, from 0 to `limit` - 1.

    Under `torch.compile` and `torch.vmap` the numbers cannot be looked at.
    """
    if x.dtype not in (torch.int64, torch.int32):
        raise TypeError(f"{label}: expected integers, int64 or int32, got {x.dtype}")
    if tuple(x.shape) != tuple(shape):
        raise ValueError(f"{label}: expected shape {tuple(shape)}, got {tuple(x.shape)}")
    if not x.numel() or x.is_meta or torch.compiler.is_compiling():
        return
    if not torch._C._functorch.is_batchedtensor(x) and not 0 <= x.min() <= x.max() < limit:
        place = ((x < 0) | (x >= limit)).nonzero()[0].tolist()
        raise ValueError(f"{label}: expected 0 to {limit - 1}, but {place} is {x[tuple(place)]}")


def within(lengths, times, lead, device):
    """(T, …): whether each step is within the length of its sequence."""
    lengths = torch.as_tensor(lengths, device=device)
    if tuple(lengths.shape) != tuple(lead):
        raise ValueError(f"lengths: expected shape {tuple(lead)}, got {tuple(lengths.shape)}")
    if lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise TypeError(f"lengths: expected integers, got {lengths.dtype}")
    return torch.arange(*times, device=device).reshape(-1, *[1] * lengths.ndim) < lengths


def reshape(x, axes, *sizes):
    """`x` with other sizes instead of its last `axes` axes."""
    return x.reshape(*x.shape[: x.ndim - axes], *sizes)


def stretch(x, *sizes):
    """`x` with its last axes stretched to `sizes`."""
    return x.expand(*x.shape[: max(x.ndim - len(sizes), 0)], *sizes)


def transpose(x, axes):
    """`x` with its last axes in another order."""
    return x.permute(*range(x.ndim - len(axes)), *(x.ndim + axis for axis in axes))


def concat_rows(parts, axis, rank):
    """`parts` side by side, where only some have the axes of a batch before their last `rank`."""
    lead = torch.broadcast_shapes(*(part.shape[: part.ndim - rank] for part in parts))
    full = [part.expand(*lead, *part.shape[part.ndim - rank :]) for part in parts]
    return torch.cat(full, axis)


def pick(x, k, rank):
    """The elements of the first of the last `rank` axes that integers say, one for each row."""
    lead = torch.broadcast_shapes(x.shape[: x.ndim - rank], k.shape)
    x = x.expand(*lead, *x.shape[x.ndim - rank :])
    own = x.shape[x.ndim - rank + 1 :]
    k = k.expand(lead).long().reshape(*lead, 1, *[1] * len(own)).expand(*lead, 1, *own)
    return x.gather(-rank, k).squeeze(-rank)


def place(x, k, rank, n):
    """Zeros but for `x` where integers say so on a new first axis of `n`."""
    here = torch.arange(n, device=k.device) == k[..., None]
    return torch.where(here.reshape(*here.shape, *[1] * rank), x.unsqueeze(-rank - 1), 0.0)


def reduced(combine, start, x, axis):
    """`combine(total, element)` along an axis, which is dropped."""
    total = torch.full_like(x.select(axis, 0), start)
    for element in x.unbind(axis):
        total = combine(total, element)
    return total


def scanned(combine, start, x, axis):
    """The totals of `reduced` after each element."""
    found = [torch.full_like(x.select(axis, 0), start)]
    for element in x.unbind(axis):
        found.append(combine(found[-1], element))
    return torch.stack(found[1:], axis)


def clip(x, low, high):
    """`x` between `low` and `high`; at the bounds the gradient goes to `x`."""
    return torch.where(x < low, low, torch.where(high < x, high, x))


def above_zero(x):
    """1 where `x` > 0, else 0; without a gradient."""
    return (x > 0).to(x.dtype)


def power(a, b):
    """`a ** b`; `b` has a gradient where `a` > 0 alone."""
    positive = a > 0
    above = torch.where(positive, a, 1.0) ** b
    return torch.where(positive, above, torch.where(positive, 1.0, a) ** b.detach())


def modulus(a, b):
    """The root of a² + b², also where those are infinite; its gradient at 0 is 0."""
    empty = (a == 0) & (b == 0)
    return torch.where(empty, 0.0, torch.hypot(torch.where(empty, 1.0, a), b))


def surrogate(value, path):
    """The value of the first, the gradient of the second."""
    finite = torch.where(torch.isfinite(path), path, 0.0)
    return value.detach() + (finite - finite.detach())


def scale_gradient(x, a):
    """`x`, whose gradient is `a` times as large."""
    return surrogate(x, x * (a.detach() if isinstance(a, torch.Tensor) else a))


def bfloat16(x):
    """`x` rounded to bfloat16, a half to the even one, without denormals; its gradient passes."""
    single = x.detach().float()
    bits = single.view(torch.int32)
    nearest = bits + 0x7FFF + ((bits >> 16) & 1) & -0x10000
    rounded = nearest.view(torch.float32)
    rounded = torch.where(torch.isnan(single), single, rounded)
    rounded = torch.where(single.abs() < 2.0**-126, 0.0 * single, rounded)
    return surrogate(rounded.to(x.dtype), x)


class RoundedGradient(torch.autograd.Function):
    """A value whose gradient is rounded to bfloat16."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, d):
        return bfloat16(d)

    @staticmethod
    def jvp(ctx, t):
        return t.view_as(t)


def round_gradient(x):
    """`x`, whose gradient is rounded to bfloat16."""
    return RoundedGradient.apply(x)


class ClippedGradient(torch.autograd.Function):
    """A value whose gradient is kept between two bounds."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, low, high):
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx, d):
        return clip(d, *ctx.saved_tensors), None, None


def clip_gradient(x, low, high):
    """`x`, whose gradient is kept between `low` and `high`."""
    bounds = (torch.as_tensor(b, dtype=x.dtype, device=x.device) for b in (low, high))
    return ClippedGradient.apply(x, *bounds)


def pad(x, axis, before, after):
    """Zeros around the elements of an axis, which counts from the end."""
    return F.pad(x, [0, 0] * (-1 - axis) + [before, after])


def window(x, kernel):
    """What a kernel sees at each place of the last axes, zeros beyond the border."""
    n = len(kernel)
    found = F.pad(x, [side for k in reversed(kernel) for side in (k // 2, k // 2)])
    for k in kernel:
        found = found.unfold(-n, k, 1)
    return found.movedim(tuple(range(-n, 0)), tuple(range(-2 * n, -n)))


def fold(x, kernel):
    """The adjoint of `window`: adds every element to where it was seen."""
    n = len(kernel)
    for j, k in enumerate(kernel):
        size = x.shape[j - n]
        taps = [pad(tap, j - n, i, k - 1 - i) for i, tap in enumerate(x.unbind(j - 2 * n))]
        x = sum(taps[1:], taps[0]).narrow(j - n, k // 2, size)
    return x


def conv(x, kernel):
    """`x` [in, …] and `kernel` [out, in, …] to [out, …]; zeros beyond the border."""
    n = kernel.ndim - 2
    lead, own = x.shape[: x.ndim - n - 1], x.shape[x.ndim - n - 1 :]
    function = {1: F.conv1d, 2: F.conv2d}[n]
    found = function(
        x.reshape(math.prod(lead), *own), kernel, padding=[k // 2 for k in kernel.shape[2:]]
    )
    return found.reshape(*lead, *found.shape[1:])


def dropout_mask(rate, times, shape, like, training):
    """What dropout multiplies by: 1 outside training, else 0 with probability `rate`, or more."""
    if not training:
        return like.new_ones(times)
    rate = torch.as_tensor(rate, dtype=like.dtype, device=like.device).detach()
    kept = torch.rand((*times, *shape), dtype=like.dtype, device=like.device) >= rate
    return torch.where(kept, 1.0 / (1.0 - rate), 0.0)


def zoneout_mask(rate, times, shape, like, training):
    """How much zoneout keeps: `rate` outside training, else 1 with probability `rate`, or 0."""
    rate = torch.as_tensor(rate, dtype=like.dtype, device=like.device).detach()
    if not training:
        return rate.expand(times)
    kept = torch.rand((*times, *shape), dtype=like.dtype, device=like.device) < rate
    return kept.to(like.dtype)


def keep(live, new, old):
    """`new` for rows that are within their length, else `old`."""
    return torch.where(live.reshape(*live.shape, *[1] * (new.ndim - live.ndim)), new, old)


def uniform(shape, like, low, high):
    return low + (high - low) * like.new_empty(shape).uniform_()


def log_uniform(shape, like, low, high):
    low, high = (torch.as_tensor(each, dtype=like.dtype).log() for each in (low, high))
    return uniform(shape, like, low, high).exp()


def normal(shape, like, std):
    return std * like.new_empty(shape).normal_()


def truncated_normal(shape, like, std):
    return std * nn.init.trunc_normal_(like.new_empty(shape))


def scaled_uniform(shape, like, variance):
    limit = math.sqrt(3.0 * variance)
    return like.new_empty(shape).uniform_(-limit, limit)


def glorot_uniform(shape, fan_in, fan_out, like):
    return scaled_uniform(shape, like, 2.0 / (fan_in + fan_out))


def glorot_normal(shape, fan_in, fan_out, like):
    return normal(shape, like, math.sqrt(2.0 / (fan_in + fan_out)))


def he_uniform(shape, fan_in, fan_out, like):
    return scaled_uniform(shape, like, 2.0 / fan_in)


def he_normal(shape, fan_in, fan_out, like):
    return normal(shape, like, math.sqrt(2.0 / fan_in))


def lecun_normal(shape, fan_in, fan_out, like):
    return normal(shape, like, math.sqrt(1.0 / fan_in))


def orthogonal(shape, like, gain):
    """Orthonormal rows or columns, whichever are fewer."""
    precise = torch.promote_types(like.dtype, torch.float32)
    drawn = nn.init.orthogonal_(torch.empty(shape, dtype=precise, device=like.device))
    return (gain * drawn).to(like.dtype)


def identity(shape, like, scale):
    """Ones on the diagonal of the last two axes, times `scale`."""
    eye = torch.eye(shape[-2], shape[-1], dtype=like.dtype, device=like.device)
    return scale * eye.expand(shape)


def chrono(shape, like, longest):
    """log u, u uniform over 1 … longest - 1: a forget bias for that span of time."""
    longest = torch.as_tensor(longest, dtype=like.dtype)
    return uniform(shape, like, 1.0, torch.clamp(longest - 1.0, min=1.0)).log()


def legendre_a(shape, like):
    """The matrix of the Legendre delay for a window of 1."""
    n = torch.arange(shape[0], dtype=like.dtype, device=like.device)
    row, column = n[:, None], n[None, :]
    sign = torch.where((row < column) | ((row - column) % 2 == 0), -1.0, 1.0)
    return sign.to(like.dtype) * (2.0 * row + 1.0)


def legendre_b(shape, like):
    n = torch.arange(shape[0], dtype=like.dtype, device=like.device)
    return torch.where(n % 2 == 0, 1.0, -1.0).to(like.dtype) * (2.0 * n + 1.0)
'''

HELPERS = functions_of(TEXT)
