"""How kernels reach the products.  In: types of arguments.  Out: a call of a symbol.

    gemm(m, n, k, a, lda, 1, packed, k * width, width, c, ldc, 0)     # in a kernel

calls `celldsl_gemm_f32`, or f64, by the dtype of its pointers.  Kernels hold the name alone, so
that
Numba can cache them; `prepare_products` says where it is.
"""

# The arguments of an intrinsic are types of Numba's.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any

from llvmlite import ir

from celldsl.jit.gemm.symbols import GEMM_SUFFIXES, KINDS, gemm_symbol
from celldsl.jit.lowering import types
from celldsl.jit.lowering.emit import known_function
from celldsl.jit.lowering.types import Context, Pointer, Signature, Value, Values, intrinsic


def _gemm_call(entry: str, *arguments: Any) -> Any:
    """The type and the code of a call; nothing where the arguments do not fit."""
    pairs = list(zip(arguments, KINDS[entry], strict=True))
    pointers = [argument for argument, kind in pairs if kind == "x"]
    if not all(isinstance(a, Pointer) and a.dtype == pointers[0].dtype for a in pointers):
        return None
    if pointers[0].dtype.name not in GEMM_SUFFIXES:
        return None
    symbol = gemm_symbol(entry, pointers[0].dtype.name)

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in args])
        builder.call(known_function(builder.module, kind, symbol), args)
        return context.get_dummy_value()

    return types.void(*(types.intp if kind == "i" else a for a, kind in pairs)), generate


@intrinsic
def tile(_, shape, k, a, b, c, steps):
    return _gemm_call("tile", shape, k, a, b, c, steps)


@intrinsic
def pack(_, k, n, b, row_stride, column_stride, out):
    return _gemm_call("pack", k, n, b, row_stride, column_stride, out)


@intrinsic
def gemm(_, m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate):
    return _gemm_call("gemm", m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate)


@intrinsic
def gemm_sums(_, r, m, n, a, a_rs, panels, micro_panels, c, c_rs, accumulate):
    return _gemm_call("gemm_sums", r, m, n, a, a_rs, panels, micro_panels, c, c_rs, accumulate)


@intrinsic
def pack_rows(_, k, n, b, row_stride, column_stride, out, rows, index):
    return _gemm_call("pack_rows", k, n, b, row_stride, column_stride, out, rows, index)


@intrinsic
def gemm_rows(
    _, m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate, rows, a_first, a_index,
    c_first, c_index,
):  # fmt: skip
    return _gemm_call(
        "gemm_rows", m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate, rows, a_first,
        a_index, c_first, c_index,
    )  # fmt: skip


@intrinsic
def gemm_sums_rows(_, r, m, n, a, a_rs, panels, micro_panels, c, c_rs, accumulate, rows, index):
    return _gemm_call(
        "gemm_sums_rows", r, m, n, a, a_rs, panels, micro_panels, c, c_rs, accumulate, rows, index
    )


@intrinsic
def pack_rounded(_, k, n, b, row_stride, column_stride, out):
    return _gemm_call("pack_rounded", k, n, b, row_stride, column_stride, out)


@intrinsic
def gemm_rounded(_, m, n, k, a, a_rs, a_cs, packed, c, c_rs, accumulate):
    return _gemm_call("gemm_rounded", m, n, k, a, a_rs, a_cs, packed, c, c_rs, accumulate)


@intrinsic
def gemm_sums_rounded(_, r, m, n, a, a_rs, packed, micro_panels, c, c_rs, accumulate):
    return _gemm_call(
        "gemm_sums_rounded", r, m, n, a, a_rs, packed, micro_panels, c, c_rs, accumulate
    )


@intrinsic
def pack_kernel(_, m, channels, tall, wide, a, m_step, channel_step, tall_step, wide_step, out):
    return _gemm_call(
        "pack_kernel", m, channels, tall, wide, a, m_step, channel_step, tall_step, wide_step, out
    )


@intrinsic
def convolve(
    _, rows, groups, m, channels, height, width, tall, wide, packed, image, image_row, image_group,
    image_channel, c, c_row, c_group, c_channel, accumulate,
):  # fmt: skip
    return _gemm_call(
        "convolve", rows, groups, m, channels, height, width, tall, wide, packed, image, image_row,
        image_group, image_channel, c, c_row, c_group, c_channel, accumulate,
    )  # fmt: skip


@intrinsic
def convolve_sums(
    _, rows, m, channels, height, width, tall, wide, a, a_row, a_channel, image, image_row,
    image_channel, c, c_step, accumulate,
):  # fmt: skip
    return _gemm_call(
        "convolve_sums", rows, m, channels, height, width, tall, wide, a, a_row, a_channel, image,
        image_row, image_channel, c, c_step, accumulate,
    )  # fmt: skip


@intrinsic
def pack_winograd(
    _, m, channels, height, width, tall, wide, a, m_step, channel_step, tall_step, wide_step, out
):  # fmt: skip
    return _gemm_call(
        "pack_winograd", m, channels, height, width, tall, wide, a, m_step, channel_step,
        tall_step, wide_step, out,
    )  # fmt: skip


@intrinsic
def winograd(
    _, rows, m, channels, height, width, tall, wide, packed, image, image_row, image_channel, c,
    c_row, c_channel, accumulate, scratch,
):  # fmt: skip
    return _gemm_call(
        "winograd", rows, m, channels, height, width, tall, wide, packed, image, image_row,
        image_channel, c, c_row, c_channel, accumulate, scratch,
    )  # fmt: skip


@intrinsic
def winograd_sums(
    _, rows, m, channels, height, width, tall, wide, a, a_row, a_channel, image, image_row,
    image_channel, c, c_step, accumulate, finish, totals, scratch,
):  # fmt: skip
    return _gemm_call(
        "winograd_sums", rows, m, channels, height, width, tall, wide, a, a_row, a_channel, image,
        image_row, image_channel, c, c_step, accumulate, finish, totals, scratch,
    )  # fmt: skip
