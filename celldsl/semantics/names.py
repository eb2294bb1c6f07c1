"""Names.  In: `h`, `h'`, `g.h`, `g.h'`.  Out: what they stand for, or why they stand for nothing.

A name is looked for among what the body defines, then among functions, initialisers and cells.  One
with a dot is a state of an inner cell.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix, Label
from celldsl.diagnostics.span import Span
from celldsl.ir.program import Rows
from celldsl.semantics.builtins.table import FUNCTIONS, PRELUDE
from celldsl.semantics.context import Environment, Inner
from celldsl.semantics.environment import (
    Binding,
    FunctionValue,
    Initialiser,
    Tensor,
    Unknown,
    Value,
    a_kind,
)
from celldsl.semantics.initial_values import INITIALISERS
from celldsl.semantics.unknown_names import nearest_of, unknown_value
from celldsl.semantics.wording import seen_outside
from celldsl.structs import replace
from celldsl.syntax import ast


def read(f: Environment, e: ast.Name) -> Value:
    """The value of a name in an expression."""
    binding = f.find(e.id)
    if binding is None:
        return _outside(f, e)
    f.context.usage.used.add(binding.span)
    if e.primed:
        return _read_next(f, e, binding)
    if binding.kind == "state" and f.place:
        f.context.usage.old_reads.setdefault(f.prefix + e.id, set()).add(e.span)
    if binding.kind == "sub":
        f.error("E0111", f"`{e.id}` is an inner cell, not a value", e.span, "step it: `y = …(x)`")
        return Unknown()
    if f.only_initial and _lasts(f, binding):
        told = "a start is one for all sequences, and this is another one for each"
        help = "pass such a start as the state when you call the cell"
        f.error("E0403", f"`{e.id}` cannot stand in {f.only_initial}", e.span, told, help=help)
        return Unknown()
    if f.only_initial and binding.kind in ("input", "state", "value"):
        kind = "an equation's value" if binding.kind == "value" else f"an {binding.kind}"
        told = kind.replace("an state", "a state")
        f.error(
            "E0403",
            f"`{e.id}` cannot stand in {f.only_initial}",
            e.span,
            f"this is {told}, which does not exist before the first step",
            help="numbers, dims, hyperparameters, params and consts above it can",
        )
        return Unknown()
    return current(f, binding.value)


def _lasts(f: Environment, binding: Binding) -> bool:
    """Whether it is an input that lasts a sequence."""
    value = binding.value
    if binding.kind != "input" or not isinstance(value, Tensor):
        return False
    return f.context.builder.types[value.name].rows == Rows.BATCH


def current(f: Environment, value: Value) -> Value:
    """The value with what is known of the sizes by now, where initial values are computed too."""
    if isinstance(value, Tensor) and f.context.computing_initial:
        name = f.context.twins.get(value.name, value.name)
        value = replace(value, name=name)
    same = f.context.constraints.same
    if isinstance(value, Tensor) and any(d in same for size in value.shape for d in size.dims):
        shape = tuple(map(f.context.constraints.reduce, value.shape))
        return replace(value, shape=shape)
    return value


def _read_next(f: Environment, e: ast.Name, binding: Binding) -> Value:
    if binding.kind != "state":
        f.error(
            "E0103",
            f"`{e.id}'` is the next value of a state, and `{e.id}` is {a_kind(binding.kind)}",
            e.span,
            help=_without_prime(e.id, binding),
            fix=Fix(e.span, e.id),
        )
        return Unknown()
    if e.id in f.nexts:
        if f.place:
            f.context.usage.new_reads.setdefault(f.prefix + e.id, set()).add(e.span)
        value = f.nexts[e.id]
        return Unknown() if value is None else current(f, value)
    if e.id in f.silenced:
        return Unknown()
    later = f.later.get(e.id)
    if later is not None and later.source is e.span.source and later.start < e.span.start:
        _read_by_itself(f, e, later)
        return Unknown()
    if any(stack.primed and name.rstrip("'") == e.id for name, stack in f.stacks.items()):
        _read_slices(f, e)
        return Unknown()
    where = (Label(later, f"`{e.id}'` is defined here"),) if later is not None else ()
    f.error(
        "E0103",
        f"`{e.id}'` is read before the equation that defines it",
        e.span,
        f"`{e.id}` without the prime is the value that came in",
        secondary=where,
        help=f"move this below it, or read the old `{e.id}`" if where else None,
    )
    return Unknown()


def _read_slices(f: Environment, e: ast.Name) -> None:
    """`S'[k] = …` and, in the same loop, `S'`."""
    name = e.id + "'" * e.primed
    variable = f.stacks[name].variable
    f.error(
        "E0103",
        f"`{name}` is whole after the loop that sets its slices",
        e.span,
        help=f"in the loop, read the slice below the line that sets it: `{name}[{variable}]`",
    )


def _read_by_itself(f: Environment, e: ast.Name, defined: Span) -> None:
    """`h' = tanh(h')`"""
    f.error(
        "E0103",
        f"`{e.id}'` is read in the equation that defines it",
        e.span,
        f"`{e.id}` without the prime is the value that came in",
        secondary=(Label(defined, f"`{e.id}'` is defined here"),),
        help=f"read the old `{e.id}`",
        fix=Fix(e.span, e.id),
    )


def _without_prime(name: str, binding: Binding) -> str:
    if isinstance(binding.value, Tensor) and len(binding.value.shape) == 2:
        return f"write `{name}`; transposed it is `transpose({name})`"
    return f"write `{name}`"


def _outside(f: Environment, e: ast.Name) -> Value:
    """A name that the body does not define: a function, an initialiser, or nothing."""
    if not e.primed:
        if e.id in INITIALISERS:
            return Initialiser(e.id)
        function = find_function(f, e.id)
        if function is not None:
            return function
    if e.id in f.stacks and not e.primed:
        _read_slices(f, e)
    else:
        unknown_value(f, e.id, e.span, primed=e.primed)
    return Unknown()


def find_function(f: Environment, name: str) -> FunctionValue | None:
    """A `def` in scope or a builtin."""
    if name in f.home.defs:
        definition, home = f.home.defs[name]
        f.context.usage.used.add(definition.name.span)
        return FunctionValue(name, definition, home)
    if name in FUNCTIONS or name in PRELUDE:
        return FunctionValue(name)
    return None


# What arrays have elsewhere.
ATTRIBUTES = {
    **dict.fromkeys(("shape", "size", "ndim"), "sizes are the dims of the cell: `H`"),
    "dtype": "the dtype is given when the cell is built",
    "data": "gradients are Python's side; see `stop_gradient(v)`",
    "grad": "the gradient of a number is `grad(loss, W)`",
    "weight": "name the array: `param W: [H, I]`",
    "bias": "name the array: `param b: [H]`",
}
# What arrays have elsewhere and is a function here.
FUNCTION_OF = {
    **dict.fromkeys(("T", "mT"), "transpose({})"),
    **dict.fromkeys(("H", "mH"), "conj(transpose({}))"),
    "real": "real({})",
    "imag": "imag({})",
}


def read_inner(f: Environment, e: ast.Attribute) -> Value:
    """`g.h` and `g.h'`."""
    inner = f.inner.get(e.owner)
    binding = f.find(e.owner)
    if inner is None or binding is None or binding.kind != "sub":
        known = binding is not None and not isinstance(binding.value, Unknown)
        if known or (binding is None and e.owner not in f.silenced):
            _no_inner_cell(f, e, binding)
        return Unknown()
    f.context.usage.used.add(binding.span)
    if inner.open:
        told = f"`{e.owner}.{e.id}` has no size before `{e.owner}` is stepped"
        help = f"write its sizes where `{e.owner}` is declared, in the place of `_`"
        f.error("E0103", told, e.span, help=help)
        return Unknown()
    state = inner.env.find(e.id)
    if state is None or state.kind != "state":
        names_of = [n for s in inner.env.scopes for n, b in s.items() if b.kind == "state"]
        near = nearest_of(f, e.id, names_of)
        told = f"`{inner.cell.name.id}` has no state `{e.id}`"
        better = f"{e.owner}.{near}" + "'" * e.primed
        f.error(
            "E0101",
            told,
            e.span,
            help=f"did you mean `{better}`?" if near else _output_help(inner, e),
            fix=Fix(e.span, better) if near else None,
        )
        return Unknown()
    if not e.primed:
        inner.read.add(e.id)
        came = inner.came.get(e.id, state.value)
        return Unknown() if came is None else current(f, seen_outside(inner, came))
    found = inner.gone.get(e.id)
    if found is None and inner.stepped is None:
        f.error(
            "E0103",
            f"`{e.owner}.{e.id}'` is read before `{e.owner}` is stepped",
            e.span,
            help=f"call `{e.owner}(…)` first, or read the old `{e.owner}.{e.id}`",
        )
    return Unknown() if found is None else current(f, seen_outside(inner, found))


def _output_help(inner: Inner, e: ast.Attribute) -> str | None:
    outputs = [n.id for s in inner.cell.body if isinstance(s, ast.Output) for n in s.names]
    return f"an output is what the step gives: `{e.id} = {e.owner}(…)`" if e.id in outputs else None


def _no_inner_cell(f: Environment, e: ast.Attribute, binding: Binding | None) -> None:
    """`g.h` where `g` is no inner cell; `W.T` and `x.shape` are of other languages."""
    help, fix = ATTRIBUTES.get(e.id), None
    if binding is not None and binding.holds and (e.id == "b" or e.id.startswith("W_")):
        help = "a weight that equations read by name is declared: `param W: [N, M]`, then `v @ W`"
    if e.id in FUNCTION_OF:
        better = FUNCTION_OF[e.id].format(e.owner)
        help, fix = f"write `{better}`", Fix(e.span, better)
        value = None if binding is None else binding.value
        if isinstance(value, Tensor) and len(value.shape) == 1 and "transpose" in better:
            help, fix = "a vector is no row and no column: write `outer(a, b)` or `dot(a, b)`", None
    if binding is None:
        told = f"there is no inner cell `{e.owner}`"
        f.error("E0101", told, e.span, _cells_help(f), help=help, fix=fix)
        return
    f.error(
        "E0101",
        f"`{e.owner}` is {a_kind(binding.kind)}, which has no `{e.id}`",
        e.span,
        "a dot is for the states of inner cells",
        help=help,
        fix=fix,
    )


def _cells_help(f: Environment) -> str:
    return f"inner cells here: {', '.join(f.inner)}" if f.inner else "`sub` declares one"
