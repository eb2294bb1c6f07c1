"""Next states, and names that are taken.  In: a target and its value.  Out: nothing, or errors.

h' = …              the state's next value, or why it has none
a = …; a = …        every value is defined once
x = …               an input is declared, not defined
h = …               `h'` may be meant
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix, Label
from celldsl.diagnostics.span import Span
from celldsl.ir.size import shape_text
from celldsl.semantics import conversions as convert
from celldsl.semantics import wording
from celldsl.semantics.broadcast import product_hint, reasons
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Binding, StateEntry, Tensor, Unknown, Value, a_kind
from celldsl.semantics.unknown_names import nearest_of
from celldsl.syntax import ast


def twice(f: Environment, target: ast.Target, first: Span) -> None:
    f.error(
        "E0102",
        f"`{target.id}` is defined twice",
        target.span,
        secondary=(Label(first, "first here"),) if first != target.span else (),
        help="every value is defined once; give the second one another name",
    )


def defined_again(f: Environment, target: ast.Target, old: Binding) -> None:
    """A second value for a name after which parameters are named."""
    which = "the first equation" if old.holds else "this equation"
    if old.holds and f.holds:
        which = "both equations"
    f.error(
        "E0102",
        f"`{target.id}` is defined twice, and the parameters of {which} are named after it",
        target.span,
        secondary=(Label(old.span, "first here"),) if old.span != target.span else (),
        help=f"give one of them another name: `{target.id}2 = …`; without parameters a name can be "
        "given a new value",
    )


def refuse(f: Environment, target: ast.Target, old: Binding) -> None:
    declared = (Label(old.span, "it is declared here"),)
    if old.kind == "state" and not _has_next(f, target.id):
        _ask_prime(f, target, declared)
        return
    f.error(
        "E0105",
        f"`{target.id}` is {a_kind(old.kind)} and cannot be defined",
        target.span,
        secondary=declared,
        help="give the value another name",
    )


def _has_next(f: Environment, state: str) -> bool:
    """Whether the cell has an equation for `h'` too."""
    body = f.context.cells[-1].body if f.context.cells else ()
    equations = [s for s in body if isinstance(s, ast.Equation)]
    return any(t.id == state and t.primed for s in equations for t in s.targets)


def _ask_prime(f: Environment, target: ast.Target, declared: tuple[Label, ...]) -> None:
    """`h = …` where `h'` is meant: what goes out is then known to be wrong, not missing."""
    index = "" if target.index is None else f"[{target.index.span.text}]"
    better = f"{target.id}'{index}"
    f.error(
        "E0105",
        f"`{target.id}` is the state that came in and cannot be defined",
        target.span,
        "the state that goes out has a prime",
        secondary=declared,
        help=f"write `{better} = …`, and `{target.id}'` where the new value is read below",
        fix=Fix(target.span, better),
    )
    f.nexts.setdefault(target.id, None)


def assign_next(f: Environment, s: ast.Equation, target: ast.Target, value: Value) -> None:
    binding = state_of(f, target)
    if binding is None:
        return
    if f.iterations:
        f.error(
            "E0312",
            f"`{target.id}'` cannot be defined in a loop",
            target.span,
            "it would have a value for each iteration",
            help=f"rebind a value in the loop, and write `{target.id}' = …` after it; or fill "
            f"`{target.id}'[k]`",
        )
        f.nexts.setdefault(target.id, None)
        return
    set_next(f, target.id, target.span, s.value, value)


def state_of(f: Environment, target: ast.Target) -> Binding | None:
    """The state that a primed target is of."""
    binding = f.find(target.id)
    if binding is not None and binding.kind == "state":
        return binding
    if binding is None and target.id in f.silenced:
        return None
    is_what = "not declared" if binding is None else a_kind(binding.kind)
    states = [n for scope in f.scopes for n, b in scope.items() if b.kind == "state"]
    near = nearest_of(f, target.id, states) if binding is None else None
    shape = _shape_of_value(f, binding)
    help = f"to carry it, declare `state {target.id}: {shape}`" if shape else None
    f.error(
        "E0110",
        f"`{target.id}` is {is_what}, so it has no next value",
        target.span,
        help=f"did you mean `{near}'`?" if near else help,
        fix=Fix(target.span, f"{near}'") if near and target.index is None else None,
    )
    if binding is None:
        f.silenced.add(target.id)
    return None


def _shape_of_value(f: Environment, binding: Binding | None) -> str | None:
    """What a state in the place of a value would be."""
    if binding is None:
        return "[H]"
    known = binding.kind == "value" and isinstance(binding.value, Tensor)
    return wording.told(f, binding.value) if known and isinstance(binding.value, Tensor) else None


def set_next(f: Environment, name: str, span: Span, written: ast.Expr, value: Value) -> None:
    earlier = f.next_spans.get(name)
    if earlier is not None:
        f.error(
            "E0102",
            f"`{name}'` is defined twice",
            span,
            secondary=(Label(earlier, "first here"),),
            help="a state has exactly one next value",
        )
        return
    f.next_spans[name] = span
    f.context.usage.nexts[f.prefix + name] = span.until(written.span)
    binding = f.find(name)
    assert binding is not None
    found = convert.number(f, value, written.span)
    if isinstance(binding.value, Unknown) or found is None:
        f.nexts[name] = None
        return
    assert isinstance(binding.value, Tensor)
    f.nexts[name] = found
    f.note(f"{name}'", found, span)
    state = f.context.states[f.prefix + name]
    if f.context.is_complex(found.name) != state.complex:
        _explain_parts(f, name, written, state, binding)
        f.nexts[name] = None
    elif f.context.constraints.same_shape(found.shape, state.shape):
        state.next = f.context.array(found.name)
    else:
        _explain_next(f, name, written, found, binding)
        f.nexts[name] = None


def _explain_parts(
    f: Environment, name: str, written: ast.Expr, state: StateEntry, binding: Binding
) -> None:
    """A real state gets a complex value, or the reverse."""
    kinds = ("complex", "real") if state.complex else ("real", "complex")
    shape = shape_text(state.shape)
    help = convert.to_complex(written.span)
    if not state.complex:
        help = f"{convert.to_real(written.span)}; or declare `state {name}: complex{shape}`"
    f.error(
        "E0219",
        f"the state `{name}` is {kinds[0]}, and its next value is {kinds[1]}",
        written.span,
        f"this is {kinds[1]}",
        secondary=(Label(binding.span, f"`{name}` is declared {kinds[0]} here"),),
        help=help,
    )


def _explain_next(
    f: Environment, name: str, written: ast.Expr, found: Tensor, binding: Binding
) -> None:
    assert isinstance(binding.value, Tensor)
    shape = binding.value.shape
    target = ast.Name(name, span=binding.span)
    help = product_hint(f, written)
    if help is None and not found.shape:
        help = f"to fill it, write `{wording.short(written.span)} * ones({shape_text(shape)})`"
    elif help is None and not shape and len(found.shape) == 1:
        text = wording.short(written.span)
        help = f"declare `state {name}: {shape_text(found.shape)}`, or reduce: `sum({text})`"
    elif help is None and len(found.shape) == len(shape):
        pairs = zip(found.shape, shape, strict=True)
        a, b = next((a, b) for a, b in pairs if not f.context.constraints.equal(a, b))
        help = wording.usual_size(f, a, b) or wording.counterexample(a, b)
    f.error(
        "E0206",
        f"the state `{name}` is {wording.told(f, binding.value)}, and its next value is "
        f"{wording.told(f, found)}",
        written.span,
        f"this is {wording.told(f, found)}",
        secondary=reasons(f, (written, found), (target, binding.value), written.span)
        or (Label(binding.span, f"`{name}` is declared {shape_text(shape)} here"),),
        help=help or None,
    )
