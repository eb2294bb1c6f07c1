"""The passes in order, each with the reason for its place.  In: Programs.  Out: better ones.

program = run_passes(program, FIRST)
forward, backward = differentiate(program)
forward, backward = run_passes(forward, LAST), run_passes(backward, LAST)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from celldsl.ir.program import Program
from celldsl.ir.verify import verify
from celldsl.transforms.contract_rows import contract_rows
from celldsl.transforms.cse import cse
from celldsl.transforms.dce import dce
from celldsl.transforms.divide_once import divide_once
from celldsl.transforms.flatten_products import flatten_products
from celldsl.transforms.fold_constants import fold_constants
from celldsl.transforms.fuse_accumulate import add_products, join_products
from celldsl.transforms.inline_outer_products import inline_outer_products
from celldsl.transforms.join_pads import join_pads
from celldsl.transforms.licm import licm
from celldsl.transforms.merge_products import merge_products
from celldsl.transforms.pick_rows import pick_rows
from celldsl.transforms.reassociate import products_first, products_last
from celldsl.transforms.sink_slices import sink_slices
from celldsl.transforms.transpose_convolutions import transpose_convolutions


class Step(NamedTuple):
    """A pass at its place: the function, why it stands there, and what it does for `--without`.

    Where a pass has several places, the first says what it does; one that says nothing cannot be
    left out.
    """

    change: Callable[[Program], Program]
    why_here: str
    told: str = ""

    @property
    def name(self) -> str:
        return self.change.__name__


FIRST: tuple[Step, ...] = (
    Step(fold_constants, "first, so that no later pass meets numbers that cancel",
         "computes with numbers ahead of time"),
    Step(divide_once, "before differentiation, which would divide again for every quotient",
         "divides a row by one number once, and multiplies by the inverse"),
    Step(sink_slices, "before differentiation: cotangents of pieces are then joined once",
         "cuts before it computes, so that pieces of a value need no copy"),
    Step(cse, "after slices moved: several may have met; what is shared is saved once",
         "computes equal values once"),
    Step(flatten_products, "before products are merged: the merged ones are those of matrices",
         "makes one product of matrices of those over several axes"),
    Step(merge_products, "before differentiation: gradients of merged products come merged",
         "makes one product of all that read the same value"),
    Step(pick_rows, "when products are merged, so that one row serves them all; before "
         "differentiation, which then adds to that row alone",
         "reads a row of a weight where it is multiplied by a one-hot vector"),
    Step(sink_slices, "a piece of a merged product is one slice of it, not two"),
    Step(products_first, "sums of products and biases, in the order in which GEMMs can add up",
         "orders sums so that products can add up in place"),
    Step(join_products, "when products stand side by side in their sums",
         "lets a GEMM add to the result of another"),
    Step(dce, "what no result needs has no derivative either"),
)  # fmt: skip

LAST: tuple[Step, ...] = (
    Step(fold_constants, "the rules of derivatives multiply by numbers"),
    Step(sink_slices, "what a joined cotangent is split into again need not be joined"),
    Step(join_pads, "after slices sank, sums of padded pieces are all that is left of a split",
         "writes cotangents of pieces side by side instead of adding padded ones"),
    Step(transpose_convolutions,
         "before equal values are found: several convolutions may send back to one value",
         "makes convolutions of the gradients of what convolutions read"),
    Step(cse, "before sums are contracted: that looks for values that are read once"),
    Step(dce, "a dead reader would count as one"),
    Step(contract_rows, "before placing: it takes products out of the step",
         "makes one product over all rows of the gradient of a weight"),
    Step(inline_outer_products,
         "what is left now is neither a gradient of a weight nor a part of one",
         "multiplies outer products out in the loop that reads them"),
    Step(fold_constants, "contraction negates and reshapes sums"),
    Step(cse, "contraction may sum one value over rows twice"),
    Step(licm, "when it is known which products there are",
         "moves products that need no state out of the time loop"),
    Step(dce, "every pass leaves nodes behind"),
)  # fmt: skip

FORWARD: tuple[Step, ...] = (
    *LAST,
    Step(add_products, "last: what a GEMM adds to must be in the region where it runs",
         "lets a GEMM add to a sum"),
)  # fmt: skip

BACKWARD: tuple[Step, ...] = (
    *LAST,
    Step(products_last, "cotangents are sums; a GEMM finishes them",
         "orders sums of cotangents so that a GEMM finishes them"),
    Step(add_products, "last: what a GEMM adds to must be in the region where it runs"),
    Step(dce, "reordered sums leave their old nodes"),
)  # fmt: skip

# For targets whose libraries differentiate: little, so that equations can be read.
PLAIN: tuple[Step, ...] = (
    Step(fold_constants, "first, so that no later pass meets numbers that cancel"),
    Step(cse, "what is equal is written once"),
    Step(pick_rows, "a library would multiply by all the zeros"),
    Step(licm, "products of inputs become one over all steps"),
    Step(dce, "what no result needs is not written"),
)


def run_passes(p: Program, passes: Sequence[Step], without: Collection[str] = ()) -> Program:
    """Run passes in order, but for those named in `without`; verify after each."""
    used = [step for step in passes if step.name not in without]
    return [p, *(after for _, after in each_pass(p, used))][-1]


def each_pass(p: Program, passes: Sequence[Step]) -> Iterator[tuple[str, Program]]:
    """The name of each pass and the program after it."""
    for step in passes:
        p = step.change(p)
        verify(p)
        yield step.name, p
