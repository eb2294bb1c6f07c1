"""What is said where a call finds no memory.  In: an engine, sizes.  Out: a MemoryError.

    raise no_room(engine, Pass(20_000, 64, keep=True)) from error
    # no memory for a pass over T=20000, B=64: it takes 1.7 GB, 1.31 GB of it for the tape;
    # forward(…, checkpoint=True) takes 0.35 GB, and shorter or fewer sequences take less

Sizes are counted from what kernels declare, so nothing large is made to say them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from celldsl.runtime.arrays.signature import Signature
from celldsl.runtime.arrays.validation import DType, Values
from celldsl.runtime.description import Description
from celldsl.runtime.row_plan import RowPlan
from celldsl.runtime.threads.thread_count import parts_for

FEWER = "shorter or fewer sequences at once take less"


class Sizes(Protocol):
    """What is asked of an engine."""

    description: Description
    dims: dict[str, int]
    dtype: DType
    parameters: Values
    fixed_length: int
    input_shapes: list[tuple[int, ...]]
    output_shapes: list[tuple[int, ...]]
    state_shapes: list[tuple[int, ...]]

    def flop_estimate(self, rows: int) -> int: ...


class Pass(NamedTuple):
    """A pass over T steps of B sequences.  With `keep` it has a tape; `segments` are those of
    `checkpoint`, and with `every` the states after every step come back."""

    steps: int
    batch: int
    keep: bool = False
    segments: int = 1
    every: bool = False

    @property
    def rows(self) -> int:
        return self.steps * self.batch

    @property
    def best(self) -> Pass:
        """The same with as many segments as are best."""
        return self._replace(segments=max(1, math.ceil(math.sqrt(self.steps))))


def pass_of(plan: RowPlan) -> Pass:
    """That of a plan whose sequences are equally long, or as long as the longest."""
    return Pass(plan.steps, plan.batch, plan.kept == plan.rows)


def no_room(engine: Sizes, of: Pass, advice: bool = True) -> MemoryError:
    """For a forward pass, or a call.  Without `advice` nothing is said of arguments."""
    tape = _tape(engine, of)
    whole = tape + _beside(engine, of)
    parts = [f"{_size(engine, tape)} of it for the tape"] if of.keep and of.segments == 1 else []
    if of.every:
        parts.append(f"{_size(engine, of.rows * _states(engine))} for the states after every step")
    told = f"no memory for a pass over {_over(of)}: it takes {_size(engine, whole)}"
    if parts:
        told += f", {' and '.join(parts)}"
    less = of.best if of.keep else of._replace(every=False)
    takes = _tape(engine, less) + _beside(engine, less)
    if takes >= whole or not advice:
        return MemoryError(f"{told}; {FEWER}")
    how = "forward(…, checkpoint=True)" if of.keep else 'states="last"'
    return MemoryError(f"{told}; {how} takes {_size(engine, takes)}, and {FEWER}")


def no_room_back(engine: Sizes, of: Pass, advice: bool = True) -> MemoryError:
    """For a backward pass over a tape."""
    whole, less = _back(engine, of), _back(engine, of.best)
    told = f"no memory for a backward pass over {_over(of)}: it takes {_size(engine, whole)} beside"
    if less >= whole or not advice:
        return MemoryError(f"{told} the tape; {FEWER}")
    how = f"after forward(…, checkpoint=True) it goes by segments and takes {_size(engine, less)}"
    return MemoryError(f"{told} the tape; {how}, and {FEWER}")


def no_room_for(engine: Sizes, what: str, batch: int) -> MemoryError:
    """For a step, a stream, or states: `what`, of B sequences."""
    of = Pass(1, batch)
    takes = engine.fixed_length + _tape(engine, of) + _beside(engine, of)
    if what == "a stream":
        takes += engine.parameters.size + 2 * batch * _states(engine)
    told = f"no memory for {what} of B={batch}: it takes {_size(engine, takes)}"
    return MemoryError(f"{told}; fewer sequences at once take less")


def no_room_to_trace(engine: Sizes, of: Pass) -> MemoryError:
    takes = _tape(engine, of) + _beside(engine, of)
    return MemoryError(
        f"no memory for a trace over {_over(of)}: the pass takes {_size(engine, takes)}, and each "
        f"value comes on top; names=[…] asks for fewer, and {FEWER}"
    )


def no_room_to_build(name: str, dims: Mapping[str, int], length: int, dtype: DType) -> MemoryError:
    """For the parameters and consts of a cell, or for drawing them."""
    sizes = ", ".join(f"{dim}={size}" for dim, size in dims.items())
    return MemoryError(
        f"no memory for {length:,} numbers of {dtype}: {name}({sizes}) takes "
        f"{size_text(length * dtype.itemsize)}, and more while they are drawn, one array after the "
        "other in float64"
    )


def lead_passed(
    signature: Signature, inputs: object, named: Mapping[str, object]
) -> tuple[int, int]:
    """T and B of inputs as they were passed."""
    steps, batch = _lengths(_passed(signature, inputs, named), 2)
    return steps, batch


def batch_passed(signature: Signature, inputs: object, named: Mapping[str, object]) -> int:
    """B of those of one step."""
    return _lengths(_passed(signature, inputs, named), 1)[0]


def size_text(count: float) -> str:
    """Bytes for people."""
    return f"{count / 1e9:.3g} GB" if count >= 1e8 else f"{count / 1e6:.3g} MB"


def _passed(signature: Signature, inputs: object, named: Mapping[str, object]) -> object:
    """An input of each step, which has all leading axes."""
    given = zip(signature.input_slots, signature.given(inputs, named), strict=True)
    return next((value for slot, value in given if slot.per == "step" and value is not None), ())


def _lengths(value: Any, axes: int) -> list[int]:
    """Of an array, or of a list of lists, without making one of the other."""
    found = []
    for _ in range(axes):
        found.append(len(value))
        value = value[0] if len(value) else ()
    return found


def _over(of: Pass) -> str:
    found = f"T={of.steps}, B={of.batch}"
    return found if of.segments == 1 else f"{found} with checkpoint={of.segments}"


def _size(engine: Sizes, numbers: int) -> str:
    return size_text(numbers * engine.dtype.itemsize)


def _states(engine: Sizes) -> int:
    """Numbers in the states of one sequence."""
    return sum(map(math.prod, engine.state_shapes))


def _extents(engine: Sizes, of: Pass, keep: bool) -> dict[str, int]:
    """What kernels' lengths depend on, for the longest segment."""
    rows = -(-of.steps // of.segments) * of.batch
    states, kept = (rows, rows) if keep else (2 * of.batch, of.batch)
    parts = parts_for(of.batch, engine.flop_estimate(rows))
    own = {"_R": rows, "_B": of.batch, "_S": states, "_K": kept, "_parts": parts}
    return {**engine.dims, **own}


def _tape(engine: Sizes, of: Pass) -> int:
    """Numbers on the tape, or in what stands for it where nothing is kept."""
    keep = of.every or (of.keep and of.segments == 1)
    length = int(engine.description.lengths.tape(**_extents(engine, of, keep)))
    borders = of.segments * of.batch * _states(engine) if of.segments > 1 else 0
    return length + borders


def _beside(engine: Sizes, of: Pass) -> int:
    """Numbers that a forward pass takes beside its tape: scratch, results, copies of inputs."""
    work = int(engine.description.lengths.forward_work(**_extents(engine, of, of.every or of.keep)))
    results = of.rows * sum(map(math.prod, engine.output_shapes)) + of.batch * _states(engine)
    after = of.rows * _states(engine) if of.every else 0
    return work + results + after + (_inputs(engine, of) if of.keep else 0)


def _back(engine: Sizes, of: Pass) -> int:
    """Numbers that a backward pass takes: scratch, gradients, a segment that is run again."""
    extents = _extents(engine, of, True)
    lengths = engine.description.lengths
    found = int(lengths.backward_work(**extents)) + _inputs(engine, of) + engine.parameters.size
    if of.segments > 1:
        found += int(lengths.tape(**extents)) + engine.parameters.size
    return found + of.batch * _states(engine)


def _inputs(engine: Sizes, of: Pass) -> int:
    return of.rows * sum(map(math.prod, engine.input_shapes))
