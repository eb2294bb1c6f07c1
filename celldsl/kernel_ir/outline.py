"""Loop nests as functions of their own.  In: functions of a direction.  Out: those, and more.

    for b in range(low, high):                  for b in range(low, high):
        …                                           …
        for j0 in range(d_K): …                     forward_nest_1(dims, m_p, m_u)
        for j0 in range(d_K): …                     forward_nest_1(dims, m_q, m_w)

LLVM's time grows faster than the length of a function, and equal nests are translated once.  So a
nest stands apart where a stage has many, and where a long one is there more than once; stages do
where there are many.  Nests are equal if they differ in names and real numbers alone; numbers that
differ are arguments.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from celldsl.kernel_ir.free import live_before, mentioned, reads_first, written
from celldsl.kernel_ir.stages import MOST_SCOPES, ROWS, arguments_of
from celldsl.kernel_ir.statements import (
    Apply,
    Assign,
    Call,
    Do,
    For,
    Function,
    If,
    Name,
    Note,
    Pointer,
    Return,
    Statement,
    Value,
)
from celldsl.structs import entity, field, record, replace, values_of

CROWD = 12  # of more nests than this in a stage, or stages in a direction, all are set apart
LONG = 8  # statements of a nest for which a call is nothing
GLOBAL = frozenset({*ROWS, "parts", "rows", "dims", "hyper", "parameters"})
PLAIN_REALS = frozenset({0.0, 1.0})  # LLVM may have an instruction less where it knows them
Key = tuple[object, ...]


@record
class Nest:
    """A loop of a row that could stand apart; `result` is the one variable that others read."""

    loop: For
    key: Key
    names: tuple[str, ...]
    scopes: tuple[int, ...]
    reals: tuple[float, ...]
    result: str | None
    crowded: bool


@entity
class Shared:
    """The function of equal nests: `holes` are the places among their reals that are arguments."""

    function: Function
    names: tuple[str, ...]
    holes: tuple[int, ...]


def set_apart(functions: Sequence[Function], direction: str) -> list[Function]:
    """Functions in which such nests are calls, after those that they call."""
    groups: dict[Key, list[Nest]] = defaultdict(list)
    found = [_nests(function) for function in functions]
    for nests_of_one in found:
        for nest in nests_of_one.values():
            groups[nest.key].append(nest)
    made: dict[Key, Shared] = {}
    for key, nests in groups.items():
        long = _length(nests[0].loop.body) >= LONG
        if any(nest.crowded for nest in nests) or (long and len(nests) > 1):
            made[key] = _shared(f"{direction}_nest_{len(made) + 1}", nests)
    changed = [_with_calls(*pair, made) for pair in zip(functions, found, strict=True)]
    if sum(function.kind == "routine" for function in functions) > CROWD:
        changed = [replace(f, kind="apart") if f.kind == "routine" else f for f in changed]
    return [*(shared.function for shared in made.values()), *changed]


# ---------------------------------------------------------------- what could stand apart


def _row_loop(function: Function) -> For | None:
    last = function.body[-1] if function.body else None
    return last if function.kind == "routine" and isinstance(last, For) else None


def _nests(function: Function) -> dict[int, Nest]:
    """The nests of a stage by their places in the loop over rows."""
    row_loop = _row_loop(function)
    if row_loop is None:
        return {}
    scopes = {
        s.target.id: s.value.scope
        for s in (*function.body, *row_loop.body)
        if isinstance(s, Assign) and isinstance(s.target, Name) and isinstance(s.value, Pointer)
    }
    crowded = sum(isinstance(s, For) for s in row_loop.body) > CROWD
    live = live_before(row_loop.body)
    found: dict[int, Nest] = {}
    for place in range(len(row_loop.body) - 1, -1, -1):
        statement = row_loop.body[place]
        if isinstance(statement, For):
            results = written(statement) & live[place + 1]
            if len(results) <= 1:
                result = next(iter(results), None)
                found[place] = _described(statement, scopes, result, crowded)
    return dict(reversed(found.items()))


def _described(loop: For, scopes: Mapping[str, int], result: str | None, crowded: bool) -> Nest:
    canonical = Canonical()
    shape = canonical.shape(loop)
    names = tuple(canonical.numbers)
    # Only which of them are equal counts, not which numbers they have in the stage.
    local: dict[int, int] = {}
    known = [scopes.get(name) for name in names]
    renamed = tuple(
        -2 if scope is None else -1 if scope < 0 else local.setdefault(scope, len(local))
        for scope in known
    )
    reals = tuple(canonical.reals)
    fixed = reals if canonical.uses_powers else ()
    at = None if result is None else canonical.numbers[result]
    return Nest(loop, (shape, renamed, fixed, at), names, renamed, reals, result, crowded)


@entity
class Canonical:
    """Statements without their names and real numbers, which are counted as they are met."""

    numbers: dict[str, int] = field(default_factory=dict)
    reals: list[float] = field(default_factory=list)
    uses_powers: bool = False

    def shape(self, value: object) -> object:
        match value:
            case float():
                if value in PLAIN_REALS:
                    return value.hex()
                self.reals.append(value)
                return "real"
            case Name(id):
                if id in GLOBAL:
                    return id
                return self.numbers.setdefault(id, len(self.numbers)), "name"
            case tuple():
                return tuple(self.shape(item) for item in value if not isinstance(item, Note))
            case Apply("pow"):
                self.uses_powers = True
        fields = values_of(value)
        if not fields:
            return value, type(value)
        return (type(value), *(self.shape(item) for item in fields))


def _length(body: Iterable[Statement]) -> int:
    """How many statements there are, those inside of others too."""
    return sum(1 + _length(_inside(s)) for s in body if not isinstance(s, Note))


def _inside(statement: Statement) -> tuple[Statement, ...]:
    match statement:
        case For(body=body):
            return body
        case If(body=body, otherwise=other):
            return (*body, *other)
    return ()


# ---------------------------------------------------------------- functions and calls


def _shared(name: str, nests: Sequence[Nest]) -> Shared:
    first = nests[0]
    holes = tuple(
        place
        for place, real in enumerate(first.reals)
        if any(n.reals[place] != real for n in nests)
    )
    loop = _rebuilt(first.loop, holes, iter(range(len(first.reals))))
    assert isinstance(loop, For)
    pointers = tuple(
        Assign(Name(name), Pointer(_given(name), 0, scope if scope < MOST_SCOPES else -1))
        for name, scope in zip(first.names, first.scopes, strict=True)
        if scope > -2
    )
    result = () if first.result is None else (Return(Name(first.result)),)
    body = (*pointers, loop, *result)
    needed = reads_first(body)
    arguments = tuple(argument for argument in arguments_of(mentioned(body), needed))
    return Shared(Function(name, "apart", arguments, body), first.names, holes)


def _given(pointer: str) -> str:
    """What the function is given for a pointer of its own."""
    return f"to_{pointer.removeprefix('m_')}"


def _hole(place: int) -> str:
    return f"real_{place}"


def _rebuilt(value: object, holes: Sequence[int], places: Iterator[int]) -> object:
    """The same with arguments for real numbers, and without notes: it is for several equations."""
    match value:
        case float():
            if value in PLAIN_REALS:
                return value
            place = next(places)
            return Name(_hole(place)) if place in holes else value
        case tuple():
            return tuple(
                _rebuilt(item, holes, places) for item in value if not isinstance(item, Note)
            )
    names = getattr(type(value), "__match_args__", ()) if values_of(value) else ()
    if not names:
        return value
    changes = {name: _rebuilt(getattr(value, name), holes, places) for name in names}
    return replace(value, **changes)


def _with_calls(
    function: Function, found: Mapping[int, Nest], made: Mapping[Key, Shared]
) -> Function:
    """A stage with calls in the places of nests.  What it is given stays the same."""
    row_loop = _row_loop(function)
    nests = {place: n for place, n in found.items() if n.key in made}
    if row_loop is None or not nests:
        return function
    body: list[Statement] = []
    for place, statement in enumerate(row_loop.body):
        nest = nests.get(place)
        if nest is None:
            body.append(statement)
        else:
            body += _notes(nest.loop.body)
            body.append(_call(nest, made[nest.key]))
    loop = replace(row_loop, body=tuple(body))
    return replace(function, body=(*function.body[:-1], loop))


def _notes(body: Iterable[Statement]) -> Iterator[Note]:
    for statement in body:
        if isinstance(statement, Note):
            yield statement
        yield from _notes(_inside(statement))


def _call(nest: Nest, shared: Shared) -> Statement:
    own = dict(zip(shared.names, nest.names, strict=True))
    given: dict[str, Value] = {name: Name(mine) for name, mine in own.items()}
    given |= {_given(name): Name(mine) for name, mine in own.items()}
    given |= {_hole(place): nest.reals[place] for place in shared.holes}
    call = Call(
        shared.function.name,
        tuple(given.get(argument, Name(argument)) for argument in shared.function.arguments),
    )
    return Do(call) if nest.result is None else Assign(Name(nest.result), call)
