"""What is executed.  In: nothing.  Out: the records of a Plan.

A plan is a list of phases; a phase is a list of stages; a stage runs over some rows and is either
one GEMM or a list of loop nests that are run row by row, so that what passes between them stays in
the nearest cache.

    phase steps
      gemm   pre[n, 3*H] += h[n, H] @ r_u.W_h|c.W_h
      rows   r = sigmoid(pre[0:H] + b_r) …           one nest over [H]
"""

from __future__ import annotations

from typing import Literal

from celldsl.ir.size import Shape, Size
from celldsl.plan.operations import (
    AddShares,
    Combine,
    Convolve,
    ConvolveSums,
    Gemm,
    GemmRows,
    Nest,
    Pack,
    PackKernel,
    ScatterRows,
)
from celldsl.plan.places import Memory, Place
from celldsl.structs import record


@record
class RowLoops:
    """Nests that are run for every row."""

    nests: tuple[Nest, ...]


Stage = (
    RowLoops | Gemm | Convolve | GemmRows | ConvolveSums | ScatterRows | AddShares | Pack
    | PackKernel | Combine
)  # fmt: skip


@record
class StateCopy:
    """How a state comes into the loop and leaves it.

    `array` is the argument with the caller's start (B rows), `start` the value used where the
    caller gave none (None: zeros), `final` the argument that gets the last.  Both arrays are empty
    words for a sum over steps, which begins at zero and is read where it is.  Going back `anew`
    adds up, for each sequence, what the cell's own start gets where it begins anew on its way.
    """

    name: str
    start_array: str
    start: Memory | None
    inside: Place
    final_array: str
    shape: Shape
    anew: Place | None = None


@record
class Phase:
    """Kinds and `waits` as `celldsl.runtime.description` says.

    `prologue`, `epilogue` and `last` run once for the sequences of a part, around the time loop,
    the `epilogue` only where the caller gave no start states; `moves`
    are copies at the end of every step, from place to place.  Where `blocked` says how many
    elements the states of a sequence have, few sequences at a time go through all steps.  `serves`
    says of a backward phase which gradients alone it is for, where it is so.
    """

    kind: Literal["once", "rows", "parts", "steps"]
    stages: tuple[Stage, ...]
    prologue: tuple[Stage, ...] = ()
    epilogue: tuple[Stage, ...] = ()
    last: tuple[Stage, ...] = ()
    states: tuple[StateCopy, ...] = ()
    moves: tuple[tuple[Place, Place, Shape], ...] = ()
    zeroed: tuple[tuple[Place, Shape], ...] = ()
    reverse: bool = False
    waits: bool = True
    blocked: Size | None = None
    serves: Literal["", "inputs", "parameters"] = ""


@record
class Block:
    """A parameter or const in its flat array."""

    name: str
    shape: Shape
    place: Place


@record
class Plan:
    """Both directions of a cell, how long the flat arrays are, and where each buffer begins.

    `indexed` says whether rows of the caller's arrays are found by an index.
    """

    parameters: tuple[Block, ...]
    constants: tuple[Block, ...]
    forward: tuple[Phase, ...]
    backward: tuple[Phase, ...]
    lengths: dict[str, Size]
    regions: dict[str, tuple[tuple[str, Size], ...]]
    indexed: bool = False

    @property
    def stages(self) -> list[Stage]:
        """Those of all phases, but for what is run around a time loop."""
        return [stage for phase in (*self.forward, *self.backward) for stage in phase.stages]

    @property
    def has_gemm(self) -> bool:
        return any(isinstance(stage, Gemm | GemmRows | Pack) for stage in self.stages)

    @property
    def has_rounding(self) -> bool:
        """Whether products round their factors as they pack them."""
        return any(isinstance(s, Gemm | GemmRows | Pack) and s.rounds for s in self.stages)

    @property
    def has_convolution(self) -> bool:
        return any(isinstance(s, Convolve | ConvolveSums | PackKernel) for s in self.stages)

    @property
    def has_winograd(self) -> bool:
        kinds = Convolve | ConvolveSums
        return any(isinstance(s, kinds) and s.scratch is not None for s in self.stages)
