"""Steps of inner cells.  In: `g(x)`, `g(x, h=v)`.  Out: the outputs of `g`.

The body of the inner cell is elaborated in the place of the call, with the names of its states
and parameters behind `g.`.  A step begins where the one before has ended, and at what came into the
outer step where there is none; or at what it is told.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix, Label
from celldsl.diagnostics.suggest import nearest
from celldsl.ir.size import shape_text
from celldsl.semantics import conversions as convert
from celldsl.semantics import wording
from celldsl.semantics.builtins.function import bind
from celldsl.semantics.context import Context, Environment, Inner
from celldsl.semantics.environment import (
    Binding,
    Several,
    Sharing,
    Static,
    Tensor,
    Unknown,
    Value,
)
from celldsl.semantics.inner_settings import cell_named
from celldsl.semantics.inputs import give_input
from celldsl.semantics.subcells import declare_inside, frames_inside, inside, subs
from celldsl.semantics.wording import elaborate_beside, has_shape, seen_outside
from celldsl.structs import replace
from celldsl.syntax import ast


def step_inner(f: Environment, inner: Inner, e: ast.Call) -> Value:
    """`g(x)`: one step of the inner cell."""
    if f.only_initial:
        f.error("E0403", f"`{inner.name}` cannot be stepped in {f.only_initial}", e.span)
        return Unknown()
    told = {keyword.name for keyword in e.keywords} & set(states_of(inner.cell))
    if not _may_step(f, inner, e, told):
        return Unknown()
    arguments = _arguments(f, inner, e)
    inner.during.append(f.iteration)
    given = {name: f.elaborate(w) for name, w in (arguments or {}).items() if inner.open}
    if arguments is None or (inner.open and not _fill(f, inner, e, arguments, given)):
        inner.stepped = e.span
        return Unknown()
    body = _body(f, inner)
    inner.started = told if inner.started is None else inner.started & told
    fine = _inputs(f, inner, body, arguments, given)
    starts = [_start(f, inner, body, k) for k in e.keywords if k.name in told]
    inner.stepped = e.span
    if not fine or None in starts:
        inner.gone = dict.fromkeys(states_of(inner.cell))
        return Unknown()
    outputs = _run(f, inner, body, e, {start.name for start in starts if start is not None})
    f.context.origin(e.span)
    values: tuple[Value, ...] = tuple(Unknown() if o is None else o for o in outputs)
    if not values:
        return Unknown()
    seen = tuple(seen_outside(inner, value) for value in values)
    return seen[0] if len(seen) == 1 else Several(seen)


def states_of(cell: ast.Cell) -> list[str]:
    return [name.id for s in cell.body if isinstance(s, ast.State) for name in s.names]


def _may_step(f: Environment, inner: Inner, e: ast.Call, told: set[str]) -> bool:
    """Once, and once in each iteration of loops; more often where each state is told."""
    if not any(iteration is f.iteration for iteration in inner.during):
        return True
    missing = [name for name in states_of(inner.cell) if name not in told]
    below = [other.name for other in _below(f, inner)]
    if not missing and not below:
        return True
    assert inner.stepped is not None
    name = inner.name
    help = f"declare another one: `sub {name}2 = shared {name}` has the same weights"
    if not below:
        starts = ", ".join(f"{state}={name}.{state}'" for state in states_of(inner.cell))
        help += f"; or go on with the first: `{name}(…, {starts})`"
    f.error(
        "E0309",
        f"`{inner.name}` is stepped twice in one step",
        e.span,
        _untold(missing, below) if told else "",
        secondary=(Label(inner.stepped, "the first time"),) if inner.stepped != e.span else (),
        help=help,
    )
    return False


def _untold(missing: list[str], below: list[str]) -> str:
    """Why a step that says where some states begin may not follow another."""
    if missing:
        return f"where {', '.join(f'`{name}`' for name in missing)} begins is not said"
    return f"`{below[0]}` in it has states too, which cannot be told"


def _below(f: Environment, inner: Inner) -> list[Inner]:
    """The cells in an inner cell that have states."""
    inners = [f.context.inners[prefix] for prefix in f.context.below.get(inner.env.prefix, ())]
    return [other for other in inners if states_of(other.cell) or _below(f, other)]


def _body(f: Environment, inner: Inner) -> Environment:
    """The body for one step, with the states that come into it."""
    env = inner.env
    assert env.sharing is not None
    scope = {name: Binding(b.kind, b.value, b.span, b.depth) for name, b in env.scopes[0].items()}
    for name, value in inner.latest.items():
        scope[name].value = Unknown() if value is None else f.named(value, scope[name].span)
    return replace(
        env,
        scopes=[scope],
        around=f.where().loops,
        frames=frames_inside(f, env.prefix),
        sharing=Sharing(env.sharing.what, set(env.sharing.made)),
        again=inner.stepped is not None or f.again,
        hidden={},
        later=dict(env.later),
        silenced=set(env.silenced),
        nexts=dict(env.nexts),
        next_spans={},
        inner={},
        all_inner=[],
    )


def _run(
    f: Environment, inner: Inner, body: Environment, e: ast.Call, starts: set[str]
) -> list[Tensor | None]:
    """The outputs of a step; what it begins at counts as a state in it."""
    w, outputs = f.context, list[Tensor | None]()
    stateful = starts - w.from_state
    w.from_state |= stateful
    w.cells.append(inner.cell)
    with w.masks_of(inner.masks):
        inside(f, inner, lambda: outputs.extend(w.callbacks.equations(body, inner.cell)), e)
    w.cells.pop()
    w.from_state -= stateful
    inner.gone = dict(body.nexts)
    return outputs


def _arguments(f: Environment, inner: Inner, e: ast.Call) -> dict[str, ast.Expr] | None:
    """What is written for each input."""
    inputs = [name.id for name, _ in _declared_inputs(inner)]
    states, signature = states_of(inner.cell), ", ".join(inputs)
    if not _keywords_known(f, inner, e, inputs, states):
        return None
    own = None
    if states:
        told = f"{inner.name}({signature}, {states[0]}=…)"
        own = f"a state to begin at goes by its name: `{told}`; without one a step begins where "
        own += "the one before has ended"
    plain = replace(e, keywords=tuple(k for k in e.keywords if k.name not in states))
    bound = bind(f, plain, signature, inner.name, own)
    return None if bound is None else {name: w for name, w in bound.items() if w is not None}


def _declared_inputs(inner: Inner) -> list[tuple[ast.Declared, ast.Input]]:
    return [(name, s) for s in inner.cell.body if isinstance(s, ast.Input) for name in s.names]


def _fill(
    f: Environment,
    inner: Inner,
    e: ast.Call,
    arguments: dict[str, ast.Expr],
    values: dict[str, Value],
) -> bool:
    """Sizes that were written `_`, by what the inputs are given; then what depends on them."""
    for name, s in _declared_inputs(inner):
        value = values[name.id]
        if isinstance(value, Unknown):
            return False
        if not isinstance(value, Tensor):
            found = convert.as_tensor(f, value, arguments[name.id].span)
            if found is None:
                return False
            value = values[name.id] = found
        for item, size in zip(s.shape.items, value.shape, strict=False):
            binding = inner.env.scopes[0].get(item.id) if isinstance(item, ast.Name) else None
            if binding is not None and isinstance(binding.value, Unknown):
                binding.value = Static(size)
    lacking = [dim for dim in inner.open if isinstance(inner.env.scopes[0][dim].value, Unknown)]
    if lacking:
        told = f"`{inner.name}` is given nothing that says how large `{lacking[0]}` is"
        f.error("E0308", told, e.span, help=f"write the size where `{inner.name}` is declared")
        return False
    inner.open = ()
    declare_inside(f, inner, e)
    return True


def _inputs(
    f: Environment,
    inner: Inner,
    body: Environment,
    arguments: dict[str, ast.Expr],
    values: dict[str, Value],
) -> bool:
    """Bind the inputs of the inner cell to the arguments."""
    fine = True
    for name, s in _declared_inputs(inner):
        found = give_input(f, inner, name, s, arguments[name.id], values.get(name.id))
        fine &= found is not None
        value = f.named(found or Unknown(), name.span)
        body.scopes[0][name.id] = Binding("input", value, name.span)
    return fine


def _keywords_known(
    f: Environment, inner: Inner, e: ast.Call, inputs: list[str], states: list[str]
) -> bool:
    seen: set[str] = set()
    for keyword in e.keywords:
        if keyword.name in seen:
            f.error("E0123", f"`{keyword.name}` is given twice", keyword.span)
            return False
        seen.add(keyword.name)
        if keyword.name in (*inputs, *states):
            continue
        deeper = _deeper(inner, keyword.name)
        near = None if deeper else nearest(keyword.name, [*inputs, *states])
        f.error(
            "E0123",
            f"`{inner.name}` has no input and no state `{keyword.name}`",
            keyword.span,
            help=f"did you mean `{near}`?" if near else deeper or _listed(inputs, states),
            fix=Fix(keyword.span, f"{near}={keyword.value.span.text}") if near else None,
        )
        return False
    return True


def _deeper(inner: Inner, name: str) -> str | None:
    """Where an inner cell of the inner cell is told its start: there, and not from outside."""
    for part in subs(inner.cell.body):
        held = cell_named(inner.home, part.cell.id)
        states = [] if held is None else states_of(held.cell)
        if states and name in (part.name.id, *states):
            state = name if name in states else states[0]
            told = f"`{state}` is a state of `{part.name.id}` in it"
            there = f"write `{part.name.id}(…, {state}=…)` there"
            return f"{told}: give `{inner.cell.name.id}` an input for it, and {there}"
    return None


def _listed(inputs: list[str], states: list[str]) -> str:
    told = [", ".join(f"`{name}`" for name in names) for names in (inputs, states)]
    return f"its inputs are {told[0]}, its states {told[1]}" if states else f"it takes {told[0]}"


def _start(f: Environment, inner: Inner, body: Environment, k: ast.Keyword) -> Tensor | None:
    """What a step is told to begin at, bound to the state."""
    binding = body.scopes[0][k.name]
    declared = inner.env.scopes[0][k.name].value
    fits = has_shape(f, declared.shape) if isinstance(declared, Tensor) else f.fits
    found = convert.number(f, elaborate_beside(f, k.value, fits), k.value.span)
    if found is None or not isinstance(declared, Tensor):
        return None
    of_pairs = f.context.is_complex(declared.name)
    if f.context.is_complex(found.name) != of_pairs:
        span = k.value.span
        f.error(
            "E0219",
            f"the state `{k.name}` of `{inner.name}` is {'complex' if of_pairs else 'real'}",
            span,
            secondary=(Label(binding.span, "it is declared here"),),
            help=convert.to_complex(span) if of_pairs else convert.to_real(span),
        )
        return None
    if f.context.constraints.same_shape(found.shape, declared.shape):
        binding.value = f.named(found, binding.span)
        return found
    wanted, text = shape_text(declared.shape), wording.short(k.value.span)
    f.error(
        "E0203",
        f"the state `{k.name}` of `{inner.name}` is {wanted}",
        k.value.span,
        f"`{text}` is {shape_text(found.shape)}",
        secondary=(Label(binding.span, "it is declared here"),),
        help=None if found.shape else f"to fill it, write `{text} * ones({wanted})`",
    )
    return None


def drop_told_states(w: Context) -> None:
    """A state that every step is told, and that nobody reads as `g.h`, is not carried."""
    for prefix, inner in w.inners.items():
        for name in (inner.started or set()) - inner.read:
            w.states.pop(prefix + name, None)
            w.leaves.pop(prefix + name, None)
