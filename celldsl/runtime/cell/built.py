"""What the parts of a cell's class need of a built cell, and what may be assigned to one.

They are imported by the class, and so go by this: `BuiltCell` says what a cell has, and `Gradients`
is what a backward pass gives.  An assignment is done, or ends in an error that says what to write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from celldsl.jit.forks import ProcessLock
from celldsl.runtime.arrays.options import Option
from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.arrays.signature import Signature
from celldsl.runtime.arrays.state_structure import Nested, StateStructure
from celldsl.runtime.arrays.validation import DType, Values
from celldsl.runtime.cell.hypers import Dims, Hypers
from celldsl.runtime.description import Description
from celldsl.runtime.errors import ArgumentError, nearest_name
from celldsl.runtime.exec.executor import Engine
from celldsl.runtime.exec.steps import Steppers


@dataclass(slots=True)
class Gradients:
    """`params` and `inputs` map names to arrays; `state` mirrors the state, (B, …) each.

    Inputs of integers and truth values have none.
    """

    params: Parameters
    inputs: dict[str, Values]
    state: Nested


class BuiltCell(Protocol):
    """A cell with its sizes and numbers: `celldsl.runtime.cell.cell.Cell` is one."""

    description: ClassVar[Description]
    dtype: DType
    seed: int
    dims: Dims
    params: Parameters
    hypers: Hypers
    _passes: int
    _lock: ProcessLock
    _checked: bool
    # Inputs that `backward` reads.
    _reads: Sequence[str]
    _engine: Engine
    _every: Engine | None
    _signature: Signature
    _steppers: Steppers
    _state_structure: ClassVar[StateStructure]
    _output_structure: ClassVar[StateStructure]

    @property
    def consts(self) -> Parameters: ...

    def forward(
        self,
        inputs: object,
        /,
        state: object,
        *,
        training: bool,
        resets: object,
        check_numerics: bool | None,
    ) -> tuple[Nested, Nested, object]: ...

    @classmethod
    def _rebuild(
        cls,
        settings: dict[str, Option],
        passes: int,
        params: Mapping[str, Values],
        consts: Mapping[str, Values],
    ) -> BuiltCell: ...


REFUSED = {
    "consts": "stay as the cell was built; build another with {cell}(…, {example}=array)",
    "dims": "stay as the cell was built; build another with {cell}({dims})",
    "dtype": 'stays as the cell was built; build another with {cell}(…, dtype="float64")',
    "seed": "decides the initial parameters when a cell is built; build another with "
    "{cell}(…, seed=…), or choose the masks of a pass with forward(…, seed=…)",
}


# What modules of PyTorch have, and what cells have in its place.
ELSEWHERE = {
    "parameters": "the parameters are `params`, a mapping of names to arrays",
    "named_parameters": "the parameters are `params`, a mapping of names to arrays",
    "state_dict": "the parameters are `params`; `save` writes them into a file",
    "load_state_dict": '`load` reads a file, `load_from(state_dict, "torch")` PyTorch\'s weights',
    "train": "dropout and zoneout are left out by `forward(training=False)`",
    "eval": "dropout and zoneout are left out by `forward(training=False)`",
    "zero_grad": "each `backward` returns gradients of its own",
    "weights": "the parameters are `params`, a mapping of names to arrays",
    "predict": "call the cell: `y, state = cell(x)`",
    "export": "`save` writes the parameters, `celldsl compile --target` the equations",
    "fit": "`celldsl.optim` has an optimiser for a loop of your own",
}


def unknown_attribute(cell: BuiltCell, name: str) -> AttributeError:
    """The error for a name that is read and that there is not."""
    told = f'{cell.description.name} has no attribute "{name}"'
    own = vars(cell).get("params", ()), vars(cell).get("hypers", ())
    for what, names in zip(("params", "hypers"), own, strict=True):
        if name in names:
            return AttributeError(f'{told}; write cell.{what}["{name}"]')
    first = next((each for each in own[0] if each.startswith(f"{name}.")), None)
    if first is not None:
        of_it = f'write cell.params["{first}"] for a parameter of it, cell.trace for its values'
        return AttributeError(f"{told}; {of_it}")
    near = nearest_name(name, [n for n in dir(cell) if not n.startswith("_")])
    hint = ELSEWHERE.get(name) or (f"did you mean {near}?" if near else None)
    return AttributeError(f"{told}; {hint}" if hint else told, name=name, obj=cell)


def assign_attribute(cell: BuiltCell, name: str, value: object) -> None:
    """Raises ArgumentError for what stays as it is, AttributeError for a name that there is not."""
    own = vars(cell)
    if name == "params":
        if value is not own["params"]:
            own["params"].assign(value)
    elif name == "hypers":
        if value is not own["hypers"]:
            own["hypers"].assign(value)
    elif name in REFUSED:
        raise ArgumentError(f"{name}: {_refusal(cell, name)}")
    elif _is_of_subclass(cell, name):
        object.__setattr__(cell, name, value)
    else:
        raise AttributeError(_unknown(cell, name))


def delete_attribute(cell: BuiltCell, name: str) -> None:
    """Raises AttributeError for what a cell needs, and for a name that there is not."""
    if name not in vars(cell):
        raise AttributeError(_unknown(cell, name))
    if not _is_of_subclass(cell, name):
        raise AttributeError(f"{cell.description.name}.{name}: stays as long as the cell does")
    object.__delattr__(cell, name)


def _refusal(cell: BuiltCell, name: str) -> str:
    described = cell.description
    first = described.consts[0].name if described.consts else "NAME"
    dims = ", ".join(f"{dim}=…" for dim in cell.dims)
    return REFUSED[name].format(cell=described.name, example=first, dims=dims)


def _is_of_subclass(cell: BuiltCell, name: str) -> bool:
    """Whether a class that somebody derived may keep an attribute of its own."""
    base = next(c for c in type(cell).__mro__ if "description" in vars(c))
    return type(cell) is not base and not hasattr(base, name)


def _unknown(cell: BuiltCell, name: str) -> str:
    described = cell.description
    known = ["params", "hypers", "consts", "dims", "dtype", "seed"]
    if name in cell.params:
        return f'{described.name} has no attribute "{name}"; write cell.params["{name}"] = …'
    if name in cell.hypers:
        return f'{described.name} has no attribute "{name}"; write cell.hypers["{name}"] = …'
    if hasattr(type(cell), name):
        method = callable(getattr(type(cell), name))
        kept = "a method and stays one" if method else "of the class and stays what it is"
        return f"{described.name}.{name} is {kept}"
    near = nearest_name(name, known)
    hint = f"did you mean {near}?" if near else "params and hypers can be assigned to"
    return f'{described.name} has no attribute "{name}"; {hint}'
