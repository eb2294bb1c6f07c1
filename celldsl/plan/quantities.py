"""How much memory and arithmetic a plan takes.  In: a plan.  Out: Sizes, and their words.

    product_flops(plan.forward)                                 6*@R*H*I + 6*@R*H^2
    Amounts({"I": 128, "H": 128}, 100, 32, 4).bytes_of(3 * H)   "1,536 bytes"
    Amounts(None, 100, 32, 4).bytes_of(3 * H)                   "12*H bytes"

`@R` stands for the rows (steps times sequences), `@B` for sequences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from celldsl.ir.size import Shape, Size, shape_text
from celldsl.plan.operations import Convolve, ConvolveSums, Gemm, GemmRows, Image, Repeat
from celldsl.plan.places import B, R
from celldsl.plan.plan import Phase, Stage
from celldsl.structs import record

UNITS = (("G", 10**9), ("M", 10**6), ("k", 10**3))


@record
class Amounts:
    """`dims` is None where sizes are not known; `width` is the bytes of an element."""

    dims: Mapping[str, int] | None
    steps: int
    batch: int
    width: int

    def bytes_of(self, elements: Size) -> str:
        size = elements * self.width
        if (number := self._number(size)) is None:
            return f"{_told(size)} bytes"
        return f"{_short(number)}B" if number >= 100_000 else f"{number:,} bytes"

    def flops(self, size: Size) -> str:
        number = self._number(size)
        return f"{_told(size)} FLOP" if number is None else f"{_short(number)}FLOP"

    def shape(self, shape: Shape) -> str:
        numbers = [self._number(size) for size in shape]
        if None in numbers or not numbers:
            return shape_text(shape)
        return f"{shape_text(shape)} = {'×'.join(map(str, numbers))}"

    def _number(self, size: Size) -> int | None:
        if self.dims is None:
            return None
        rows = self.steps * self.batch
        counts = {"@R": rows, "@K": rows, "@S": rows, "@B": self.batch, "@parts": 1}
        return size.evaluate({**self.dims, **counts})


def _told(size: Size) -> str:
    text = str(size)
    for name, word in (("@R", "T*B"), ("@K", "T*B"), ("@S", "T*B"), ("@B", "B")):
        text = text.replace(name, word)
    return f"({text})" if " " in text else text


def _short(number: int) -> str:
    """`1.3 M`."""
    for unit, scale in UNITS:
        if number >= scale:
            return f"{number / scale:.3g} {unit}"
    return f"{number} "


ONE, TWO, ZERO = Size.of(1), Size.of(2), Size.of(0)


def product_flops(phases: Iterable[Phase]) -> Size:
    """The floating-point operations of all GEMMs of a direction."""
    total = ZERO
    for phase in phases:
        rows = {"once": ONE, "rows": R, "parts": R, "steps": R}[phase.kind]
        for stage in phase.stages:
            total = total + stage_flops(stage, rows)
        for stage in (*phase.prologue, *phase.epilogue, *phase.last):
            total = total + stage_flops(stage, B)
    return total


def stage_flops(stage: Stage, rows: Size) -> Size:
    match stage:
        case Gemm():
            return TWO * rows * stage.n * stage.k * _times(stage.repeats)
        case Convolve():
            return TWO * rows * _seen(stage.image, stage.groups) * stage.m
        case ConvolveSums():
            return TWO * R * _seen(stage.image, stage.groups) * stage.product.m
        case GemmRows():
            elements = ZERO
            for one in stage.products:
                elements = elements + one.m * one.n
            return TWO * R * elements * _times(stage.repeats) * _times(stage.sums)
    return ZERO


def _seen(image: Image, groups: Repeat) -> Size:
    """How many numbers the kernels of all groups see, at all pixels together."""
    return image.pixels * image.depth * groups.size


def _times(repeats: tuple[Repeat, ...]) -> Size:
    total = ONE
    for repeat in repeats:
        total = total * repeat.size
    return total
