r"""Equations read back.  In: LaTeX, and arrays by symbol.  Out: what NumPy makes of it.

    evaluate(r"x_{t} \, W + b", {"x_{t}": x, "W": w, "b": b})

`\nabla_{W} loss` is the slope of what the equations above make of W, by differences.

Written against the docstring of `celldsl.pictures.latex` alone: nothing is shared with what prints.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from tests.pictures.moved import Line, Moved, slope

Array = Any
WORDS = r"\\operatorname\{[^}]*\}|\\mathbf\{.\}|\\mathrm\{i\}|\\begin\{cases\}|\\end\{cases\}"
REST = r"\\text\{else\}|\\[A-Za-z]+|\\\\|\\[,|]|\d+(?:\.\d+)?|[^\s]"


def evaluate(text: str, values: Mapping[str, Array], lines: Sequence[Line] = ()) -> Array:
    return Reader(tokens_of(text, tuple(values)), values, lines).whole()


@cache
def tokens_of(text: str, symbols: tuple[str, ...]) -> tuple[str, ...]:
    known = "|".join(re.escape(s) for s in sorted(symbols, key=len, reverse=True))
    mathrm = r"\\mathrm\{axis\}"
    return tuple(re.findall(rf"{WORDS}|{mathrm}|{known}|{REST}", text))


class Reader:
    """`lines` stand above; `still` are the values before one was moved."""

    def __init__(
        self,
        tokens: Sequence[str],
        values: Mapping[str, Array],
        lines: Sequence[Line] = (),
        still: Mapping[str, Array] | None = None,
    ) -> None:
        self.tokens, self.values, self.place = tuple(tokens), values, 0
        self.lines, self.still = lines, still

    def at_rest(self, begin: int) -> Array:
        """What stands from `begin` to here, of the values before one was moved."""
        tokens = self.tokens[begin : self.place]
        values = self.values if self.still is None else self.still
        return Reader(tokens, values, self.lines).whole()

    def nabla(self) -> Array:
        self.take("_")
        self.take("{")
        symbol = self.take()
        self.take("}")
        begin = self.place
        self.atom()
        tokens = self.tokens[begin : self.place]
        still = self.values if self.still is None else self.still

        def line(right: str, values: Mapping[str, Array], above: Sequence[Line]) -> Array:
            return Reader(tokens_of(right, tuple(values)), values, above, still).whole()

        def loss(value: Array) -> Array:
            moved = Moved(self.values, symbol, value, self.lines, line)
            return Reader(tokens, moved, self.lines, still).whole()

        return slope(loss, self.values[symbol])

    def whole(self) -> Array:
        found = self.loosest()
        assert self.place == len(self.tokens), self.tokens[self.place :]
        return found

    # ------------------------------------------------------------ tokens

    @property
    def next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        token = self.next
        assert not expected or token in expected, f"{expected}, not {self.tokens[self.place :]}"
        self.place += 1
        return token

    def has(self, *tokens: str) -> bool:
        if self.tokens[self.place : self.place + len(tokens)] != tokens:
            return False
        self.place += len(tokens)
        return True

    # ------------------------------------------------------------ levels

    def chain(self, below: Callable[[], Array], signs: dict[str, Any]) -> Array:
        left = below()
        while self.next in signs:
            sign = self.take()
            left = signs[sign](left, below())
        return left

    def loosest(self) -> Array:
        return self.chain(self.conjunction, {r"\lor": np.logical_or})

    def conjunction(self) -> Array:
        return self.chain(self.negation, {r"\land": np.logical_and})

    def negation(self) -> Array:
        return np.logical_not(self.negation()) if self.has(r"\neg") else self.relation()

    def relation(self) -> Array:
        signs = {"<": np.less, r"\leq": np.less_equal, "=": np.equal, r"\neq": np.not_equal}
        return self.chain(self.total, signs)

    def total(self) -> Array:
        left = -self.product() if self.has("-") else self.product()
        while self.next in ("+", "-"):
            sign = self.take()
            right = self.product()
            left = left + right if sign == "+" else left - right
        return left

    def product(self) -> Array:
        signs = {r"\odot": np.multiply, r"\cdot": np.multiply, r"\bmod": np.mod, "/": np.divide}
        return self.chain(self.matrix, signs)

    def matrix(self) -> Array:
        signs = {r"\,": np.matmul, r"\otimes": np.multiply.outer, r"\ast": convolve}
        return self.chain(self.postfix, signs)

    def postfix(self) -> Array:
        found = self.atom()
        while True:
            if self.has("^", "{", r"\top", "}"):
                found = np.transpose(found)
            elif self.has("^", "{"):
                found = power(found, self.group())
            elif self.has("_", "{", "["):
                found = found[self.items()]
                self.take("}")
            else:
                return found

    def group(self) -> Array:
        found = self.loosest()
        self.take("}")
        return found

    def items(self) -> tuple[Any, ...]:
        """What stands in the brackets of an index."""
        found: list[Any] = []
        while not self.has("]"):
            self.has(",")
            if self.has(":"):
                found.append(slice(None))
                continue
            low = int(np.real(self.total()))
            found.append(slice(low, int(self.total())) if self.has(":") else low)
        return tuple(found)

    # ------------------------------------------------------------ atoms

    def atom(self) -> Array:
        token = self.take()
        if token in self.values and not self._called(token):
            return self.values[token]
        if re.fullmatch(r"[\d.]+", token):
            return float(token)
        match token:
            case r"\infty":
                return math.inf
            case r"\nabla":
                return self.nabla()
            case r"\mathrm{i}":
                return 1j
            case r"\overline":
                self.take("{")
                return np.conj(self.group())
            case "{":
                return self.group()
            case r"\left":
                return self.bracketed()
            case r"\sqrt":
                self.take("{")
                return np.sqrt(self.group())
            case r"\frac":
                self.take("{")
                above = self.group()
                self.take("{")
                return above / self.group()
            case r"\begin{cases}":
                return self.cases()
            case r"\mathbf{0}" | r"\mathbf{1}" | r"\mathbf{I}":
                return self.filled(token[-2])
        return self.call(token)

    def _called(self, token: str) -> bool:
        return token == r"\sigma" and self.next == r"\left"

    def bracketed(self) -> Array:
        opened = self.take()
        found = [self.loosest()]
        while self.has(","):
            found.append(self.loosest())
        self.take(r"\right")
        self.take({r"(": ")", r"\lfloor": r"\rfloor", r"\langle": r"\rangle"}.get(opened, opened))
        match opened:
            case "|":
                return np.abs(found[0])
            case r"\|":
                return np.sqrt(np.sum(np.square(np.abs(found[0])), axis=-1))
            case r"\lfloor":
                return np.floor(found[0])
            case r"\langle":
                return np.dot(*found)
        return found[0]

    def cases(self) -> Array:
        yes = self.loosest()
        self.take("&")
        condition = self.loosest()
        self.take("\\\\")
        no = self.loosest()
        self.take("&")
        self.take(r"\text{else}")
        self.take(r"\end{cases}")
        return np.where(condition, yes, no)

    def filled(self, what: str) -> Array:
        self.take("_")
        self.take("{")
        if what == "I":
            return np.eye(int(self.group()))
        self.take("[")
        shape = self.sizes()
        self.take("}")
        return np.full(shape, float(what))

    def sizes(self) -> tuple[int, ...]:
        found = []
        while not self.has("]"):
            self.has(",")
            found.append(int(self.total()))
        return tuple(found)

    def call(self, name: str) -> Array:
        options: list[Any] = []
        axis = -1
        if self.has("_", "{"):
            if name == r"\operatorname{einsum}":
                options = [self.spec()]
            while not self.has("}"):
                self.has(",")
                if self.has(r"\mathrm{axis}", "="):
                    axis = int(self.take())
                elif self.has("["):
                    options.append(self.sizes())
                else:
                    options.append(self.total())
        self.take(r"\left")
        self.take("(")
        args, rest = [], []
        while not self.has(r"\right", ")"):
            self.has(",")
            begin = self.place
            args.append(self.loosest())
            rest.append(args[-1] if self.still is None else self.at_rest(begin))
        word = re.sub(r"\\operatorname\{(.*)\}|\\", r"\1", name).replace("\\", "")
        if word in OWN_SLOPE and self.still is not None:
            return OWN_SLOPE[word](args, rest)
        return FUNCTIONS[word](*args, axis=axis, options=options)

    def spec(self) -> str:
        text = ""
        while self.next != "}":
            text += self.take()
        return text.replace(r"\to", "->")


def power(a: Array, b: Array) -> Array:
    if np.isscalar(b) and b == 2:
        return np.square(a)
    return np.power(np.asarray(a, dtype=np.result_type(a, float)), b)


def convolve(weight: Array, x: Array) -> Array:
    """In as many groups as the kernels' channels go into those of the operand."""
    groups = len(x) // weight.shape[1]
    parts = zip(np.split(weight, groups), np.split(x, groups), strict=True)
    return np.concatenate([_convolved(kernels, part) for kernels, part in parts])


def _convolved(weight: Array, x: Array) -> Array:
    """Cross-correlation, padded with zeros to the same size."""
    kernel = weight.shape[2:]
    padded = np.pad(x, [(0, 0), *((k // 2, k // 2) for k in kernel)])
    axes = tuple(range(1, x.ndim))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=axes)
    names = "yx"[: len(kernel)], "ab"[: len(kernel)]
    return np.einsum(f"c{names[0]}{names[1]},oc{names[1]}->o{names[0]}", windows, weight)


def _plain(function: Any) -> Any:
    return lambda *args, axis, options: function(*args)


def _along(function: Any) -> Any:
    return lambda v, axis, options: function(v, axis=axis)


def _extreme(two: Any, along: Any) -> Any:
    def found(*args: Array, axis: int, options: list[Any]) -> Array:
        return two(*args) if len(args) == 2 else along(args[0], axis=axis)

    return found


def _softmax(v: Array, axis: int) -> Array:
    top = np.max(v, axis=axis, keepdims=True)
    e = np.exp(v - np.where(np.isfinite(top), top, 0))
    total = e.sum(axis=axis, keepdims=True)
    return e / np.where(total == 0, 1, total)


def _normalised(centre: bool) -> Any:
    def found(v: Array, axis: int, options: list[Any]) -> Array:
        v = v - v.mean(axis=axis, keepdims=True) if centre else v
        return v / np.sqrt((v * v).mean(axis=axis, keepdims=True) + options[0])

    return found


def _split(v: Array, axis: int, options: list[Any]) -> Array:
    (parts,) = options
    places = np.cumsum(parts)[:-1] if isinstance(parts, tuple) else int(parts)
    return tuple(np.split(v, places, axis=axis))


def _roll(v: Array, axis: int, options: list[Any]) -> Array:
    return np.roll(v, int(options[0]), axis=axis)


def _elu(v: Array) -> Array:
    return np.where(v > 0, v, np.expm1(np.minimum(v, 0)))


# What a change of arguments, from those at rest, makes of the value.
OWN_SLOPE: dict[str, Callable[[list[Array], list[Array]], Array]] = {
    "sg": lambda now, rest: rest[0],
    "surrogate": lambda now, rest: rest[0] + now[1] - rest[1],
    "scale_gradient": lambda now, rest: rest[0] + rest[1] * (now[0] - rest[0]),
}
FUNCTIONS: dict[str, Any] = {
    "sigma": _plain(lambda v: 1 / (1 + np.exp(-np.asarray(v)))),
    **{f: _plain(getattr(np, f)) for f in ("tanh", "exp", "log", "sin", "cos", "tan", "arctan",
       "log1p", "expm1", "sign")},
    "erf": _plain(np.vectorize(math.erf)),
    "round": _plain(np.rint),
    "step": _plain(lambda v: np.where(v > 0, 1.0, 0.0)),
    "relu": _plain(lambda v: np.maximum(v, 0)),
    "clip": _plain(lambda v, lo, hi: np.minimum(np.maximum(v, lo), hi)),
    "softplus": _plain(lambda v: np.logaddexp(0, v)),
    "silu": _plain(lambda v: v / (1 + np.exp(-v))),
    "elu": _plain(_elu),
    "selu": _plain(lambda v: 1.0507009873554805 * np.where(
        v > 0, v, 1.6732632423543772 * np.expm1(np.minimum(v, 0)))),
    "gelu": _plain(lambda v: 0.5 * v * (1 + np.vectorize(math.erf)(v / math.sqrt(2)))),
    "logsigmoid": _plain(lambda v: -np.logaddexp(0, -v)),
    "hard_sigmoid": _plain(lambda v: np.clip(v / 6 + 0.5, 0, 1)),
    "hard_tanh": _plain(lambda v: np.clip(v, -1, 1)),
    "softsign": _plain(lambda v: v / (1 + np.abs(v))),
    "rsqrt": _plain(lambda v: 1 / np.sqrt(v)),
    "sg": _plain(lambda v: v),
    "surrogate": _plain(lambda v, path: v),
    "clip_gradient": _plain(lambda v, low, high: v),
    "scale_gradient": _plain(lambda v, factor: v),
    "max": _extreme(np.maximum, np.max),
    "min": _extreme(np.minimum, np.min),
    "sum": _along(np.sum),
    "mean": _along(np.mean),
    "cumsum": _along(np.cumsum),
    "cumprod": _along(np.cumprod),
    "softmax": _along(_softmax),
    "logsumexp": _along(lambda v, axis: np.logaddexp.reduce(v, axis=axis)),
    "norm": _along(lambda v, axis: np.sqrt(np.sum(np.abs(v) ** 2, axis=axis))),
    "Re": _plain(np.real),
    "Im": _plain(np.imag),
    "LN": _normalised(True),
    "RMS": _normalised(False),
    "split": _split,
    "roll": _roll,
    "stack": lambda *args, axis, options: np.stack(args),
    "concat": lambda *args, axis, options: np.concatenate(args, axis=axis),
    "reshape": lambda v, axis, options: np.reshape(v, options[0]),
    "transpose": lambda v, axis, options: np.transpose(v, options[0]),
    "one_hot": lambda k, axis, options: np.eye(int(options[0]))[int(k)],
    "expand": lambda v, axis, options: np.expand_dims(v, int(options[0])),
    "einsum": lambda a, b, axis, options: np.einsum(options[0], a, b),
    "arange": _plain(lambda n: np.arange(int(n), dtype=float)),
}  # fmt: skip
