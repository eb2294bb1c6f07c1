"""What several places write.  In: a builder.  Out: instructions.

address = on_stack(builder, ir.DoubleType(), 8)         # eight numbers
with repeated(builder, count):
    ...                                                 # is done so many times
"""

# llvmlite is not typed.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from llvmlite import ir

from celldsl.jit.lowering.types import Value

_INT = ir.IntType(64)


def known_function(module: ir.Module, kind: ir.FunctionType, name: str) -> ir.Function:
    """The function of a module with this name, declared where it is not there yet."""
    found = module.globals.get(name)
    return ir.Function(module, kind, name) if found is None else found


def on_stack(builder: ir.IRBuilder, kind: ir.Type, size: int | None = None) -> ir.AllocaInstr:
    """The address of a value, or of so many, that live until the function returns."""
    with builder.goto_entry_block():
        address = builder.alloca(kind, size=None if size is None else _INT(size))
        builder.store(kind(None), address)
    return address


def stored_on_stack(builder: ir.IRBuilder, value: Value) -> ir.AllocaInstr:
    """The address of a copy of a value."""
    address = on_stack(builder, value.type)
    builder.store(value, address)
    return address


@contextmanager
def repeated(builder: ir.IRBuilder, count: Value) -> Iterator[None]:
    """What is written inside is done so many times."""
    test, inside, after = (builder.append_basic_block(f"for.{name}")
                           for name in ("cond", "body", "end"))  # fmt: skip
    before = builder.basic_block
    builder.branch(test)
    builder.position_at_end(test)
    index = builder.phi(count.type, name="loop.index")
    builder.cbranch(builder.icmp_signed("<", index, count), inside, after)
    builder.position_at_end(inside)
    yield
    last = builder.basic_block
    following = builder.add(index, count.type(1), flags=["nsw"])
    builder.branch(test)
    index.add_incoming(count.type(0), before)
    index.add_incoming(following, last)
    builder.position_at_end(after)


def bytes_copied(builder: ir.IRBuilder, to: Value, given: Value, count: Value) -> None:
    """From one address to another."""
    kinds = [to.type, given.type, count.type]
    function = builder.module.declare_intrinsic("llvm.memcpy", kinds)
    builder.call(function, [to, given, count, ir.IntType(1)(0)])
