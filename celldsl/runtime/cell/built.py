"""What the parts of a cell's class need of a built cell, which they are imported by."""

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
