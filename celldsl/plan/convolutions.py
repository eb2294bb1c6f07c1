"""Convolutions of a direction.  In: their forms in the graph.  Out: Convolve, ConvolveSums, packs.

Kernels are packed once, when parameters alone are computed.  Images are read as they lie, so what
does not lie line by line is copied first; results are written line by line.  Where direct ones are
left out, kernels of 3 × 3 and of 3 along a line are planned for Winograd's transforms; whether
these pay is for the products to see, which know sizes.
"""

from __future__ import annotations

from collections.abc import Collection

from celldsl.ir.attributes import KERNEL
from celldsl.ir.convolutions import Convolution
from celldsl.ir.program import Node
from celldsl.ir.size import Size, contiguous, product
from celldsl.jit.gemm.sizes import WINOGRAD_SCRATCH
from celldsl.plan.gemms import repeats
from celldsl.plan.graph import Graph
from celldsl.plan.operations import Convolve, ConvolveSums, Image, PackKernel, Repeat, RowSum
from celldsl.plan.places import PARTS, Place
from celldsl.plan.planner import Planner, located
from celldsl.structs import entity, field

ONE, ZERO = Size.of(1), Size.of(0)
NO_GROUPS = Repeat(ONE, ZERO, ZERO, ZERO)
SCRATCH = Size.of(WINOGRAD_SCRATCH)
TRANSFORMED = ((3, 3), (1, 3))  # kernels


def direct_convolutions(image: Image, without: Collection[str]) -> bool:
    """Whether a kernel goes over an image as it is, and not by transforms, which round more."""
    return "direct_convolutions" not in without or image.kernel not in TRANSFORMED


@entity
class Convolutions:
    """`packs` are those of kernels, by what they pack."""

    planner: Planner
    packs: dict[tuple[object, ...], PackKernel] = field(default_factory=dict)

    def convolve(self, node: Node, form: Convolution, out: Place, accumulate: bool) -> Convolve:
        """The stage of a convolution whose first channel lies where `out` does."""
        source = located(self.planner, form.image)
        image, m = _image(self.planner.graph, form), self._size(form, form.m)
        packed = self._packed(form, image, m)
        seen, made = (source, _image_labels(form)), (out, form.out_labels)
        groups = self._groups(form, seen, (packed, ""), made, image.depth * m)
        return Convolve(
            source, _stride(*seen, form.channel), image, packed, out, _stride(*made, form.m), m,
            accumulate, groups, node.origin, self._scratch(form, image, SCRATCH, "tiles"),
        )  # fmt: skip

    def sums(self, node: Node, form: Convolution, out: Place) -> ConvolveSums:
        """The stage of a kernel's gradient, whose shares are as long as the gradient."""
        arrays, work = self.planner.arrays, self.planner.work
        source, left = (located(self.planner, value) for value in (form.image, form.other))
        image, m = _image(self.planner.graph, form), self._size(form, form.m)
        whole = (left, form.other_labels), (source, _image_labels(form)), (out, form.out_labels)
        groups = self._groups(form, *whole)
        shape = (groups.size, m, image.depth)
        base = arrays.reserve(work, product(shape) * (PARTS - 1), "shares")
        name = arrays.unique("shares")
        shares = Place(work, base, "part", product(shape), contiguous(shape), name=name)
        one = RowSum(left, out, shares, _stride(*whole[2], form.m), m, image.depth, node.origin)
        steps = (_stride(*whole[place], label) for place, label in ((0, form.m), (1, form.channel)))
        left_channel, source_channel = steps
        totals = self._scratch(form, image, m * image.channels * image.positions, "totals")
        scratch = self._scratch(form, image, SCRATCH, "tiles")
        return ConvolveSums(
            one, left_channel, source, source_channel, image, groups, totals, scratch
        )

    def _transforms(self, form: Convolution, image: Image) -> bool:
        direct = direct_convolutions(image, self.planner.without)
        return not direct and not form.group

    def _scratch(self, form: Convolution, image: Image, size: Size, name: str) -> Place | None:
        """A buffer of the stage's own for each part: others may work for the part meanwhile."""
        if not self._transforms(form, image):
            return None
        return self.planner.arrays.buffer(self.planner.work, "part", (size,), name)

    def _packed(self, form: Convolution, image: Image, m: Size) -> Place:
        weight = located(self.planner, form.other)
        strides = [
            _stride(weight, form.other_labels, x) for x in (form.m, form.channel, *form.taps)
        ]
        transforms = self._transforms(form, image)
        key = (weight, tuple(strides), form.group, image if transforms else None)
        if key not in self.packs:
            own = m * image.channels * image.positions if transforms else image.depth * m
            moves = self._groups(form, (weight, form.other_labels), (weight, ""), (weight, ""), own)
            length = own * moves.size
            name = self.planner.arrays.unique(f"packed {weight.name}")
            base = self.planner.arrays.reserve(self.planner.fixed, length, name)
            packed = Place(self.planner.fixed, base, "once", length, (ONE,), name=name)
            if len(strides) == 3:
                strides.insert(2, ZERO)
            first, second, third, fourth = strides
            self.packs[key] = PackKernel(
                weight, (first, second, third, fourth), packed, image, m, moves, transforms
            )
        return self.packs[key].packed

    def _groups(
        self, form: Convolution, left: tuple[Place, str], right: tuple[Place, str],
        out: tuple[Place, str], packed: Size = ZERO,
    ) -> Repeat:  # fmt: skip
        """How far operands are from one group to the next; packed kernels have no labels."""
        if not form.group:
            return NO_GROUPS
        sizes = {form.group: self._size(form, form.group)}
        (found,) = repeats(form.group, sizes, left, right, out)
        return Repeat(found.size, found.left, found.right + packed, found.out)

    def _size(self, form: Convolution, label: str) -> Size:
        return self.planner.graph.shape(form.other)[form.other_labels.index(label)]


def _image(graph: Graph, form: Convolution) -> Image:
    shape, kernel = graph.shape(form.image), graph.nodes[form.window][KERNEL]
    *_, height, width = (ONE, *shape) if len(kernel) == 1 else shape
    tall, wide = (1, *kernel) if len(kernel) == 1 else kernel
    height = ONE if len(kernel) == 1 else height
    channels = shape[_image_labels(form).index(form.channel)]
    return Image(channels, height, width, (tall, wide))


def _image_labels(form: Convolution) -> str:
    return "".join(label for label in form.seen_labels if label not in form.taps)


def _stride(place: Place, labels: str, label: str) -> Size:
    return place.strides[labels.index(label)]
