"""Structure: the values that decide it, and the way of an analysis through its `if`s and loops.

With `given` values (lowering) every question has one answer.  Without (checking), a condition that
the constraints do not decide goes both ways: `forced` says how the first ones were decided, and
`taken` how all were, so that the caller can go the other ways too.

An analysis begins with what is known to be structure.  Where it finds one more name that decides
it, `fix` notes it and the analysis begins again, now with the value of that name:

    for k in 0..depth:      depth was a run-time number; from now on it is 3
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NoReturn

from celldsl.ir.size import Size, ratio
from celldsl.semantics.environment import Real, Static, Truth, Unknown, Value
from celldsl.structs import entity, field
from celldsl.syntax import ast

Setting = int | float | bool | str


@entity
class Choices:
    """`structural` names the dims and hyperparameters found to decide the structure.

    It grows during a walk; when it has grown, the walk is done again, now with their values.
    `spent` counts the equations of all these walks.
    """

    symbolic: bool
    given: Mapping[str, Setting] = field(default_factory=dict)
    structural: set[str] = field(default_factory=set)
    forced: tuple[bool, ...] = ()
    taken: list[bool] = field(default_factory=list)
    remembered: dict[str, bool] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    spent: int = 0
    kinds: dict[str, str] = field(default_factory=dict)
    samples: Mapping[str, Setting] = field(default_factory=dict)

    def either(self, key: str) -> bool:
        """A way through an undecided condition: the same one for the same condition."""
        if key not in self.remembered:
            place = len(self.taken)
            answer = self.forced[place] if place < len(self.forced) else True
            self.taken.append(answer)
            self.remembered[key] = answer
        return self.remembered[key]


SAMPLES: dict[str, Setting] = {"integer": 2, "real": 0.5, "function": "tanh", "dim": 2}


class Restart(Exception):
    """The walk must begin again: one more name decides the structure."""


class NotChosen(Exception):
    """A name decides the structure and has no value; it is among `choices.missing`."""


def fix(choices: Choices, name: str, kind: str) -> NoReturn:
    """`name`, a dim or a hyperparameter of the cell, decides the structure."""
    if name in choices.structural:
        choices.missing.add(name)
        raise NotChosen
    choices.structural.add(name)
    choices.kinds.setdefault(name, kind)
    raise Restart


def setting_of(default: ast.Expr | None) -> Setting | None:
    """The value that a default says, as Python has it; None where it is no literal."""
    match default:
        case ast.Number(value) | ast.Boolean(value):
            return value
        case ast.Name(id, primed=False):
            return id
        case ast.Unary("-", ast.Number(value)):
            return -value
        case ast.Unary("+", ast.Number(value)):
            return value
    return None


Kind = Literal["real", "integer", "boolean", "function"]


def kind_of(setting: Setting) -> Kind:
    match setting:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "real"
    return "function"


def chosen(choices: Choices, name: str, default: Setting | None) -> Setting | None:
    """The value of a structural name; None is noted as missing."""
    if name in choices.given:
        return choices.given[name]
    kind = choices.kinds.get(name) or (kind_of(default) if default is not None else "real")
    if choices.symbolic and kind == "boolean":
        return choices.either(name)
    if default is not None:
        return default
    if choices.symbolic:
        return choices.samples.get(name, SAMPLES[kind])
    choices.missing.add(name)
    return None


def value_of(setting: Setting) -> Value:
    """A setting as an elaborated value; functions are found by whoever knows the names."""
    match setting:
        case bool():
            return Truth(setting)
        case int():
            return Static(Size.of(setting))
        case float():
            return Real(setting)
    return Unknown()


def size_of_number(value: float) -> Size | None:
    """A number as an exact constant size; None for `inf` and `nan`."""
    if not math.isfinite(value):
        return None
    return Size((((), ratio(*value.as_integer_ratio())),)) if value else Size(())
