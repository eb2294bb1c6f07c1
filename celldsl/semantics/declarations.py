"""Declarations of states, parameters, consts.  In: syntax.  Out: leaves, and names bound to them.

A parameter has a leaf and, for how it begins, a node among the initial values.
"""

from __future__ import annotations

import math
import re

from celldsl.diagnostics.diagnostic import Label
from celldsl.diagnostics.span import Span
from celldsl.ir.program import Rows
from celldsl.ir.size import Shape, Size, shape_text
from celldsl.ir.spec import ParamSpec
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import (
    Binding,
    Initialiser,
    Kind,
    StateEntry,
    Target,
    Tensor,
    Truth,
    Unknown,
    Value,
    a_kind,
)
from celldsl.semantics.initial_values import drawn, fitted, targeting
from celldsl.semantics.pairs import Pair, stored
from celldsl.syntax import ast

KEPT = frozenset({"dtype", "seed", "state", "lengths", "training", "reverse", "products", "T", "B"})
PUBLIC = ("dim", "hyper", "input", "state", "const")


def declare_name(f: Environment, name: ast.Declared | ast.Dim | ast.Hyper, kind: Kind) -> bool:
    """Whether the name is free; says where it was taken."""
    if name.id in KEPT and kind in PUBLIC:
        f.error(
            "E0104",
            f"`{name.id}` has a meaning in Python's interface and cannot be {a_kind(kind)}",
            name.span,
            help="batch and time are not written: the compiler adds them"
            if name.id in ("B", "T")
            else f"choose another name, such as `{name.id}_`",
        )
        return kind != "dim" and f.find(name.id) is None
    taken = f.find(name.id)
    if taken is None:
        return True
    f.error(
        "E0105" if taken.kind != kind else "E0102",
        f"`{name.id}` is {a_kind(taken.kind)} already",
        name.span,
        secondary=(Label(taken.span, "it is declared here"),),
    )
    return False


def bind(f: Environment, name: ast.Declared, kind: Kind, value: Value) -> None:
    f.scopes[-1][name.id] = Binding(kind, value, name.span, len(f.iterations))
    f.context.usage.declared[name.span] = (kind, name.id)
    f.saw(name.span, value)


def reasons(listing: ast.ListOf) -> tuple[Span, ...]:
    return tuple(item.span for item in listing.items)


def declare_state(f: Environment, name: ast.Declared, s: ast.State) -> None:
    shape = written_sizes.shape(f, s.shape, "the shape")
    if not declare_name(f, name, "state"):
        return
    if shape is None:
        bind(f, name, "state", Unknown())
        f.nexts.setdefault(name.id, None)
        return
    w, public, of_pairs = f.context, f.prefix + name.id, s.kind == "complex"
    make = w.complex_leaf if of_pairs else w.leaf
    leaf = make("state", public, shape, Rows.STEP)
    entry = StateEntry(public, shape, name.span, complex=of_pairs)
    w.states[public] = entry
    if s.init is not None:
        w.origin(s.span)
        target = Target(shape, complex=of_pairs)
        with targeting(f, target, "the start of a state"):
            entry.start = fitted(f, f.elaborate(s.init), s.init, target)
    bind(f, name, "state", Tensor(leaf, shape, reasons(s.shape)))
    f.nexts.pop(name.id, None)


def declare_array(f: Environment, name: ast.Declared, s: ast.Param | ast.Const) -> None:
    """A `param` or `const`."""
    kind: Kind = "param" if isinstance(s, ast.Param) else "const"
    shape = written_sizes.shape(f, s.shape, "the shape")
    if f.in_function and not f.base:
        f.error("E0403", f"a {kind} cannot be made here", s.span, "outside an equation")
        return
    if not declare_name(f, name, kind):
        return
    f.later.pop(name.id, None)
    bind(f, name, kind, Unknown())
    if shape is None:
        return
    public = f.base + ".".join([name.id, *map(str, f.iterations)])
    fan_in, fan_out = fans(shape)
    target = Target(shape, public, fan_in, fan_out, complex=s.kind == "complex")
    initial = _initial(f, s, target, name.span)
    leaf = parameter(f, target, name.span, initial, kind)
    if leaf is not None:
        bind(f, name, kind, Tensor(leaf, shape, reasons(s.shape)))


def _initial(f: Environment, s: ast.Param | ast.Const, target: Target, span: Span) -> str | None:
    if s.init is not None:
        word = "param" if isinstance(s, ast.Param) else "const"
        return initial_value(f, s.init, target, f"the start of a {word}")
    return default_initial(f, target, span) if isinstance(s, ast.Param) else None


MAX_SUMMAND = 80
# Compiled where it is used: few files need it, and a check is short.
_SUMMAND = r"linear\((?P<{}>\w+'?), *(?P<{}>[\w*/ -]+)\)"
_TWO_LINEARS = rf"{_SUMMAND.format('v', 'N')} *\+ *{_SUMMAND.format('w', 'M')}"


def claim(f: Environment, span: Span, needs_place: bool = True) -> bool:
    """Whether a block or norm may make its parameters here: in an equation."""
    if f.only_initial or (needs_place and not f.place):
        where = f.only_initial or "this place"
        f.error("E0403", f"`{span.text}` cannot stand in {where}", span, "it has parameters")
        return False
    return True


def claim_name(f: Environment, name: str, span: Span) -> bool:
    """Whether no other block or norm of the equation has a parameter of this name.

    `span` is that of the function that makes it.
    """
    first = f.made.setdefault(name, span)
    if first is span:
        return True
    own = f"give it an equation of its own: `a = {span.text}(…)`"
    if name.endswith(".b"):
        own = f"one bias is enough: write `bias=false` in one of them; or {own}"
    f.error(
        "E0401",
        f"two parameters of this equation would be named `{name}`",
        span,
        f"this `{span.text}` has one of them" if first != span else "both are of this one",
        secondary=(Label(first, "the other one"),) if first != span else (),
        help=_one_linear(first, span) or own,
    )
    return False


def _one_linear(first: Span, second: Span) -> str | None:
    """`linear(x, H) + linear(h, H)` is one `linear` of a list, with one bias."""
    sums, end = re.compile(_TWO_LINEARS), second.end + MAX_SUMMAND
    found = sums.match(first.source.text, first.start, end)
    if found is None or found["N"] != found["M"]:
        return None
    return f"a sum of them is one of a list: `linear([{found['v']}, {found['w']}], {found['N']})`"


def parameter(
    f: Environment, target: Target, span: Span, initial: str | None, kind: str = "param"
) -> str | None:
    """The leaf of a parameter or const; None where the name is taken."""
    w, name = f.context, target.param
    shape = stored(target.shape) if target.complex else target.shape
    if f.sharing is not None and name in w.places and name not in f.sharing.made:
        f.sharing.made.add(name)
        known = _of_another_body(f, name, shape, span, kind)
        return w.value_of(name) if known else None
    if f.sharing is not None:
        f.sharing.made.add(name)
    if name in w.places:
        if w.name_taken:
            w.refused += 1
            return None  # of two equations of one name the second is refused itself
        first = Label(w.places[name], "the first one")
        f.error(
            "E0402",
            f"two parameters are named `{name}`",
            span,
            secondary=(first,) if first.span != span else (),
            help="give one of them an equation of its own",
        )
        return None
    w.places[name] = span
    table = w.params if kind == "param" else w.consts
    table[name] = ParamSpec(name, shape, initial)
    make = w.complex_leaf if target.complex else w.leaf
    return make(kind, name, target.shape, Rows.ONCE)


def _of_another_body(f: Environment, name: str, shape: Shape, span: Span, kind: str) -> bool:
    """A parameter that a body before made, which shares it."""
    w = f.context
    table = w.params if kind == "param" else w.consts
    known, what = table[name], "" if f.sharing is None else f.sharing.what
    if w.constraints.same_shape(known.shape, shape):
        return True
    f.error(
        "E0406",
        f"{what} has one set of weights, and `{name}` is {shape_text(known.shape)}",
        f.called or span,
        f"here it would be {shape_text(shape)}",
        secondary=(Label(w.places[name], "it was made for this one"),),
        help="all its calls have operands and widths of the same sizes; another set is another def"
        if what.startswith("the function")
        else "an inner cell with other sizes has weights of its own",
    )
    return False


def filled_initial(f: Environment, number: float, shape: Shape) -> str:
    with f.context.initial_values():
        return f.context.op("broadcast", f.context.op("number", value=number), shape=shape)


def zero_initial(f: Environment, target: Target) -> str:
    return filled_initial(f, 0.0, stored(target.shape) if target.complex else target.shape)


def block_initial(
    f: Environment, written: ast.Expr | None, stateful: bool, target: Target, span: Span
) -> str | None:
    """How a block begins: as `init=` says, else by what its operand depends on."""
    if written is not None:
        return initial_value(f, written, target, "`init`")
    return _drawn(f, "orthogonal" if stateful else "glorot_uniform", target, span)


def _drawn(f: Environment, name: str, target: Target, span: Span) -> str | None:
    with targeting(f, target, "an initial value"):
        found = drawn(f, Initialiser(name), span)
        if found is None or not target.complex:
            return None if found is None else found.name
        return _of_both_parts(f, found, drawn(f, Initialiser(name), span))


def _of_both_parts(f: Environment, real: Tensor, imag: Tensor | None) -> str | None:
    """Two draws, each over √2, so that a complex number is as long as a real one would be."""
    if imag is None:
        return None
    parts = [f.context.op("mul", part.name, math.sqrt(0.5)) for part in (real, imag)]
    return f.context.array(f.context.complex(Pair(*parts), "pair", *parts))


def bias_initial(f: Environment, written: ast.Expr | None, target: Target) -> str | None:
    """How a bias begins; None where there is none."""
    if written is None:
        return zero_initial(f, target)
    binding = f.find(written.id) if isinstance(written, ast.Name) else None
    if binding is not None and binding.kind == "param":
        told = f"`bias` says how a bias begins, and `{written.span.text}` is a parameter of its own"
        help = f"add it to the product: `linear(…, bias=false) + {written.span.text}`"
        f.error("E0124", told, written.span, help=help)
        return zero_initial(f, target)
    with targeting(f, target, "the start of a bias"):
        value = f.elaborate(written)
        match value:
            case Truth(False):
                return None
            case Truth(True) | Unknown():
                return zero_initial(f, target)
        return fitted(f, value, written, target) or zero_initial(f, target)


def initial_value(f: Environment, written: ast.Expr, target: Target, what: str) -> str | None:
    """The node of `= EXPR` of a param or const."""
    with targeting(f, target, what):
        return fitted(f, f.elaborate(written), written, target)


def default_initial(f: Environment, target: Target, span: Span) -> str | None:
    """A param without a value: Glorot's rule for matrices, zeros for vectors."""
    if len(target.shape) < 2:
        return zero_initial(f, target)
    return _drawn(f, "glorot_uniform", target, span)


def fans(shape: Shape) -> tuple[Size, Size]:
    """`W @ x` reads along the last axis."""
    if not shape:
        return Size.of(1), Size.of(1)
    return shape[-1], shape[-2] if len(shape) > 1 else shape[-1]
