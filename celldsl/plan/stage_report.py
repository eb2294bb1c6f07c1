"""Stages in words.  In: stages of a plan.  Out: lines of text.

product   h @ r_u.W_h   [H] to [2*H], added to what is there
loops     18 operations over [H]: r, u = …; h' = …
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from celldsl.ir.program import Origin
from celldsl.ir.size import Shape, Size, shape_text
from celldsl.plan.operations import (
    AddShares,
    Combine,
    Contract,
    Convolve,
    ConvolveSums,
    Fold,
    Gemm,
    GemmRows,
    Image,
    Loop,
    Nest,
    Pack,
    PackKernel,
    Repeat,
    Scan,
    ScatterRows,
)
from celldsl.plan.places import Place
from celldsl.plan.plan import Plan, RowLoops, Stage
from celldsl.structs import replace


class Words:
    """Names for what a plan mentions: `names` are those of values, by `%12`.

    `products` is what factors are rounded to, if they are.
    """

    def __init__(self, plan: Plan, names: Mapping[str, str], products: str = "") -> None:
        self.names = names
        self.products = products
        self.blocks = (*plan.parameters, *plan.constants)
        stages = [s for phase in (*plan.forward, *plan.backward) for s in phase.stages]
        self.weights = {s.packed.name: s.weight for s in stages if isinstance(s, Pack | PackKernel)}

    def value(self, place: Place) -> str:
        """A value as readers know it: `h`, `d h`, `r`, or `r_u_product`."""
        role, _, own = place.name.partition(":")
        if own:
            return own if role == "in" else f"d {own}"
        # A number at the end tells buffers apart.
        return re.sub(r"(?<=.) \d+$", "", place.name)

    def weight(self, place: Place) -> str:
        """The parameters of which a weight is made: `r_u.W_x and c.W_x`."""
        found = [
            b.name
            for b in self.blocks
            if (b.place.array, b.place.base) == (place.array, place.base)
        ]
        return " and ".join(found) or self.value(place)

    def stage(self, stage: Stage) -> str:
        match stage:
            case Gemm():
                weight = self.weight(self.weights.get(stage.packed.name, stage.packed))
                adds = ", added to what is there" if stage.accumulate else ""
                shapes = f"{shape_text((stage.k,))} to {shape_text((stage.n,))}"
                return f"product  {self.value(stage.left)} @ {weight}: {shapes}{adds}" + (
                    _times(stage.repeats) + self._rounded(stage.rounds)
                )
            case Convolve():
                kernels = self.weight(self.weights.get(stage.packed.name, stage.packed))
                adds = ", added to what is there" if stage.accumulate else ""
                shapes = _convolved(stage.image, stage.m, stage.groups)
                source = self.value(stage.source)
                return f"convolve  {source} by {kernels}: {shapes}{adds}{_transforms(stage)}" + (
                    self._rounded(False)
                )
            case ConvolveSums():
                one = stage.product
                return (
                    f"convolve  sum over all rows of {self.value(one.left)} times what is seen of "
                    f"{self.value(stage.source)}: {shape_text((one.m, one.n))}, into "
                    f"{self.weight(_param(one.out))}"
                    + _times((stage.groups,))
                    + _transforms(stage)
                    + self._rounded(False)
                )
            case GemmRows():
                one = stage.products[0]
                return (
                    f"product  sum over all rows of {self.value(one.left)}ᵀ @ "
                    f"{self.value(stage.right)}: {shape_text((one.m, one.n))}, into "
                    f"{self.weight(_param(one.out))}"
                    + _times((*stage.repeats, *stage.sums))
                    + self._rounded(stage.rounds)
                )
            case ScatterRows():
                return (
                    f"scatter  {self.value(stage.left)} of all rows, to the places in "
                    f"{self.value(stage.index)}, into {self.weight(_param(stage.out))} "
                    f"{shape_text(stage.shape)}"
                )
            case AddShares(product=one):
                return f"sum      of {self.weight(_param(one.out))} {shape_text((one.m, one.n))}"
            case Pack():
                shape = shape_text((stage.k, stage.n))
                rounded = f", in {self.products}" if stage.rounds else ""
                return f"pack     {self.weight(stage.weight)} {shape} for products{rounded}"
            case PackKernel():
                shape = shape_text((stage.m, stage.image.depth))
                return f"pack     {self.weight(stage.weight)} {shape} for convolutions"
            case Combine():
                return f"sum      over threads, of {stage.out.name} {shape_text(stage.shape)}"
            case RowLoops(nests):
                count = sum(isinstance(nest, Contract) for nest in nests) if self.products else 0
                those = "1 of them a product" if count == 1 else f"{count} of them products"
                return _loops(nests) + (f", {those} in {self.products}" if count else "")

    def _rounded(self, as_packed: bool) -> str:
        """Of a product, where its factors are rounded ahead, and not as it packs them."""
        when = "" if as_packed else ", rounded ahead of it"
        return f", in {self.products}{when}" if self.products else ""


def _convolved(image: Image, m: Size, groups: Repeat) -> str:
    plane = (image.width,) if image.kernel[0] == 1 and image.height == Size.of(1) else (
        image.height, image.width)  # fmt: skip
    kernel = "×".join(map(str, image.kernel[-len(plane) :]))
    shapes = (shape_text((channels, *plane)) for channels in (image.channels, m))
    return f"{' to '.join(shapes)}, kernel {kernel}" + _times((groups,))


def _transforms(stage: Convolve | ConvolveSums) -> str:
    return ", by Winograd's transforms where they pay" if stage.scratch is not None else ""


def told_apart(stages: Iterable[Stage]) -> Iterator[Stage]:
    """The stages, with one for each product of several sums over rows."""
    for stage in stages:
        if isinstance(stage, GemmRows):
            yield from (replace(stage, products=(one,)) for one in stage.products)
        else:
            yield stage


def _param(place: Place) -> Place:
    """Gradients lie as the parameters do."""
    return Place("parameters", place.base, place.rows, place.width, place.strides, name=place.name)


def _times(repeats: Iterable[Repeat]) -> str:
    sizes = [str(repeat.size) for repeat in repeats if repeat.size != Size.of(1)]
    return f", {' times '.join(sizes)} times" if sizes else ""


def _loops(nests: tuple[Nest, ...]) -> str:
    operations = sum(len(nest.statements) if isinstance(nest, Loop) else 1 for nest in nests)
    shapes = (shape_text(_domain(nest)) for nest in nests if _domain(nest))
    domains = list(dict.fromkeys(shapes)) or ["single numbers"]
    told = "1 loop" if len(nests) == 1 else f"{len(nests)} loops, row by row"
    return f"loops    {operations} operations in {told}, over {', '.join(domains)}"


def _domain(nest: Nest) -> Shape:
    match nest:
        case Contract():
            return tuple(size for _, size in nest.sizes)
        case Loop() | Scan() | Fold():
            return nest.domain


def equations_of(stage: Stage) -> list[str]:
    """The equations that loops compute a part of, in order."""
    if not isinstance(stage, RowLoops):
        return []
    found: dict[str, None] = {}
    for nest in stage.nests:
        origins = [s.origin for s in nest.statements] if isinstance(nest, Loop) else [nest.origin]
        found |= {one_line(o.text): None for o in origins if o is not None}
    return list(found)


def one_line(text: str) -> str:
    return " ".join(text.split())


def origin_of(stage: Gemm | Convolve | GemmRows | ConvolveSums) -> Origin | None:
    """The equation that a product computes a part of."""
    match stage:
        case Gemm(origin=origin) | Convolve(origin=origin):
            return origin
        case GemmRows(products=(one, *_)) | ConvolveSums(product=one):
            return one.origin
    return None
