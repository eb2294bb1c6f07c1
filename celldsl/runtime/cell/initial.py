"""How parameters begin.  In: a seed.  Out: `draw`, which makes an initial array in float64.

    draw = drawing(seed=0)
    draw("glorot_uniform", "r_u.W_x", (28, 256), 28, 256)

Every parameter draws from the seed and its own name, so that adding one parameter changes no
other.  Values are drawn in float64 whatever the cell's dtype, and cast afterwards.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import numpy as np

from celldsl.runtime.arrays.validation import Values

Shape = tuple[int, ...]
Draw = Callable[..., Values]
Random = np.random.Generator


def drawing(seed: int) -> Draw:
    """`draw(initialiser, param, shape, fan_in, fan_out, *arguments)` for one seed.

    Two draws for one parameter (`uniform(0, 1) * normal(1)`) go on in its stream.
    """
    streams: dict[str, np.random.Generator] = {}

    def draw(
        initialiser: str, param: str, shape: Shape, fan_in: int, fan_out: int, *arguments: float
    ) -> Values:
        random = streams.setdefault(param, random_stream(seed, param))
        given = [float(argument) for argument in arguments]
        return INITIALISERS[initialiser](random, tuple(shape), fan_in, fan_out, *given)

    return draw


def random_stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one name: the same on every machine and in every process."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def hash_key(text: str) -> int:
    """A whole number below 2**53 for a text: the same everywhere."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 11


def _uniform(
    r: Random, shape: Shape, i: int, o: int, low: float = 0.0, high: float = 1.0
) -> Values:
    return np.asarray(r.uniform(low, high, shape))


def _log_uniform(r: Random, shape: Shape, i: int, o: int, low: float, high: float) -> Values:
    return np.asarray(np.exp(r.uniform(math.log(low), math.log(high), shape)))


def _normal(r: Random, shape: Shape, i: int, o: int, std: float = 1.0) -> Values:
    return np.asarray(r.normal(0.0, std, shape))


def _truncated_normal(r: Random, shape: Shape, i: int, o: int, std: float = 1.0) -> Values:
    """Normal, with what lies beyond two deviations drawn again."""
    found = np.array(r.normal(0.0, 1.0, shape), ndmin=1)
    far = np.abs(found) > 2.0
    while far.any():
        found[far] = r.normal(0.0, 1.0, int(far.sum()))
        far = np.abs(found) > 2.0
    return std * found.reshape(shape)


def _scaled_uniform(r: Random, shape: Shape, variance: float) -> Values:
    limit = math.sqrt(3.0 * variance)
    return np.asarray(r.uniform(-limit, limit, shape))


def _scaled_normal(r: Random, shape: Shape, variance: float) -> Values:
    return np.asarray(r.normal(0.0, math.sqrt(variance), shape))


def _orthogonal(r: Random, shape: Shape, i: int, o: int, gain: float = 1.0) -> Values:
    """Orthonormal rows or columns, whichever are fewer; one matrix for each group of blocks."""
    if len(shape) == 3 and (i, o) == shape[1:]:
        return np.stack([_orthogonal(r, shape[1:], i, o, gain) for _ in range(shape[0])])
    rows = shape[0] if shape else 1
    columns = math.prod(shape[1:])
    tall = r.normal(size=(max(rows, columns), min(rows, columns)))
    q, triangle = np.linalg.qr(tall)
    # Without the signs the distribution would not be uniform over orthogonal matrices.
    q *= np.where(np.diagonal(triangle) < 0, -1.0, 1.0)
    return gain * (q if rows >= columns else q.T).reshape(shape)


def _identity(r: Random, shape: Shape, i: int, o: int, scale: float = 1.0) -> Values:
    """Ones on the diagonal of the last two axes, times `scale`."""
    return np.asarray(scale) * np.broadcast_to(np.eye(shape[-2], shape[-1]), shape)


def _chrono(r: Random, shape: Shape, i: int, o: int, longest: float) -> Values:
    """log u, u uniform over 1 … longest - 1: a forget bias for that span of time."""
    return np.asarray(np.log(r.uniform(1.0, max(longest - 1.0, 1.0), shape)))


def _legendre_a(r: Random, shape: Shape, i: int, o: int) -> Values:
    """The matrix of the Legendre delay for a window of 1 (the `A` of an LMU)."""
    n = np.arange(shape[0])
    row, column = n[:, None], n[None, :]
    sign = np.where(row < column, -1.0, np.where((row - column) % 2 == 0, -1.0, 1.0))
    return np.asarray(sign * (2.0 * row + 1.0))


def _legendre_b(r: Random, shape: Shape, i: int, o: int) -> Values:
    n = np.arange(shape[0])
    return np.asarray(np.where(n % 2 == 0, 1.0, -1.0) * (2.0 * n + 1.0))


INITIALISERS: dict[str, Draw] = {
    "zeros": lambda r, shape, i, o: np.zeros(shape),
    "ones": lambda r, shape, i, o: np.ones(shape),
    "constant": lambda r, shape, i, o, value: np.full(shape, value),
    "uniform": _uniform,
    "log_uniform": _log_uniform,
    "normal": _normal,
    "truncated_normal": _truncated_normal,
    "glorot_uniform": lambda r, shape, i, o: _scaled_uniform(r, shape, 2.0 / (i + o)),
    "glorot_normal": lambda r, shape, i, o: _scaled_normal(r, shape, 2.0 / (i + o)),
    "he_uniform": lambda r, shape, i, o: _scaled_uniform(r, shape, 2.0 / i),
    "he_normal": lambda r, shape, i, o: _scaled_normal(r, shape, 2.0 / i),
    "lecun_normal": lambda r, shape, i, o: _scaled_normal(r, shape, 1.0 / i),
    "orthogonal": _orthogonal,
    "identity": _identity,
    "chrono": _chrono,
    "eye": lambda r, shape, i, o, n: np.eye(int(n)),
    "arange": lambda r, shape, i, o, n: np.arange(int(n), dtype=np.float64),
    "legendre_a": _legendre_a,
    "legendre_b": _legendre_b,
}
