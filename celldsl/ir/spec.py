"""What a cell is to its user.  In: nothing.  Out: the record that travels beside a Program.

The Program says what is computed; the spec says what people see: names, declared shapes, defaults,
initial values, conditions, the text of the equations.  Generated modules carry it as plain Python.
"""

from __future__ import annotations

from typing import Literal

from celldsl.ir.program import Node
from celldsl.ir.size import Shape, Size, shape_text
from celldsl.jit.gemm.sizes import ROUNDED as ROUNDED
from celldsl.structs import record


@record
class DimSpec:
    """`fixed` where the structure depends on the dim: the code is good for that size alone."""

    name: str
    default: Size | None = None
    fixed: int | None = None


@record
class HyperSpec:
    """`fixed` says that the value is part of the structure; `value` is then what it is fixed to.

    A function's value is the name of an elementwise builtin or a `def`.  A real one that is not
    fixed is a run-time scalar, and `value` is its default (None: must be given).
    """

    name: str
    kind: Literal["real", "integer", "boolean", "function"]
    value: float | int | bool | str | None
    fixed: bool


@record
class ArraySpec:
    """An input, output or state: its declared shape, without batch and time.

    Of inputs: what they hold, the size that integers stay below, and how long a value lasts.
    """

    name: str
    shape: Shape
    kind: Literal["real", "int", "bool"] = "real"
    limit: Size | None = None
    per: Literal["step", "sequence"] = "step"


def array_text(array: ArraySpec) -> str:
    """As it was declared: `[C] per sequence`, `int[V]`."""
    shape = shape_text(array.shape)
    text = {"real": shape, "int": f"int[{array.limit}]", "bool": "bool" + shape * bool(array.shape)}
    return text[array.kind] + " per sequence" * (array.per == "sequence")


@record
class ParamSpec:
    """A parameter or const: `value` names a node of `CellSpec.initial`; None: must be given."""

    name: str
    shape: Shape
    value: str | None


@record
class Condition:
    """A `require`: `code` is a Python expression over `v["H"]`, `text` is what was written."""

    code: str
    text: str
    why: str


@record
class CellSpec:
    """`initial` computes initial values in order: ops of the table, and `draw` for initialisers.

    `draw` has the attributes `initialiser` (its name), `shape`, `fan_in`, `fan_out`, `param` (whose
    random stream it is); its arguments are scalar values.  An argument of a node of `initial` is an
    earlier node, a parameter or const above, or a hyperparameter.  `products` says what operands of
    products are rounded to; "" where they are of the cell's dtype.
    """

    name: str
    doc: str
    text: str
    dims: tuple[DimSpec, ...]
    hypers: tuple[HyperSpec, ...]
    inputs: tuple[ArraySpec, ...]
    outputs: tuple[ArraySpec, ...]
    states: tuple[ArraySpec, ...]
    params: tuple[ParamSpec, ...]
    consts: tuple[ParamSpec, ...]
    initial: tuple[Node, ...]
    conditions: tuple[Condition, ...] = ()
    products: str = ""
