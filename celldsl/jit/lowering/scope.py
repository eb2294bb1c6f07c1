"""Names while a routine is lowered.  In: a routine, types of its arguments.  Out: values of names.

    tree_of(forward_steps).args.args[0].arg         # "part": the syntax tree of the definition
    scope = Scope(code, routine, (types.int64, Pointer(types.float32, -1)), "celldsl.routine.fill")
    scope.assign("total", value)
    scope.value_of("total")

A name that is assigned once stands for its value.  One that is assigned again has an address on the
stack, which LLVM makes a register, and keeps its type.  Syntax trees are of the text that was
imported; the file may have been written anew since.
"""

from __future__ import annotations

import ast
import builtins
import linecache
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from llvmlite import ir

from celldsl.jit.functions import Routine
from celldsl.jit.lowering import types
from celldsl.jit.lowering.types import Made, Value
from celldsl.jit.lowering.values import RoutineError, Typed, constant, llvm_type
from celldsl.jit.target import MachineCodeError


def tree_of(routine: Routine) -> ast.FunctionDef:
    """The definition of a routine.  Raises MachineCodeError where its text is nowhere."""
    code = routine.function.__code__
    text = routine.text
    if text is None:  # of a notebook
        text = "".join(linecache.getlines(code.co_filename, routine.function.__globals__))
    found = _definitions(text).get((routine.name, code.co_firstlineno))
    if found is None:
        own = str(routine.function.__module__).startswith(f"{__name__.partition('.')[0]}.jit")
        whose = "celldsl has none of its own with it" if own else f"{routine.file} has none"
        raise MachineCodeError(
            f"{routine.name} is compiled from its text, and there is bytecode alone: {whose}; "
            "`celldsl compile --standalone` writes modules that carry their text"
        )
    return found


@lru_cache(maxsize=16)
def _definitions(text: str) -> dict[tuple[str, int], ast.FunctionDef]:
    """By names and first lines, which are those of decorators."""
    return {
        (node.name, min([node.lineno, *(mark.lineno for mark in node.decorator_list)])): node
        for node in all_statements(ast.parse(text).body)
        if isinstance(node, ast.FunctionDef)
    }


def all_statements(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """These and all that are inside them: there are far fewer than there are nodes."""
    for node in body:
        yield node
        for suite in ("body", "orelse", "handlers", "finalbody", "cases"):
            yield from all_statements(getattr(node, suite, ()))


class Routines(Protocol):
    """Makes the functions of routines that a routine calls."""

    module: ir.Module

    def function(self, routine: Routine, kinds: Sequence[types.Type]) -> Made: ...


@dataclass(frozen=True, slots=True)
class _Slot:
    kind: types.Type
    address: Value


class Scope:
    """The function of a routine, and what its names mean where the builder stands."""

    def __init__(
        self, code: Routines, routine: Routine, kinds: Sequence[types.Type], symbol: str
    ) -> None:
        self.code, self.tree = code, tree_of(routine)
        self.globals = routine.function.__globals__
        self._type = ir.FunctionType(ir.VoidType(), [llvm_type(kind) for kind in kinds])
        self.function = ir.Function(code.module, self._type, symbol)
        self.function.linkage = "internal"
        if routine.noinline:
            self.function.attributes.add("noinline")
        self.result = types.none
        self._entry = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.builder = ir.IRBuilder(self.function.append_basic_block("body"))
        self._first = self.builder.block
        self._repeated = _repeated(self.tree)
        self.names: dict[str, Typed] = {}
        # What is written here counts where this holds; None: always.
        self.counts: Value | None = None
        self._slots: dict[str, _Slot] = {}
        for argument, given, value in zip(
            self.tree.args.args, kinds, self.function.args, strict=True
        ):
            self.assign(argument.arg, Typed(given, value))

    def stack(self, kind: types.Type, name: str) -> Value:
        """An address for a value."""
        return self._entry.alloca(llvm_type(kind), name=name)

    def blocks(self, *names: str) -> list[ir.Block]:
        return [self.function.append_basic_block(name) for name in names]

    def assign(self, name: str, value: Typed) -> None:
        if name not in self._repeated:
            self.names[name] = Typed(value.kind, value.code)
            return
        if name not in self._slots:
            self._slots[name] = _Slot(value.kind, self.stack(value.kind, name))
        slot = self._slots[name]
        if slot.kind != value.kind:
            raise RoutineError(f"`{name}` is {slot.kind}, and then {value.kind}")
        code = value.code
        if self.counts is not None:
            code = self.builder.select(self.counts, code, self.builder.load(slot.address))
        self.builder.store(code, slot.address)

    def value_of(self, name: str) -> Typed:
        if name in self.names:
            return self.names[name]
        if name in self._slots:
            slot = self._slots[name]
            return Typed(slot.kind, self.builder.load(slot.address))
        return routine_number(self.known(ast.Name(name)))

    def known(self, node: ast.expr) -> Any:
        """What is known before anything runs: a global, or an attribute of one."""
        match node:
            case ast.Name(id=name) if name in self.globals:
                return self.globals[name]
            case ast.Name(id=name) if hasattr(builtins, name):
                return getattr(builtins, name)
            case ast.Attribute(value=base, attr=name):
                return getattr(self.known(base), name)
        raise RoutineError(f"`{ast.unparse(node)}` is not known here")

    def give(self, kind: types.Type) -> None:
        """The type of what the function returns, as the first `return` says."""
        if self.result == types.none:
            self.result = kind
            # Nothing calls the function before it is whole.
            self._type.return_type = llvm_type(kind)
            self.function.return_value.type = llvm_type(kind)

    def end(self) -> None:
        """The end of the text, which a routine with a result does not reach."""
        if not self.builder.block.is_terminated:
            if self.result == types.none:
                self.builder.ret_void()
            else:
                self.builder.unreachable()
        self._entry.position_at_end(self._entry.block)
        self._entry.branch(self._first)


def routine_number(value: Any) -> Typed:
    """A number of the text, or a global one."""
    match value:
        case bool():
            return constant(types.boolean, int(value))
        case int():
            return Typed(types.int64, constant(types.int64, value).code, value)
        case float():
            return constant(types.float64, value)
    if isinstance(value, np.uint64):
        return constant(types.uint64, int(value))
    raise RoutineError(f"{value!r} is no number")


def _repeated(tree: ast.FunctionDef) -> set[str]:
    """Names that are assigned more than once; loops over the same name are no matter."""
    counts = Counter(argument.arg for argument in tree.args.args)
    looped = set()
    for node in all_statements(tree.body):
        match node:
            case ast.AugAssign(target=ast.Name(id=name)):
                counts[name] += 2
            case ast.For(target=ast.Name(id=name)):
                looped.add(name)
            case ast.Assign(targets=[ast.Tuple(elts=targets)]) | ast.Assign(targets=targets):
                counts.update(target.id for target in targets if isinstance(target, ast.Name))
    return {name for name, count in counts.items() if count > 1 or name in looped}
