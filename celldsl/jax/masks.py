"""The masks that kernels draw, in JAX's own operations.  In: two words of a key.  Out: masks.

    words = words_of_key(jax.random.key(0))         # (2,), the lower half first
    masks = draw_masks(module, params, settings, words, times=(T,), batch=B, …)

A number of a mask is a hash of the key, the call site, the step, the sequence and the place in the
mask, as `celldsl/jit/functions.py` has it.  So both forms of a cell draw the same, on any device.
Numbers of 64 bits are pairs of halves here, the upper first.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from celldsl.runtime.cell.initial import hash_key

Pair: TypeAlias = "tuple[Any, Any]"
_ODD, _ONE, _TWO = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_UNIT = 1.0 / (1 << 24)
_UPPER_KEY = (1 << 21) - 1  # with 32 bits below as much as kernels take of a key


def words_of_key(key: Any) -> Any:
    """Two words of a key of `jax.random`, of either kind."""
    return jax.random.bits(key, (2,), jnp.uint32)


def words_of_seed(seed: int) -> Any:
    """Those for which `cell.forward(seed=…)` draws the same masks."""
    found = hash_key(f"given:{seed}")
    return jnp.asarray([found & 0xFFFFFFFF, found >> 32], jnp.uint32)


class BatchSize(int):
    """How many sequences there are, told apart from other sizes that are as large."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What numbers depend on besides the call site, the shape and the place in it.

    `steps` (T, B) or (T, 1) says the number of each step in the order of processing, `sequences`
    (B,) whose masks a sequence has.
    """

    words: Any
    steps: Any
    sequences: Any


def steps_done(steps: int, reverse: bool, lengths: Any) -> Any:
    """(T, B) or (T, 1): how many steps are done before each, in the order of processing."""
    times = jnp.arange(steps)[:, None]
    if not reverse:
        return times
    return (steps if lengths is None else lengths) - 1 - times


def draw_masks(
    module: ModuleType, params: Mapping[str, Any], given: Mapping[str, Any], draw: Draw, dtype: Any
) -> Any:
    """The masks that `module.forward` takes; `given` has its settings and constants."""
    steps, batch = draw.steps.shape[0], draw.sequences.shape[0]
    known = {
        **given,
        "params": params,
        "dtype": dtype,
        "times": (steps,),
        "lead": (BatchSize(batch),),
        "key": draw,
    }
    wanted = inspect.signature(module.draw_masks).parameters
    return module.draw_masks(**{name: known[name] for name in wanted})


Drawn: TypeAlias = "Draw | None"


def dropout_mask(rate: Any, times: Any, shape: Any, dtype: Any, key: Drawn, site: int) -> Any:
    """As the module's, with the numbers of kernels."""
    if key is None:
        return jnp.ones(times, dtype)
    rate = jax.lax.stop_gradient(jnp.asarray(rate, dtype))
    rate = jnp.where((rate >= 0.0) & (rate < 1.0), rate, jnp.nan)
    drawn = uniform(times, shape, dtype, key, site)
    return jnp.where(drawn < rate, 0.0, 1.0 / (1.0 - rate))


def zoneout_mask(rate: Any, times: Any, shape: Any, dtype: Any, key: Drawn, site: int) -> Any:
    rate = jax.lax.stop_gradient(jnp.asarray(rate, dtype))
    rate = jnp.where((rate >= 0.0) & (rate <= 1.0), rate, jnp.nan)
    if key is None:
        return jnp.broadcast_to(rate, times)
    mask = (uniform(times, shape, dtype, key, site) < rate).astype(dtype)
    return jnp.where(jnp.isnan(rate), rate, mask)


def uniform(times: Any, shape: Any, dtype: Any, draw: Draw, site: int) -> Any:
    """Numbers in [0, 1) of the shape (*times, *shape)."""
    batched = bool(shape) and isinstance(shape[0], BatchSize)
    own = shape[1:] if batched else shape
    key: Pair = (draw.words[1] & jnp.uint32(_UPPER_KEY), draw.words[0])
    key = _mix(key, _pair(jnp.asarray(site)))
    lead = (*times, *shape[:1]) if batched else tuple(times)
    step = jnp.broadcast_to(draw.steps, lead) if times and batched else jnp.full(lead, -1)
    row = jnp.broadcast_to(draw.sequences, lead) if batched else jnp.full(lead, -1)
    key = _mix(_mix(key, _pair(step)), _pair(row))
    places = jnp.arange(int(np.prod(own))).reshape(own)
    wide = tuple(half.reshape(*lead, *[1] * len(own)) for half in key)
    upper, _ = _mix((wide[0], wide[1]), _pair(places))
    return (upper >> jnp.uint32(8)).astype(dtype) * jnp.asarray(_UNIT, dtype)


def _pair(number: Any) -> Pair:
    """A whole number, -1 or more."""
    lower = number.astype(jnp.int32)
    upper = jnp.where(lower < 0, jnp.uint32(0xFFFFFFFF), jnp.uint32(0))
    return upper, jax.lax.bitcast_convert_type(lower, jnp.uint32)


def _halves(number: int) -> Pair:
    return jnp.uint32(number >> 32), jnp.uint32(number & 0xFFFFFFFF)


def _mix(key: Pair, value: Pair) -> Pair:
    """One more number hashed into a key (the finaliser of splitmix64)."""
    z = _sum((key[0] ^ value[0], key[1] ^ value[1]), _halves(_ODD))
    z = _product(_shifted_xor(z, 30), _ONE)
    z = _product(_shifted_xor(z, 27), _TWO)
    return _shifted_xor(z, 31)


def _shifted_xor(a: Pair, by: int) -> Pair:
    upper, lower = a
    shifted = (lower >> jnp.uint32(by)) | (upper << jnp.uint32(32 - by))
    return upper ^ (upper >> jnp.uint32(by)), lower ^ shifted


def _sum(a: Pair, b: Pair) -> Pair:
    lower = a[1] + b[1]
    return a[0] + b[0] + (lower < a[1]).astype(jnp.uint32), lower


def _product(a: Pair, number: int) -> Pair:
    """a * number, of which 64 bits are kept."""
    upper, lower = _halves(number)
    carried, found = _wide(a[1], lower)
    return carried + a[0] * lower + a[1] * upper, found


def _wide(a: Any, b: Any) -> Pair:
    """The product of two halves, by quarters."""
    low, by = jnp.uint32(0xFFFF), jnp.uint32(16)
    a0, a1, b0, b1 = a & low, a >> by, b & low, b >> by
    first = a0 * b0
    second = a1 * b0 + (first >> by)
    third = a0 * b1 + (second & low)
    return a1 * b1 + (second >> by) + (third >> by), (third << by) | (first & low)
