"""The innermost product, in LLVM's own terms.  In: pointers.  Out: a tile of C, written.

    tile_code(8 * 6 + 1, k, a, b, c, tile_steps(a_rs, a_cs, b_panel, b_rs, c_rs, accumulate))

computes C[6, width] = (or +=) A[6, k] @ B[k, width], strides in elements.  The first argument is
8 * rows + panels side by side: up to 6 rows by 1 panel, 2 by 2, or 1 by 4; 6, 5 or 4 by 0 stand for
1 panel, and the next one is fetched.  Panel j of B starts at b + j*b_panel.  An a_cs of -1 stands
for `rows`: A in packed micro-panels.  A panel is two vectors of the host wide: 6 rows keep 12
accumulators in registers, and 1 row of 4 panels (or 2 of 2) the 8 that hide the latency of a
multiply-add.

    stack(like, length)        a pointer on the stack, of a literal length, to where a line begins
    fetch(pointer)             brings the line it points to nearer, if there is one
    move(to, source, count)    copies a literal number of elements at once
"""

from __future__ import annotations

from collections.abc import Mapping

from llvmlite import ir

from celldsl.jit.lowering import types
from celldsl.jit.lowering.emit import known_function, on_stack, repeated, stored_on_stack
from celldsl.jit.lowering.types import (
    Context,
    Definition,
    Pointer,
    Signature,
    TypingContext,
    Value,
    Values,
    intrinsic,
)
from celldsl.jit.lowering.vector_width import PANEL_BYTES

_TILE_INT = ir.IntType(64)
_LINE = 64  # bytes
_TILE_SHAPES = (
    (6, 1), (5, 1), (4, 1), (3, 1), (2, 1), (1, 1), (6, 0), (5, 0), (4, 0), (2, 2), (1, 4),
)  # fmt: skip


@intrinsic
def stack(_context: TypingContext, like: types.Pointer, length: types.Type) -> Definition:
    """A pointer of `length` elements that live until the function returns."""
    if not isinstance(length, types.IntegerLiteral):
        return None

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, __: Values) -> Value:
        element = context.get_value_type(like.dtype)
        found = on_stack(builder, element, size=length.literal_value)
        found.align = _LINE  # vectors across two lines take twice as long
        return found

    return Pointer(like.dtype, -1)(like, length), generate


@intrinsic
def fetch(_context: TypingContext, address: types.Type) -> Definition:
    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        _fetch_line(builder, args[0], written=False)
        return context.get_dummy_value()

    return types.void(address), generate


@intrinsic
def move(
    _context: TypingContext, to: types.Type, source: types.Type, count: types.Type
) -> Definition:
    """A loop over so few LLVM would make a copy of each."""
    if not isinstance(count, types.IntegerLiteral):
        return None

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        vector = ir.VectorType(args[0].type.pointee, count.literal_value)
        target, address = (builder.bitcast(pointer, vector.as_pointer()) for pointer in args[:2])
        builder.store(builder.load(address, align=_align(vector)), target, align=_align(vector))
        return context.get_dummy_value()

    return types.void(to, source, count), generate


@intrinsic
def tile_steps(  # type: ignore[no-untyped-def]
    _, a_rs, a_cs, b_panel, b_rs, c_rs, accumulate
):
    """A pointer of the six, on the stack.  What all tiles of a block share goes to them in memory.

    More than six arguments would not fit the registers, and to store and reload them takes as long
    as the multiplications of a small tile.
    """

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        address = on_stack(builder, _TILE_INT, size=len(args))
        for index, value in enumerate(args):
            builder.store(value, builder.gep(address, [_TILE_INT(index)]))
        return address

    return Pointer(types.intp, -1)(*[types.intp] * 6), generate


@intrinsic
def tile_code(_, shape, k, a, b, c, steps):  # type: ignore[no-untyped-def]
    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        builder.call(_tile_choice(builder.module, [value.type for value in args]), args)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, a, b, c, steps), generate


def _tile_choice(module: ir.Module, kinds: list[ir.Type]) -> ir.Function:
    """A function that jumps to the tile of a shape; all take the same arguments."""
    void = ir.VoidType()
    function = known_function(module, ir.FunctionType(void, kinds), "celldsl_tile")
    if function.blocks:
        return function
    function.linkage = "internal"
    function.attributes.add("alwaysinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    done = function.append_basic_block("done")
    choice = builder.switch(function.args[0], done)
    for rows, panels in _TILE_SHAPES:
        block = function.append_basic_block(f"rows{rows}x{panels}")
        choice.add_case(_TILE_INT(8 * rows + panels), block)
        builder.position_at_end(block)
        one = ir.Function(module, function.function_type, f"celldsl_tile_{rows}x{panels}")
        _write_tile(one, rows, panels)
        builder.call(one, function.args)
        builder.branch(done)
    builder.position_at_end(done)
    builder.ret_void()
    return function


def _write_tile(function: ir.Function, rows: int, panels: int) -> None:
    """Accumulators are on the stack here; LLVM puts them into registers."""
    fetches, panels = panels == 0, max(panels, 1)
    function.linkage = "internal"
    function.attributes.add("noinline")
    # Addresses of several rounds at once would not fit the registers.
    function.attributes.add("optsize")
    arguments: Values = function.args
    _, k, a, b, c, steps = arguments
    element = a.type.pointee
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    a_rs, a_cs, b_panel, b_rs, c_rs, accumulate = (
        builder.load(builder.gep(steps, [_TILE_INT(place)])) for place in range(6)
    )
    in_strips = builder.icmp_signed("<", a_cs, _TILE_INT(0))
    a_cs = builder.select(in_strips, _TILE_INT(rows), a_cs)
    lanes = PANEL_BYTES // 2 // (4 if isinstance(element, ir.FloatType) else 8)
    vector = ir.VectorType(element, lanes)
    places = [(row, panel, half) for row in range(rows) for panel in range(panels)
              for half in range(2)]  # fmt: skip
    sums = {place: stored_on_stack(builder, vector(None)) for place in places}
    multiply_add = known_function(
        function.module, ir.FunctionType(vector, [vector] * 3),
        f"llvm.fmuladd.v{lanes}f{32 if isinstance(element, ir.FloatType) else 64}",
    )  # fmt: skip
    _fetch_ahead(builder, c, c_rs, rows, panels)
    starts_a = [_apart(builder, a, builder.mul(a_rs, _TILE_INT(row))) for row in range(rows)]
    left, right = (stored_on_stack(builder, value) for value in (_TILE_INT(0), b))
    with repeated(builder, k):
        at_a, at_b = builder.load(left), builder.load(right)
        if fetches:
            _fetch_line(builder, builder.gep(at_b, [b_panel]), written=False, cache=2)
        starts = [builder.mul(b_panel, _TILE_INT(panel)) for panel in range(panels)]
        terms = {
            (panel, half): _load(builder, at_b, start, half, vector)
            for panel, start in enumerate(starts)
            for half in range(2)
        }
        for row in range(rows):
            value = builder.load(builder.gep(starts_a[row], [at_a]))
            spread = _spread(builder, value, vector)
            for (panel, half), term in terms.items():
                total = sums[row, panel, half]
                new = builder.call(multiply_add, [spread, term, builder.load(total)])
                builder.store(new, total)
        builder.store(builder.add(at_a, a_cs), left)
        builder.store(builder.gep(at_b, [b_rs]), right)
    _write_sums(builder, sums, vector, c, c_rs, accumulate)
    builder.ret_void()


def _apart(builder: ir.IRBuilder, start: Value, offset: Value) -> Value:
    """The element at an offset, of which LLVM does not know where it is.

    It would make each row's address of the one before, step after step, and the processor would
    wait for that chain instead of for the multiplications.
    """
    address = builder.gep(start, [offset])
    kind = ir.FunctionType(address.type, [address.type])
    return builder.asm(kind, "", "=r,0", [address], False)


def _fetch_ahead(builder: ir.IRBuilder, c: Value, c_rs: Value, rows: int, panels: int) -> None:
    """Rows of C are far apart and no hardware guesses them; they arrive while A and B multiply."""
    for row in range(rows):
        start = builder.gep(c, [builder.mul(c_rs, _TILE_INT(row))])
        for line in range(panels * PANEL_BYTES // _LINE):
            _fetch_line(builder, start, _LINE * line)


def _fetch_line(
    builder: ir.IRBuilder, start: Value, offset: int = 0, written: bool = True, cache: int = 1
) -> None:
    """Into the first cache or the second."""
    byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    code = known_function(builder.module, kind, "llvm.prefetch.p0")
    address = builder.gep(builder.bitcast(start, byte), [_TILE_INT(offset)])
    builder.call(code, [address, number(int(written)), number(4 - cache), number(1)])


def _write_sums(
    builder: ir.IRBuilder,
    sums: Mapping[tuple[int, int, int], Value],
    vector: ir.VectorType,
    c: Value,
    c_rs: Value,
    accumulate: Value,
) -> None:
    adds = builder.icmp_signed("!=", accumulate, _TILE_INT(0))
    with builder.if_else(adds) as (add, replace):
        for branch, adding in ((add, True), (replace, False)):
            with branch:
                for (row, panel, half), total in sums.items():
                    column = _TILE_INT(panel * 2 * vector.count)
                    offset = builder.add(builder.mul(c_rs, _TILE_INT(row)), column)
                    address = _address(builder, c, offset, half, vector)
                    value = builder.load(total)
                    if adding:
                        old = builder.load(address, align=_align(vector))
                        value = builder.fadd(old, value)
                    builder.store(value, address, align=_align(vector))


def _address(
    builder: ir.IRBuilder, pointer: Value, offset: Value, half: int, vector: ir.VectorType
) -> Value:
    start = builder.add(offset, _TILE_INT(half * vector.count))
    return builder.bitcast(builder.gep(pointer, [start]), vector.as_pointer())


def _load(
    builder: ir.IRBuilder, pointer: Value, offset: Value, half: int, vector: ir.VectorType
) -> Value:
    return builder.load(_address(builder, pointer, offset, half, vector), align=_align(vector))


def _align(vector: ir.VectorType) -> int:
    return 4 if isinstance(vector.element, ir.FloatType) else 8


def _spread(builder: ir.IRBuilder, value: Value, vector: ir.VectorType) -> Value:
    undefined = ir.Constant(vector, ir.Undefined)
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
    first = builder.insert_element(undefined, value, ir.IntType(32)(0))
    return builder.shuffle_vector(first, undefined, zeros)
