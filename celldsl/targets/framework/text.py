"""Expressions of array code.  In: code, and how tightly it binds.  Out: larger expressions.

    a.at(PRODUCT)      `a` with parentheses where it would not stand beside `*`

A value of a Program is written without what only stretches it: NumPy's broadcasting does that.  So
a `Text` says which axes it really has, and `whole` gives it all that it has in the Program.  Sizes
are integer expressions, read where arrays tell them:

    size_code(2*H + I, {"H": "H", "I": "I"})                 "2*H + I"
    dim_sources(("H",), [Axis("b.shape[0]", 2*H)], names)    {"H": "b.shape[0] // 2"}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Protocol

from celldsl.ir.ops.element import Element
from celldsl.ir.program import Node, Type
from celldsl.ir.size import Shape, Size
from celldsl.structs import record, replace
from celldsl.targets.framework.dialect import Dialect

ONE = Size.of(1)
# How tightly Python's operators bind, from the loosest on.
ANY, COMPARE, OR, AND, SUM, PRODUCT, UNARY, POWER, ATOM = range(9)
# Whether a value has the axes of a batch before its own; a mask has them while training alone.
NEVER, PERHAPS, ALWAYS = range(3)


@record
class Text(Element):
    """An expression.

    shape    its own axes, 1 where it has still to be stretched; None where it has none and goes
             with any: a number, or an array without axes
    leads    whether it has the axes of the batch before its own: NEVER, PERHAPS or ALWAYS
    number   whether it is a number of Python, not an array
    """

    code: str
    binds: int = ATOM
    shape: Shape | None = None
    leads: int = NEVER
    number: bool = False

    def at(self, level: int) -> str:
        """The code, in parentheses where it binds less tightly than `level`."""
        return self.code if self.binds >= level else f"({self.code})"

    def named(self, name: str) -> Text:
        """The same value under a name."""
        return replace(self, code=name, binds=ATOM)


class Enclosing(Protocol):
    """The function around an expression: it notes which names it needs."""

    dialect: Dialect
    types: dict[str, Type]

    def size(self, size: Size) -> str: ...

    def like(self) -> str: ...

    def read(self, value: str) -> Text: ...

    def inlined(self, value: str) -> Node | None:
        """The node of a value that is written where it is read, at no other place."""


def stretched(texts: list[Text]) -> Shape | None:
    """The axes that an elementwise operation of these has."""
    shapes = [text.shape for text in texts if text.shape is not None]
    if not shapes:
        return None
    return tuple(next((s for s in axes if s != ONE), ONE) for axes in zip(*shapes, strict=True))


def tuple_code(parts: list[str]) -> str:
    """`(a,)`, `(a, b)`."""
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def whole(arg: Text, kind: Type, at: Enclosing) -> Text:
    """A value with all axes that it has in the Program."""
    if arg.shape == kind.shape:
        return arg
    sizes = [at.size(size) for size in kind.shape]
    if not kind.shape:
        return as_array(arg, at) if arg.number else replace(arg, shape=())
    if arg.number:
        code = at.dialect.full.format(arg.at(ANY), shape=tuple_code(sizes), like=at.like())
    elif arg.shape is None:
        code = at.dialect.stretch.format(arg.at(ANY), atom=arg.at(ATOM), shape=tuple_code(sizes))
    else:
        code = f"stretch({', '.join([arg.at(ANY), *sizes])})"
    return Text(code, ATOM, kind.shape, arg.leads)


def as_array(number: Text, at: Enclosing) -> Text:
    """A number of Python as an array without axes."""
    code = at.dialect.scalar.format(number.at(ANY), like=at.like())
    return Text(code, ATOM, number.shape)


@record
class Axis:
    """An axis of an array: what its length is called in code, and which size it is."""

    code: str
    size: Size


def size_code(size: Size, names: Mapping[str, str]) -> str:
    """A size with spaces around what is multiplied, as people write it."""
    return size.code(names.__getitem__).replace("*", " * ")


def is_simple(code: str) -> bool:
    """Whether the code is a name or a number, which stands beside any operator."""
    return re.fullmatch(r"\w+", code) is not None


def factor_code(size: Size, names: Mapping[str, str]) -> str:
    code = size_code(size, names)
    return code if is_simple(code) else f"({code})"


def dim_sources(
    dims: Iterable[str], axes: Iterable[Axis], names: Mapping[str, str]
) -> dict[str, str]:
    """For each dim that some axis tells, how to get it; in an order in which each can be taken.

    An axis that is the dim itself is preferred, then one of which the dim is a part.
    """
    axes = list(axes)
    found: dict[str, str] = {}
    wanted = list(dims)
    for dim in wanted:
        plain = next((a for a in axes if a.size == Size.dim(dim)), None)
        if plain is not None:
            found[dim] = plain.code
    changed = True
    while changed:
        changed = False
        for dim in wanted:
            source = None if dim in found else _solved(dim, axes, found, names)
            if source is not None:
                found[dim], changed = source, True
    return found


def _solved(
    dim: str, axes: list[Axis], known: Mapping[str, str], names: Mapping[str, str]
) -> str | None:
    """The dim from an axis that is `factor * dim + rest`, both of dims that are known."""
    for axis in axes:
        factor, rest = _linear(axis.size, dim)
        if factor is None or not (factor.dims | rest.dims) <= known.keys():
            continue
        code = axis.code
        if rest != Size.of(0):
            code = f"({code} - {factor_code(rest, names)})"
        return code if factor == Size.of(1) else f"{code} // {factor_code(factor, names)}"
    return None


def _linear(size: Size, dim: str) -> tuple[Size | None, Size]:
    """(factor, rest) where `size` is `factor * dim + rest`; None where it is not linear."""
    factor, rest = Size.of(0), Size.of(0)
    for monomial, coefficient in size.terms:
        power = dict(monomial).get(dim, 0)
        if power == 0:
            rest = rest + Size(((monomial, coefficient),))
        elif power == 1:
            others = tuple((name, p) for name, p in monomial if name != dim)
            factor = factor + Size(((others, coefficient),))
        else:
            return None, rest
    if factor == Size.of(0) or not (factor.integral and rest.integral):
        return None, rest
    return factor, rest
