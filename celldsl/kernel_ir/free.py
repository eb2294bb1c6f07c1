"""What statements mention.  In: statements or expressions.  Out: names, sizes, functions.

found = mentioned(function.body)
found.free            names that the body reads and does not assign
"""

from __future__ import annotations

from celldsl.ir.size import Size
from celldsl.kernel_ir.statements import (
    Apply,
    Assign,
    Call,
    For,
    Load,
    Name,
    Number,
    Pointer,
    Setting,
    Start,
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
