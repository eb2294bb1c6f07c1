"""What a generated module says of its cell.  In: nothing.  Out: the records it fills in.

A generated module ends in

    class GRU(Cell):
        description = Description(name="GRU", dims=(Dim("I"), Dim("H")), …)

The runtime knows cells by these records alone, and calls every cell's kernels in the same way.
Functions of sizes take the cell's dims as keywords: `shape=lambda I, H: (I, 2 * H)`.

**Arrays.**  All are one-dimensional and of the cell's dtype, integers apart.

    parameters   every parameter, in the place `Param.offset` and `.strides` say (in elements)
    constants    every const, likewise
    fixed        what depends on parameters alone: derived and packed weights, written by the
                 phases of kind "once" that come first; good until a parameter changes
    tape         what the forward pass keeps for the backward pass, the states among it
    work         scratch of the forward pass; scratch of the backward pass
    gradients    like `parameters`

**Rows.**  A row is one sequence at one step.  For T steps of B sequences there are R rows; where
every sequence has T steps, R = T*B and row t*B + b is step t of sequence b.  States live in buffers
of S + B rows, the first on the tape, in order: the state that goes into a step, and in the last B
rows the final states.  `rows` is the int64 array that tells a part (a thread's share) about them:

    rows[0:12] = T, B, R, S, first, count, given, keep, own, sequences, input_index, result_index
        first, count   this part owns the sequences first … first+count-1
        given          1 where the caller passed start states
        keep           1 where the tape keeps every step, 0 where only the last matters
        own            1 where a sequence begins with the cell's own start, at first or on its way
        sequences      where the words for sequences are
        input_index    where the words begin that say which row of an input row r is, in words from
                       there on, one for each r; 0 where that is r itself
        result_index   the same of outputs, of their cotangents, and of gradients of inputs
    rows[12 + 5*t : 17 + 5*t] = row, active, state_row, tape_row, runs        for t = 0 … T
        row            the first row of step t: this part's rows are row … row+active-1
        active         how many of the part's sequences have a step t (0 for t = T)
        state_row      the row in the state buffer that the first sequence's state goes into step t
                       from (equal to `row` where keep is 1)
        tape_row       the row of a buffer of saved values (equal to `row` where keep is 1)
        runs           where the runs of step t begin; those of t = T are none
    rows[sequences : sequences + 2*count + 1]
        for each of the part's sequences, where it stood in the caller's batch;
        for each, 1 where it begins with the state that was passed, 0 where with the cell's own
        since none was passed, -1 where it was reset before the first step;
        and the number of steps that were done before this call
    rows[runs : runs + 4] = low, high, next_row, fresh         for each run of a step
        next_row       where the sequences low … high-1 put their states after the step: row
                       next_row + b of the state buffer; S + first + b where they end with it
        fresh          1 where they begin anew with the next step: then the cell's own start goes
                       into it, which lies at that step's state_row, and no gradient goes back

Sequences of a part are ordered by length, longest first, so that active ones come first.  Where
they begin anew and every step is kept, their states after the step before have rows of their own: S
is then more than R.

**Phases** run in order; calls of one run side by side.  Every phase function of a direction
takes the same arguments:

    forward    (part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed,
                tape, work, *inputs, *outputs, *start_states, *final_states)
    backward   (part, parts, share, shares, rows, dims, hyper, parameters, constants, fixed,
                tape, work, gradients, *inputs, *output_cotangents, *input_cotangents,
                *final_state_cotangents, *start_state_cotangents)

`dims` is int64 in order of declaration; `hyper` the run-time real hyperparameters (float64, in
order), then 1 where masks are drawn and else 0, and the key that they are drawn from; `rows` that
of the part.  Kinds of phases:

    once      one part; depends on parameters alone (first) or finishes gradients (last)
    rows      any number of calls, side by side: each takes share `share` of `shares` of all rows
    parts     one call for each part, which takes share `part` of `parts` and has its own scratch;
              where it is `sliced` in any number of calls, share `share` of `shares` of the part's
              work, in order
    steps     the time loop, in any number of calls for each part, which owns sequences: each takes
              share `share` of `shares` of the steps, in the order in which they are done

A phase begins when all before it are done; where `waits` is false, when all are done that the one
before waited for.  Where rows follow steps or steps rows, a share waits for those shares alone that
have the same rows.  The steps of a phase with `reverse` go from the last to the first.  One that
`serves` inputs or parameters makes nothing but their gradients, and is left out where nobody wants
those.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

SizeFunction = Callable[..., Any]
ABI = 7


@dataclass(frozen=True, slots=True)
class Dim:
    """`default` is a function of the dims before it; `fixed` a size that the code is good for."""

    name: str
    default: SizeFunction | None = None
    fixed: int | None = None


@dataclass(frozen=True, slots=True)
class Hyper:
    """`fixed` ones are part of the structure; `value` is the default or what it is fixed to."""

    name: str
    kind: Literal["real", "integer", "boolean", "function"]
    value: float | int | bool | str | None
    fixed: bool


@dataclass(frozen=True, slots=True)
class Array:
    """An input, output or state; `text` is what was declared, `[2*H]`, `int[V]`.

    Of inputs: what they hold, as numbers of the cell's dtype (`int` from 0 to `limit` - 1, `bool` 0
    or 1), and how long a value lasts.  One that lasts a sequence has a row for each, in the order
    of states; no gradient comes back for integers and truth values.
    """

    name: str
    text: str
    shape: SizeFunction
    kind: Literal["real", "int", "bool"] = "real"
    limit: SizeFunction | None = None
    per: Literal["step", "sequence"] = "step"


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter or const: where it lies in the flat array, in elements, and its shape.

    `value` says whether `Description.initial` gives it a value.
    """

    name: str
    text: str
    shape: SizeFunction
    offset: SizeFunction
    strides: SizeFunction
    value: bool = True


@dataclass(frozen=True, slots=True)
class Condition:
    """A `require`: `holds` is a function of `v`, a mapping of dims and hyperparameters."""

    holds: Callable[[Any], bool]
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Phase:
    kind: Literal["once", "rows", "parts", "steps"]
    run: Callable[..., None]
    waits: bool = True
    reverse: bool = False
    sliced: bool = False
    serves: Literal["", "inputs", "parameters"] = ""


@dataclass(frozen=True, slots=True)
class Functions:
    """What Numba compiles of a cell, for code of one's own: functions of plain arrays.

    weights = prepare(dims, hyper, parameters, constants)
    *outputs, *finals, tape = forward(weights, *inputs, *starts)                    # or step
    gradients, *d_inputs, *d_starts = backward(weights, tape, *inputs, *d_outputs, *d_finals)

    Arrays of inputs and outputs are (T, B, …), those of `step` and `step_backward` and all states
    (B, …).  `weights` is good until a parameter changes.  Raises ValueError for other shapes.
    """

    prepare: Callable[..., Any]
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    step: Callable[..., Any]
    step_backward: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the flat arrays must be, in elements.

    `parameters`, `constants`, `fixed` are functions of the dims; `tape`, `forward_work` and
    `backward_work` of the dims and keywords _R, _B, _S, _K (rows that saved values are kept for: R,
    or B where nothing is kept) and _parts: no dim begins with an underscore.
    """

    parameters: SizeFunction
    constants: SizeFunction
    fixed: SizeFunction
    backward_fixed: SizeFunction
    tape: SizeFunction
    forward_work: SizeFunction
    backward_work: SizeFunction


@dataclass(frozen=True, slots=True)
class Description:
    """Everything the runtime knows of a cell.

    `initial(draw, v)` yields (name, array) for params and consts in order, float64.  `v` maps dims,
    hyperparameters and given consts to values, and grows by what others are made of;
    `draw(initialiser, param, shape, fan_in, fan_out, *arguments)` gives an array.

    `regions` gives, of the arrays that `lengths` names, the names of the buffers in them and where
    each begins, in order; it takes what `lengths` does.

    `equations` is the text people see; `source` is the `.cell` file's name and `digest` the hash
    that the module was made from.  `prepare(dtype)`, where there is
    one, loads what kernels reach through symbols; it must be called before they are.  `masks` says
    whether kernels draw any, `backward_reads` which inputs backward phases read (None: any);
    `functions` are for code of one's own.  `sources` are (name, text) of the cell's file and of
    those that it uses, `without` the optimisations that were left out; `products` what operands of
    products are rounded to, "" where they are of the cell's dtype.  `indexed` says whether kernels
    heed input_index and result_index of `rows`.  `abi` is the ABI that the
    module was written for.
    """

    name: str
    equations: str
    source: str
    digest: str
    version: str
    dims: tuple[Dim, ...]
    hypers: tuple[Hyper, ...]
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    states: tuple[Array, ...]
    params: tuple[Param, ...]
    consts: tuple[Param, ...]
    conditions: tuple[Condition, ...]
    initial: Callable[..., Any]
    lengths: Lengths
    forward: tuple[Phase, ...]
    backward: tuple[Phase, ...]
    prepare: Callable[[Any], None] | None = None
    masks: bool = False
    regions: Callable[..., dict[str, tuple[tuple[str, int], ...]]] | None = None
    backward_reads: tuple[str, ...] | None = None
    functions: Functions | None = None
    sources: tuple[tuple[str, str], ...] = ()
    without: tuple[str, ...] = ()
    products: str = ""
    indexed: bool = False
    abi: int = 0

    @property
    def structure(self) -> tuple[tuple[str, float | int | bool | str | None], ...]:
        """The names and values of hyperparameters and dims that the code is good for alone.

        So is `products` where operands are rounded.
        """
        fixed = tuple((h.name, h.value) for h in self.hypers if h.fixed)
        sizes = tuple((d.name, d.fixed) for d in self.dims if d.fixed is not None)
        return (*fixed, *sizes, *((("products", self.products),) if self.products else ()))
