"""How an operand meets its block.  In: an operand and widths.  Out: its shape and product."""

from __future__ import annotations

from collections.abc import Callable

from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape, Size, product, shape_text
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics import wording
from celldsl.semantics.builtins.function import divided
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Tensor
from celldsl.structs import record
from celldsl.syntax import ast

LEADING = "abcdef"
text = shape_text


@record
class Block:
    """`multiply` takes the operand and the block's parameter."""

    operand: str
    shape: Shape
    fan_in: Size
    fan_out: Size
    multiply: Callable[[str, str], str]


def _vector(f: Environment, v: Tensor) -> tuple[str, Shape]:
    """A scalar operand counts as one element."""
    if v.shape:
        return v.name, v.shape
    shape = (Size.of(1),)
    return f.context.op("reshape", v.name, shape=shape), shape


def dense(f: Environment, v: Tensor, width: Size) -> Block:
    """`v @ W` over the last axis."""
    operand, shape = _vector(f, v)
    lead = LEADING[: len(shape) - 1]
    spec = f"{lead}i,ij->{lead}j"
    return Block(
        operand,
        (shape[-1], width),
        shape[-1],
        width,
        lambda value, weight: f.context.op("einsum", value, weight, spec=spec),
    )


def grouped(
    f: Environment, v: Tensor, width: Size, groups: Size, written: ast.Expr, width_of: ast.Expr
) -> Block | None:
    """Every group of contiguous elements by a block of its own."""
    operand, shape = _vector(f, v)
    share = divided(f, shape[-1], groups, written, "a group of the operand")
    part = divided(f, width, groups, width_of, "a group of the result")
    if share is None or part is None:
        return None
    lead, leading = LEADING[: len(shape) - 1], shape[:-1]

    def multiply(value: str, weight: str) -> str:
        laid = f.context.op("reshape", value, shape=(*leading, groups, share))
        found = f.context.op("einsum", laid, weight, spec=f"{lead}gi,gij->{lead}gj")
        return f.context.op("reshape", found, shape=(*leading, width))

    return Block(operand, (groups, share, part), share, part, multiply)


def kernel_sizes(f: Environment, written: ast.Expr) -> tuple[int, ...] | None:
    """`3` or `[3, 5]`, odd; one number counts for every axis."""
    items = written.items if isinstance(written, ast.ListOf) else (written,)
    found: list[int] = []
    for item in items:
        size = written_sizes.integer(f, item, "the kernel")
        if size is None:
            return None
        if size < 1 or size % 2 == 0:
            help = f"what it sees lies evenly around each place: write {size - 1} or {size + 1}"
            told = f"a kernel has odd sizes, and this is {size}"
            f.error("E0124", told, item.span, help=help if size > 1 else None)
            return None
        found.append(size)
    return tuple(found)


@record
class Groups:
    """Into how many parts the channels of a convolution are cut, and where both were written."""

    number: Size
    operand: ast.Expr
    channels: ast.Expr


def convolved(
    f: Environment, v: Tensor, channels: Size, kernel: tuple[int, ...], written: ast.Expr,
    groups: Groups,
) -> Block | None:  # fmt: skip
    """Cross-correlation over [C, L] or [C, Y, X], padded to the same size.

    With groups each has kernels of its own, over its own share of the operand's channels.
    """
    rank = len(v.shape) - 1
    if not _fits_kernel(f, v, kernel, written):
        return None
    kernel = kernel * rank if len(kernel) == 1 else kernel
    taps = product(tuple(map(Size.of, kernel)))
    if groups.number != Size.of(1):
        return _convolved_in_groups(f, v, channels, kernel, taps, groups)
    spec = "ikl,jik->jl" if rank == 1 else "ikmyx,jikm->jyx"
    size = v.shape[0]

    def multiply(value: str, weight: str) -> str:
        seen = f.context.op("window", value, kernel=kernel)
        found = f.context.op("einsum", seen, weight, spec=spec)
        return f.context.composed(found, "conv", value, weight)

    shape = (channels, size, *map(Size.of, kernel))
    return Block(v.name, shape, size * taps, channels * taps, multiply)


def _fits_kernel(f: Environment, v: Tensor, kernel: tuple[int, ...], written: ast.Expr) -> bool:
    """Whether there are axes to convolve over, and the kernel has a size for each."""
    name, shape = wording.short(written.span), shape_text(v.shape)
    rank = len(v.shape) - 1
    if rank not in (1, 2):
        told = f"`conv` takes [C, L] or [C, Y, X], and `{name}` is {shape}"
        help = f"one channel is an axis too: `expand({name}, 0)`" if rank == 0 else None
        f.error("E0210", told, written.span, help=help)
        return False
    if len(kernel) not in (1, rank):
        told = f"a kernel of {len(kernel)} sizes does not fit `{name}`, which is {shape}"
        axes = "one axis" if rank == 1 else f"{rank} axes"
        help = f"it goes over {axes} behind the channels: a size for each, or one number for all"
        f.error("E0210", told, written.span, help=help)
        return False
    return True


def _convolved_in_groups(
    f: Environment, v: Tensor, channels: Size, kernel: tuple[int, ...], taps: Size, groups: Groups
) -> Block | None:
    size, *space = v.shape
    share = divided(f, size, groups.number, groups.operand, "a group of the operand")
    part = divided(f, channels, groups.number, groups.channels, "a group of the result")
    if share is None or part is None:
        return None
    spec = "gikl,gjik->gjl" if len(space) == 1 else "gikmyx,gjikm->gjyx"
    places = tuple(map(Size.of, kernel))

    def multiply(value: str, weight: str) -> str:
        laid = f.context.op("reshape", value, shape=(groups.number, share, *space))
        kernels = f.context.op("reshape", weight, shape=(groups.number, part, share, *places))
        seen = f.context.op("window", laid, kernel=kernel)
        found = f.context.op("einsum", seen, kernels, spec=spec)
        found = f.context.op("reshape", found, shape=(channels, *space))
        return f.context.composed(found, "conv", value, weight)

    return Block(v.name, (channels, share, *places), share * taps, part * taps, multiply)


def reasons(why: tuple[Span | None, ...], shape: Shape, width: Span) -> tuple[Span | None, ...]:
    """Leading sizes come from the operand, the last from the width that was asked for."""
    lead = (*why, *(None,) * len(shape))[: len(shape) - 1]
    return (*lead, width)
