"""Which variables are read, here and later.  In: statements or expressions.  Out: names.

found = mentioned(function.body)
found.free                  names that the body reads and does not assign
live_before(body)[i]        those that statement i, or one after it, reads before it is assigned
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.ir.size import Size
from celldsl.kernel_ir.statements import (
    Apply,
    Assign,
    Call,
    For,
    If,
    Load,
    Name,
    Number,
    Pointer,
    Setting,
    Start,
    Statement,
    Update,
    Word,
)
from celldsl.structs import entity, field, values_of


@entity
class Mentioned:
    """In the order in which they are met.

    names     variables and arguments, arrays among them; `bound` those that are assigned
    sizes     all sizes, those of starts among them
    reals     numbers of the cell's dtype; `converts` where whole numbers become such
    """

    names: dict[str, None] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)
    words: dict[str, None] = field(default_factory=dict)
    starts: dict[str, Size] = field(default_factory=dict)
    sizes: dict[Size, None] = field(default_factory=dict)
    settings: dict[str, None] = field(default_factory=dict)
    reals: dict[float, None] = field(default_factory=dict)
    functions: dict[str, None] = field(default_factory=dict)
    converts: bool = False

    @property
    def free(self) -> list[str]:
        return [name for name in self.names if name not in self.bound]

    @property
    def dims(self) -> set[str]:
        """The dims of all sizes; those that begin with @ are numbers of rows."""
        return {dim for size in self.sizes for dim in size.dims}


def mentioned(value: object) -> Mentioned:
    found = Mentioned()
    _visit(value, found)
    return found


NOTHING = frozenset({bool, int, str, type(None)})  # types of values in which nothing is named


def _visit(value: object, found: Mentioned) -> None:
    if type(value) is tuple:
        for item in value:
            if type(item) not in NOTHING:
                _visit(item, found)
        return
    match value:
        case float():
            found.reals[value] = None
            return
        case Size():
            found.sizes[value] = None
            return
        case Name(id):
            found.names[id] = None
        case Word(name):
            found.words[name] = None
        case Start(name, size):
            found.starts[name] = size
        case Setting(name):
            found.settings[name] = None
        case Call(function) | Apply(function):
            found.functions[function] = None
        case Pointer(array):
            found.functions["pointer"] = None
            found.names[array] = None
        case Assign(Name(id)) | For(Name(id)):
            found.bound.add(id)
        case Load(of_bool=True):
            # It is compared with zero.
            found.reals[0.0] = None
        case Number():
            found.converts = True
    for item in values_of(value):
        if type(item) not in NOTHING:
            _visit(item, found)


# ---------------------------------------------------------------- what is read later


def live_before(body: Sequence[Statement]) -> list[frozenset[str]]:
    """One more than there are statements: nothing is read after the last."""
    found: list[frozenset[str]] = [frozenset()]
    for statement in reversed(body):
        found.append(_before(statement, found[-1]))
    return found[::-1]


def reads_first(body: Sequence[Statement]) -> frozenset[str]:
    """What statements read that they have not assigned."""
    return live_before(body)[0]


def written(statement: Statement) -> set[str]:
    """The variables that a statement assigns, those of its loops apart."""
    match statement:
        case Assign(Name(id)) | Update(Name(id)):
            return {id}
        case For(body=body):
            return {name for inner in body for name in written(inner)}
        case If(body=body, otherwise=other):
            return {name for inner in (*body, *other) for name in written(inner)}
    return set()


def _before(statement: Statement, after: frozenset[str]) -> frozenset[str]:
    match statement:
        case Assign(Name(id), value):
            return (after - {id}) | _read(value)
        case For(index, start, stop, step, body):
            # It may run no time at all, so that nothing is assigned for sure.
            inside = reads_first(body) - {index.id}
            return after | inside | _read((start, stop, step))
        case If(condition, body, other):
            return after | reads_first(body) | reads_first(other) | _read(condition)
    return after | _read(statement)


def _read(value: object) -> frozenset[str]:
    """All names in an expression, or in a statement that assigns no variable."""
    found: set[str] = set()
    _collect(value, found)
    return frozenset(found)


def _collect(value: object, found: set[str]) -> None:
    match value:
        case Name(id):
            found.add(id)
            return
        case Pointer(array=array, at=at):
            found.add(array)
            _collect(at, found)
            return
    for item in value if type(value) is tuple else values_of(value):
        if type(item) not in NOTHING:
            _collect(item, found)
