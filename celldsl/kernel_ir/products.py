"""Products as calls.  In: GEMMs and sums over rows of a plan.  Out: statements of their phases.

    gemm(active, 3*d_H, d_H, pointer(tape, …), d_H, 1, pointer(fixed, …), …, 3*d_H, 1)

    for chunk in range(chunks):
        low = from_row + (to_row - from_row) * chunk // chunks
        depth = …
        pack(depth, 3*d_H, pointer(work, at_dz + low * (3*d_H), -1), 3*d_H, 1, panels)
        gemm_sums(depth, d_I, 3*d_H, pointer(in_x, low * d_I, -1), d_I, panels, strips, sum_1, …)

Parts share the rows of a sum, or where there are few of them the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from celldsl.ir.size import Size
from celldsl.kernel_ir.places import (
    FIRST_ROWS,
    INDEX_WORDS,
    element,
    find_row,
    place_at,
    pointer_to,
)
from celldsl.kernel_ir.statements import (
    Call,
    Count,
    Load,
    Name,
    Pointer,
    Value,
    Whole,
    Word,
    Writer,
    apply,
    less,
    minus,
    plus,
    quotient,
    times,
)
from celldsl.plan.operations import (
    AddShares,
    Combine,
    Gemm,
    GemmRows,
    Pack,
    Repeat,
    RowSum,
    ScatterRows,
)
from celldsl.plan.places import Place, RowKind
from celldsl.plan.plan import Phase
from celldsl.structs import replace

PART, PARTS = Name("part"), Name("parts")
ROWS = Count(Size.dim("@R"))
SHARE, SHARES, CHUNKS = Name("share"), Name("shares"), Name("chunks")
SPLIT, BAND, BANDS = Name("split"), Name("band"), Name("bands")
FROM_ROW, TO_ROW = Name("from_row"), Name("to_row")
FROM_COLUMN, TO_COLUMN = Name("from_column"), Name("to_column")
PANEL = Call("panel_width", (Name("work"),))
STEP_ROWS: Mapping[RowKind, Value] = {**FIRST_ROWS, "batch": Word("first")}


def share_of(total: Value, index: Value, count: Value) -> Value:
    """Where the `index`-th of `count` equal shares begins."""
    return quotient(times(total, index), count)


def axes_of(loops: tuple[Repeat, ...], prefix: str = "g") -> list[tuple[str, Size]]:
    return [(f"{prefix}{i}", loop.size) for i, loop in enumerate(loops)]


def moved(loops: tuple[Repeat, ...], side: str, prefix: str = "g") -> list[Value]:
    """How far an operand advances by the indices of the repeats."""
    return [times(Name(f"{prefix}{i}"), Count(getattr(loop, side))) for i, loop in enumerate(loops)]


def share_terms(out: Writer, terms: Size) -> None:
    """How many parts share the rows of a sum where each row has so many terms."""
    split = Call("sum_split", (PARTS, times(ROWS, Count(terms))))
    out.let("split", split)


def rounding(entry: str, stage: Gemm | GemmRows | Pack) -> str:
    """The function of the products that a stage calls."""
    return f"{entry}_rounded" if stage.rounds else entry


def rows_from(
    place: Place,
    low: Value,
    further: Sequence[Value] = (),
    firsts: Mapping[RowKind, Value] = STEP_ROWS,
) -> Pointer:
    """The address of the first row that a stage works on, `low` sequences on."""
    first = firsts.get(place.rows, 0)
    row = first if place.rows == "part" else plus(first, low)
    return pointer_to(place, row, further)


def write_gemm(
    out: Writer, stage: Gemm, low: Value, high: Value, firsts: Mapping[RowKind, Value]
) -> None:
    """`firsts` are the rows of the first sequence, for each kind of rows."""
    left, made = moved(stage.repeats, "left"), moved(stage.repeats, "out")
    sizes = minus(high, low), Count(stage.n), Count(stage.k)
    steps = Count(stage.left.width), Count(stage.left_stride)
    panels = () if stage.rounds else (times(Count(stage.k), PANEL), PANEL)
    right = pointer_to(stage.packed, 0, moved(stage.repeats, "right")), *panels
    last = Count(stage.out.width), int(stage.accumulate)

    def as_numbered() -> None:
        ends = [rows_from(stage.left, low, left, firsts), rows_from(stage.out, low, made, firsts)]
        out.do(rounding("gemm", stage), *sizes, ends[0], *steps, *right, ends[1], *last)

    def by_index() -> None:
        (a, *of_a), (c, *of_c) = (
            _whole(place, low, inside, firsts)
            for place, inside in ((stage.left, left), (stage.out, made))
        )
        out.do("gemm_rows", *sizes, a, *steps, *right, c, *last, Name("rows"), *of_a, *of_c)

    with out.loops(axes_of(stage.repeats)):
        sign = "+=" if stage.accumulate else "="
        out.note(f"{stage.out.name or 'out'} {sign} {stage.left.name} @ {stage.packed.name}")
        _either(out, [stage.left, stage.out], as_numbered, by_index)


def _either(
    out: Writer, places: Sequence[Place], as_numbered: Callable[[], None],
    by_index: Callable[[], None],
) -> None:  # fmt: skip
    """The first where rows lie as they are numbered, the second where an index finds some."""
    words = {place.rows: INDEX_WORDS[place.rows] for place in places if place.rows in INDEX_WORDS}
    if not words:
        as_numbered()
        return
    with out.when(apply("eq", plus(*words.values()), 0)):
        as_numbered()
    with out.otherwise():
        by_index()


def _whole(
    place: Place, low: Value, inside: Sequence[Value], firsts: Mapping[RowKind, Value]
) -> tuple[Pointer, Value, Value]:
    """Where rows are counted from, the first of a stage, and the word of their index (0: none)."""
    if place.rows not in INDEX_WORDS:
        return rows_from(place, low, inside, firsts), 0, 0
    return pointer_to(place, 0, inside), plus(firsts.get("row", 0), low), INDEX_WORDS[place.rows]


def write_pack(out: Writer, stage: Pack) -> None:
    with out.loops(axes_of(stage.repeats)):
        out.do(
            rounding("pack", stage),
            Count(stage.k), Count(stage.n),
            pointer_to(stage.weight, 0, moved(stage.repeats, "left")),
            Count(stage.k_stride), Count(stage.n_stride),
            pointer_to(stage.packed, 0, moved(stage.repeats, "right")),
        )  # fmt: skip


def write_combine(out: Writer, stage: Combine) -> None:
    """The sum over parts, along the last axis by one call."""
    *outer, count = stage.shape or (Size.of(1),)
    axes = [(f"j{i}", size) for i, size in enumerate(outer)]
    with out.loops(axes):
        ends: list[Value] = []
        for place in (stage.source, stage.out):
            strides = place.strides or (Size.of(1),)
            at = element(strides[:-1], [Name(name) for name, _ in axes])
            ends += [pointer_to(place, 0, [at]), Count(strides[-1])]
        out.do("add_parts", Count(count), PARTS, Count(stage.source.width), *ends)


def write_shares(out: Writer, phase: Phase) -> None:
    """What all sums of a phase ask for first: which rows, and which band of the columns, are the
    part's own."""
    kinds = {type(stage) for stage in phase.stages}
    if kinds & {GemmRows, AddShares}:
        out.let("split", Call("sum_split", (PARTS, ROWS)))
    if GemmRows in kinds:
        own = apply("mod", PART, SPLIT)
        out.let("band", quotient(PART, SPLIT))
        out.let("bands", quotient(PARTS, SPLIT))
        out.let("from_row", share_of(ROWS, own, SPLIT))
        out.let("to_row", share_of(ROWS, plus(own, 1), SPLIT))
        out.let("chunks", Call("sum_chunks", (minus(TO_ROW, FROM_ROW),)))


def write_row_sums(out: Writer, stage: GemmRows) -> None:
    """Sums over the part's own rows, a chunk of them at a time; each call takes some chunks."""
    n = Count(stage.n)
    with out.loops(axes_of(stage.repeats)):
        tiles = out.let("tiles", quotient(minus(plus(n, PANEL), 1), PANEL))
        out.let("from_column", times(share_of(tiles, BAND, BANDS), PANEL))
        last = times(share_of(tiles, plus(BAND, 1), BANDS), PANEL)
        out.let("to_column", Call("min", (n, last)))
        out.let("panels", pointer_to(stage.panels, PART))
        out.let("strips", pointer_to(stage.micro_panels, PART))
        for number, one in enumerate(stage.products):
            _write_target(out, stage, one, number)
        first, last = (share_of(CHUNKS, share, SHARES) for share in (SHARE, plus(SHARE, 1)))
        with out.loops(axes_of(stage.sums, "s")), out.loop("chunk", last, first) as chunk:
            rows = minus(TO_ROW, FROM_ROW)
            low = out.let("low", plus(FROM_ROW, share_of(rows, chunk, CHUNKS)))
            end = plus(FROM_ROW, share_of(rows, plus(chunk, 1), CHUNKS))
            out.let("depth", minus(end, low))
            _write_chunk(out, stage)


def _write_target(out: Writer, stage: GemmRows, one: RowSum, number: int) -> None:
    """Where a product goes: to its place, or to the part's share of it."""
    out.note(f"{one.out.name or 'out'} = {one.left.name}^T @ {stage.right.name}")
    inside = [*moved(stage.repeats, "out"), FROM_COLUMN]
    out.let(f"sum_{number}", pointer_to(one.out, 0, inside))
    out.let(f"step_{number}", Count(one.out_stride))
    with out.when(less(0, FROM_ROW)):
        share = minus(apply("mod", PART, SPLIT), 1)
        out.let(f"sum_{number}", pointer_to(one.shares, share, [*_inside(one), FROM_COLUMN]))
        out.let(f"step_{number}", Count(one.n))


def _inside(one: RowSum) -> list[Value]:
    """How far into a share the indices of the repeats are."""
    return [times(Name(f"g{i}"), Count(s)) for i, s in enumerate(one.shares.strides[:-2])]


def _write_chunk(out: Writer, stage: GemmRows) -> None:
    """The products of the rows from `low` on."""
    low, depth, panels, strips = (Name(x) for x in ("low", "depth", "panels", "strips"))
    columns = minus(TO_COLUMN, FROM_COLUMN)
    steps = Count(stage.right.width), 1

    def pack(first: Value, *index: Value) -> None:
        right = pointer_to(stage.right, first, [*_both(stage, "right"), FROM_COLUMN])
        entry = "pack_rows" if index else rounding("pack", stage)
        out.do(entry, depth, columns, right, *steps, panels, *index)

    _either(out, [stage.right], lambda: pack(low), lambda: pack(0, *_index(stage.right)))
    turn = plus(*(Name(f"s{i}") for i in range(len(stage.sums))), Name("chunk"))
    for number, one in enumerate(stage.products):
        own: Value = columns
        if one.n != stage.n:
            own = minus(Call("min", (TO_COLUMN, Count(one.n))), FROM_COLUMN)
            own = Call("max", (0, own))
        further = strips, Name(f"sum_{number}"), Name(f"step_{number}"), less(0, turn)
        _write_sum(out, stage, one, [depth, Count(one.m), own], [panels, *further])


def _write_sum(
    out: Writer, stage: GemmRows, one: RowSum, sizes: Sequence[Value], further: Sequence[Value]
) -> None:
    def add(first: Value, *index: Value) -> None:
        left = pointer_to(one.left, first, _both(stage, "left"))
        entry = "gemm_sums_rows" if index else rounding("gemm_sums", stage)
        out.do(entry, *sizes, left, Count(one.left.width), *further, *index)

    low = Name("low")
    _either(out, [one.left], lambda: add(low), lambda: add(0, *_index(one.left)))


def _index(place: Place) -> tuple[Value, Value]:
    """The words of `rows`, and which of them finds the row `low`."""
    return Name("rows"), plus(INDEX_WORDS[place.rows], Name("low"))


def _own_row(out: Writer, place: Place, row: Value) -> Value:
    return find_row(out, place.rows, row) if place.rows in INDEX_WORDS else row


def _both(stage: GemmRows, side: str) -> list[Value]:
    return moved(stage.repeats, side) + moved(stage.sums, side, "s")


def write_scatter(out: Writer, stage: ScatterRows) -> None:
    """Each part does its own columns, of all rows."""
    *others, columns = stage.shape if len(stage.shape) > 1 else (*stage.shape, Size.of(1))
    low = out.let("low", share_of(Count(columns), PART, PARTS))
    high = out.let("high", share_of(Count(columns), plus(PART, 1), PARTS))
    picked = len(stage.shape) - 1
    names = [Name(f"i{i}") for i in range(len(others))]
    column = Name("j")
    into = out.let("into", pointer_to(stage.out))
    if stage.cleared:
        axes = [(name.id, size) for name, size in zip(names, others, strict=True)]
        with out.loops(axes), out.loop("j", high, low):
            place = element(stage.out.strides, (*names, column)[: len(stage.shape)])
            out.assign(Load(into, place), 0.0)
    out.note(f"{stage.out.name or 'out'}[{stage.index.name}] += {stage.left.name}")
    count = Count(Size.dim("@B")) if stage.left.rows == "batch" else ROWS
    with out.loop("r", count) as r:
        row = Load(pointer_to(stage.index, _own_row(out, stage.index, r)), 0)
        k = out.let("k", Whole(row))
        source = out.let(
            "source", replace(pointer_to(stage.left, _own_row(out, stage.left, r)), scope=0)
        )
        target = out.let(
            "target",
            Pointer(stage.out.array, plus(place_at(stage.out, 0),
                                          times(Count(stage.out.strides[0]), k)), 1),
        )  # fmt: skip
        inner = [(name.id, size) for name, size in zip(names[1:], others[1:], strict=True)]
        with out.loops(inner), out.loop("j", high, low):
            at = (*names[1:], column)[:picked]
            total = Load(target, element(stage.out.strides[1:], at))
            out.add(total, Load(source, element(stage.left.strides, at)))


def write_add_shares(out: Writer, stage: AddShares) -> None:
    """Each part adds some rows of the product."""
    one = stage.product
    m, n = Count(one.m), Count(one.n)
    if stage.terms != Size.of(1):
        share_terms(out, stage.terms)
    with out.loops(axes_of(stage.repeats)):
        stop = share_of(m, plus(PART, 1), PARTS)
        with out.loop("i", stop, share_of(m, PART, PARTS)) as i:
            out.do(
                "add_shares", n, minus(SPLIT, 1), Count(one.shares.width),
                pointer_to(one.shares, 0, [*_inside(one), times(i, n)]),
                pointer_to(one.out, 0, [*moved(stage.repeats, "out"),
                                        times(i, Count(one.out_stride))]),
            )  # fmt: skip
