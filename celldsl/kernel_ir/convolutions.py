"""Convolutions as calls.  In: convolutions of a plan.  Out: statements of their phases.

convolve(active, 1, 4*d_F, d_C, d_Y, d_X, 3, 3, pointer(fixed, …), pointer(in_x, …), …, 0)
winograd(active, 4*d_F, d_C, d_Y, d_X, 3, 3, pointer(fixed, …), …, pointer(work, at_tiles…))
"""

from __future__ import annotations

from collections.abc import Mapping

from celldsl.kernel_ir.places import pointer_to
from celldsl.kernel_ir.products import (
    FROM_ROW,
    PART,
    ROWS,
    SHARE,
    SHARES,
    SPLIT,
    TO_ROW,
    axes_of,
    moved,
    rows_from,
    share_of,
    share_terms,
)
from celldsl.kernel_ir.statements import Count, Name, Value, Writer, apply, less, minus, plus, times
from celldsl.plan.operations import Convolve, ConvolveSums, Image, PackKernel
from celldsl.plan.places import RowKind


def write_convolve(
    out: Writer, stage: Convolve, low: Value, high: Value, firsts: Mapping[RowKind, Value]
) -> None:
    """As `write_gemm`, for all groups."""
    sign = "+=" if stage.accumulate else "="
    out.note(f"{stage.out.name or 'out'} {sign} {stage.packed.name} over {stage.source.name}")
    image, made = (rows_from(place, low, (), firsts) for place in (stage.source, stage.out))
    image_row, made_row = Count(stage.source.width), Count(stage.out.width)
    image_channel, made_channel = Count(stage.source_channel), Count(stage.out_channel)
    kernels, sizes = pointer_to(stage.packed, 0), (Count(stage.m), *_image(stage.image))
    rows, adds, groups = minus(high, low), int(stage.accumulate), stage.groups
    if stage.scratch is not None:
        out.do(
            "winograd", rows, *sizes, kernels, image, image_row, image_channel,
            made, made_row, made_channel, adds, pointer_to(stage.scratch, PART),
        )  # fmt: skip
        return
    out.do(
        "convolve", rows, Count(groups.size), *sizes, kernels,
        image, image_row, Count(groups.left), image_channel,
        made, made_row, Count(groups.out), made_channel, adds,
    )  # fmt: skip


def _image(image: Image) -> list[Value]:
    return [Count(image.channels), Count(image.height), Count(image.width), *image.kernel]


def write_pack_kernel(out: Writer, stage: PackKernel) -> None:
    groups, image = (stage.groups,), _image(stage.image)
    if not stage.winograd:
        channels, _, _, *kernel = image
        image = [channels, *kernel]
    with out.loops(axes_of(groups)):
        out.do(
            "pack_winograd" if stage.winograd else "pack_kernel",
            Count(stage.m), *image,
            pointer_to(stage.weight, 0, moved(groups, "left")),
            *(Count(stride) for stride in stage.strides),
            pointer_to(stage.packed, 0, moved(groups, "right")),
        )  # fmt: skip


def write_convolve_sums(out: Writer, stage: ConvolveSums) -> None:
    """Sums over the part's own rows; each call takes some of them."""
    one, groups = stage.product, (stage.groups,)
    share_terms(out, stage.image.pixels)
    own = out.let("own", apply("mod", PART, SPLIT))
    out.let("from_row", share_of(ROWS, own, SPLIT))
    out.let("to_row", share_of(ROWS, plus(own, 1), SPLIT))
    rows = minus(TO_ROW, FROM_ROW)
    begin = out.let("begin", plus(FROM_ROW, share_of(rows, SHARE, SHARES)))
    end = out.let("end", plus(FROM_ROW, share_of(rows, plus(SHARE, 1), SHARES)))
    with out.when(less(PART, SPLIT)), out.loops(axes_of(groups)):
        out.note(f"{one.out.name or 'out'} = {one.left.name} times {stage.source.name}")
        out.let("sum_0", pointer_to(one.out, 0, moved(groups, "out")))
        out.let("step_0", Count(one.out_stride))
        with out.when(less(0, own)):
            out.let("sum_0", pointer_to(one.shares, minus(own, 1), _inside_groups(stage)))
            out.let("step_0", Count(one.n))
        name, further = "convolve_sums", list[Value]()
        if stage.totals is not None and stage.scratch is not None:
            last = apply("eq", SHARE, minus(SHARES, 1))
            name = "winograd_sums"
            further = [last, pointer_to(stage.totals, PART), pointer_to(stage.scratch, PART)]
        out.do(
            name,
            minus(end, begin), Count(one.m), *_image(stage.image),
            pointer_to(one.left, begin, moved(groups, "left")), Count(one.left.width),
            Count(stage.left_channel),
            pointer_to(stage.source, begin, moved(groups, "right")), Count(stage.source.width),
            Count(stage.source_channel),
            Name("sum_0"), Name("step_0"), less(0, SHARE), *further,
        )  # fmt: skip


def _inside_groups(stage: ConvolveSums) -> list[Value]:
    return [times(Name("g0"), Count(stage.product.shares.strides[0]))]
