"""GEMMs of a direction.  In: products in the graph.  Out: Gemm, GemmRows, Pack, accumulators.

Weights are packed once, when parameters alone are computed; gradients of weights are summed over
all rows by one GEMM; sums over rows have an accumulator for each part, combined at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.ir.attributes import AXIS, START
from celldsl.ir.program import Node
from celldsl.ir.size import Size, contiguous, product
from celldsl.jit.gemm.sizes import COLUMNS_MOST, KC_MOST, SUM_MICRO_PANELS
from celldsl.plan.convolutions import Convolutions
from celldsl.plan.gemms import RowsTimesWeight, repeats, rows_times_weight, stride, sum_of_outers
from celldsl.plan.operations import (
    Combine,
    Convolve,
    ConvolveSums,
    Gemm,
    GemmRows,
    Pack,
    PackKernel,
    RowSum,
    ScatterRows,
)
from celldsl.plan.places import PARTS, Place
from celldsl.plan.planner import Planner, located
from celldsl.structs import entity, field, replace

ONE, ZERO = Size.of(1), Size.of(0)


def panels_length(n: Size) -> Size:
    """Room for what sums over rows of `n` columns pack."""
    return (n + (COLUMNS_MOST - 1)) * KC_MOST


def join_sums(sums: Sequence[GemmRows]) -> tuple[GemmRows, ...]:
    """The sums, those in one that read the same right operand from its first column on."""
    found: list[GemmRows] = []
    for each in sums:
        for place, other in enumerate(found):
            if _alike(each, other):
                wider = each if _nowhere_less(each.n, other.n) else other
                found[place] = replace(wider, products=(*other.products, *each.products))
                break
        else:
            found.append(each)
    return tuple(found)


def _alike(a: GemmRows, b: GemmRows) -> bool:
    same = [(s.right.array, s.right.base, s.right.offset, s.right.rows) for s in (a, b)]
    loops = any((*a.repeats, *a.sums, *b.repeats, *b.sums))
    comparable = _nowhere_less(a.n, b.n) or _nowhere_less(b.n, a.n)
    return same[0] == same[1] and comparable and not loops and a.rounds == b.rounds


def _nowhere_less(a: Size, b: Size) -> bool:
    """Whether a is not less than b, whatever the dims are."""
    return all(coefficient >= 0 for _, coefficient in (a - b).terms)


@entity
class Products:
    """`outs` are the places of gradients that a GEMM over rows can write directly."""

    planner: Planner
    outs: dict[str, Place]
    packs: dict[tuple[object, ...], Pack] = field(default_factory=dict)
    accumulators: dict[str, Place] = field(default_factory=dict)
    combines: list[Combine] = field(default_factory=list)
    micro_panels: Place | None = None
    kernels: Convolutions | None = None

    @property
    def convolutions(self) -> Convolutions:
        if self.kernels is None:
            self.kernels = Convolutions(self.planner)
        return self.kernels

    @property
    def all_packs(self) -> tuple[Pack | PackKernel, ...]:
        return (*self.packs.values(), *self.convolutions.packs.values())

    def product(self, node: Node) -> Gemm | Convolve:
        """The stage of an einsum, or of the einsum that an `add_at` adds in place."""
        planner, graph = self.planner, self.planner.graph
        accumulate = node.op == "add_at"
        product_node = graph.nodes[node.args[1]] if accumulate else node
        out = planner.places[node.name]
        if accumulate:
            axis, start = node[AXIS], node[START]
            out = replace(out, offset=out.offset + start * out.strides[axis])
        seen = graph.convolution(product_node)
        if seen is not None:
            return self.convolutions.convolve(node, seen, out, accumulate)
        return self._gemm(node, product_node, out, accumulate)

    def _gemm(self, node: Node, product_node: Node, out: Place, accumulate: bool) -> Gemm:
        form = rows_times_weight(self.planner.graph, product_node)
        assert form is not None, "add_at takes a product of rows and a weight"
        left = located(self.planner, form.left)
        rounds = product_node.name in self.planner.rounding
        packed, steps = self._packed(form, rounds)
        loops = repeats(
            form.loops, form.sizes, (left, form.left_labels), (packed, ""), (out, form.out_labels)
        )
        loops = tuple(
            replace(loop, right=steps.get(label, ZERO))
            for loop, label in zip(loops, form.loops, strict=True)
        )
        n, k = form.sizes[form.n], form.sizes[form.k]
        left_stride = stride(left, form.left_labels, form.k)
        return Gemm(left, left_stride, packed, out, n, k, accumulate, loops, node.origin, rounds)

    def _packed(self, form: RowsTimesWeight, rounds: bool) -> tuple[Place, dict[str, Size]]:
        """The packed weight, and how far apart its matrices are along each group."""
        weight = located(self.planner, form.weight)
        k, n = form.sizes[form.k], form.sizes[form.n]
        key = (weight, form.weight_labels, form.k, form.n, form.loops, rounds)
        groups = [label for label in form.loops if label in form.weight_labels]
        one = k * (n + (COLUMNS_MOST - 1))
        steps: dict[str, Size] = {}
        count = ONE
        for label in reversed(groups):
            steps[label] = one * count
            count = count * form.sizes[label]
        if key not in self.packs:
            name = self.planner.arrays.unique(f"packed {weight.name}")
            base = self.planner.arrays.reserve(self.planner.fixed, one * count, name)
            packed = Place(self.planner.fixed, base, "once", one * count, (ONE,), name=name)
            moves = tuple(
                replace(loop, right=steps[label])
                for label in groups
                for loop in repeats(label, form.sizes, (weight, form.weight_labels), (weight, ""),
                                    (weight, ""))
            )  # fmt: skip
            k_stride = stride(weight, form.weight_labels, form.k)
            n_stride = stride(weight, form.weight_labels, form.n)
            self.packs[key] = Pack(weight, k_stride, n_stride, packed, k, n, moves, rounds)
        return self.packs[key].packed, steps

    def is_outer_sum(self, node: Node) -> bool:
        """Whether both operands of a sum over rows lie along the labels that the GEMM makes."""
        form = sum_of_outers(self.planner.graph, node)
        if form is None:
            return False
        left, right = (located(self.planner, arg) for arg in (form.left, form.right))
        steps = stride(left, form.left_labels, form.m), stride(right, form.right_labels, form.n)
        return steps == (ONE, ONE)

    def gemm_rows(self, node: Node) -> GemmRows:
        """The gradient of a weight over all rows."""
        form = sum_of_outers(self.planner.graph, node)
        assert form is not None
        arrays, work = self.planner.arrays, self.planner.work
        left, right = (located(self.planner, arg) for arg in (form.left, form.right))
        out = self.once_place(node)
        m, n = form.sizes[form.m], form.sizes[form.n]
        operands = (left, form.left_labels), (right, form.right_labels), (out, form.out_labels)
        loops = repeats(form.loops, form.sizes, *operands)
        shape = (*(loop.size for loop in loops), m, n)
        base = arrays.reserve(work, product(shape) * (PARTS - 1), "shares")
        name = arrays.unique("shares")
        shares = Place(work, base, "part", product(shape), contiguous(shape), name=name)
        stride_out = stride(out, form.out_labels, form.m)
        one = RowSum(left, out, shares, stride_out, m, n, node.origin)
        panels = arrays.buffer(work, "part", (panels_length(n),), "panels")
        sums = repeats(form.sums, form.sizes, *operands)
        rounds = node.name in self.planner.rounding
        return GemmRows(right, n, (one,), panels, self._strips(), loops, sums, rounds)

    def convolve_sums(self, node: Node) -> ConvolveSums | None:
        """The gradient of kernels over all rows; None where the node is none."""
        form = self.planner.graph.convolution(node)
        if form is None:
            return None
        return self.convolutions.sums(node, form, self.once_place(node))

    def scatter_rows(self, node: Node) -> ScatterRows:
        """The gradient of what integers pick from, over all rows."""
        left, index = (located(self.planner, arg) for arg in node.args)
        out = self.once_place(node)
        cleared = out.array != "gradients"
        return ScatterRows(left, index, out, node.type.shape, cleared, node.origin)

    def _strips(self) -> Place:
        """Scratch for left operands, the same for all sums: they come one after the other."""
        if self.micro_panels is None:
            size = (Size.of(SUM_MICRO_PANELS),)
            self.micro_panels = self.planner.arrays.buffer(
                self.planner.work, "part", size, "strips"
            )
        return self.micro_panels

    def once_place(self, node: Node) -> Place:
        """Where a sum over rows ends up: in the gradients, or in a buffer for what follows."""
        places = self.planner.places
        if node.name not in places:
            places[node.name] = self.outs.get(node.name) or self.planner.arrays.buffer(
                self.planner.work, "once", node.type.shape, self.planner.graph.title(node.name)
            )
        return places[node.name]

    def accumulator(self, node: Node) -> Place:
        """A part's share of a sum over rows; combined into its place after the loop."""
        if node.name not in self.accumulators:
            shape = node.type.shape
            place = self.planner.arrays.buffer(self.planner.work, "part", shape, "sum")
            self.accumulators[node.name] = place
            self.combines.append(Combine(place, self.once_place(node), shape))
        return self.accumulators[node.name]
