"""The records of what a stage runs: loop nests and matrix multiplications.

r = sigmoid(pre[0:H] + b_r) …            a Loop over [H] with all statements that share it
pre[n, 3*H] += h[n, H] @ r_u.W_h|c.W_h          a Gemm for the rows of a stage
d_W[I, 3*H] = x[R, I]^T @ d_pre[R, 3*H]         a RowSum over all rows
"""

from __future__ import annotations

from celldsl.ir.attributes import NONE, Attributes
from celldsl.ir.program import Origin
from celldsl.ir.size import Shape, Size
from celldsl.plan.places import Memory, Operand, Place, Store
from celldsl.structs import field, record


@record
class Statement:
    """`value = op(operands…)` for every index of the nest, and where it is kept."""

    value: str
    op: str
    operands: tuple[Operand, ...]
    stores: tuple[Store, ...]
    attributes: Attributes = NONE
    boolean: bool = False
    origin: Origin | None = None


@record
class Loop:
    """Statements over every index of `domain`; reductions among them are complete after it."""

    domain: Shape
    statements: tuple[Statement, ...]


@record
class Contract:
    """An einsum of two values of the row: out = or += left * right over all labels."""

    spec: str
    sizes: tuple[tuple[str, Size], ...]
    left: Memory
    right: Memory
    stores: tuple[Store, ...]
    origin: Origin | None = None


@record
class Scan:
    """A running sum or product along `axis`."""

    op: str
    domain: Shape
    axis: int
    reverse: bool
    source: Memory
    store: Store
    origin: Origin | None = None


@record
class Fold:
    """The adjoint of `window`: adds every element to where it was seen."""

    domain: Shape
    kernel: tuple[int, ...]
    source: Memory
    store: Store
    origin: Origin | None = None


Nest = Loop | Contract | Scan | Fold


@record
class Repeat:
    """A GEMM is run for each index below `size`; the operands advance by these strides."""

    size: Size
    left: Size
    right: Size
    out: Size


@record
class Gemm:
    """out[row, n] = or += left[row, k] @ right[k, n] for the rows of the stage.

    `right` is packed: `packed` is its place; one packed matrix for each index of the repeats that
    moves the weight.  Where it `rounds`, both factors are rounded to bfloat16 as they are packed.
    """

    left: Place
    left_stride: Size
    packed: Place
    out: Place
    n: Size
    k: Size
    accumulate: bool
    repeats: tuple[Repeat, ...] = ()
    origin: Origin | None = None
    rounds: bool = False


@record
class RowSum:
    """out[m, n] = sum over all rows of left[row, m] * right[row, n].

    Where parts share the rows, the first writes to `out` and each other to a row of `shares`,
    which has the axes of the repeats, m and n.
    """

    left: Place
    out: Place
    shares: Place
    out_stride: Size
    m: Size
    n: Size
    origin: Origin | None = None


@record
class GemmRows:
    """Sums over all rows, with the same right operand, which is packed once for all.

    `n` is that of the widest; `panels` and `micro_panels` are scratch.  Where there are `repeats`
    or `sums` there is one product.  Where it `rounds`, both factors are rounded to bfloat16.
    """

    right: Place
    n: Size
    products: tuple[RowSum, ...]
    panels: Place
    micro_panels: Place
    repeats: tuple[Repeat, ...] = ()
    sums: tuple[Repeat, ...] = ()
    rounds: bool = False


@record
class Image:
    """Channels of `height` lines, `width` pixels each, and the kernel that goes over them."""

    channels: Size
    height: Size
    width: Size
    kernel: tuple[int, int]

    @property
    def pixels(self) -> Size:
        return self.height * self.width

    @property
    def depth(self) -> Size:
        """How many numbers a kernel sees at once."""
        return self.channels * (self.kernel[0] * self.kernel[1])

    @property
    def positions(self) -> int:
        """The products that Winograd's transforms make of a convolution, one at each."""
        return 36 if self.kernel == (3, 3) else 6


@record
class Convolve:
    """out[row, m, pixel] = or += kernels[m, depth] @ what is seen at the pixels of source[row].

    The kernels are packed.  `m` counts the channels of the result; each `*_channel` is how far they
    are apart.  There is one kernel for each of `groups`.  Where there is `scratch` it is for
    Winograd's transforms, and there are no groups.
    """

    source: Place
    source_channel: Size
    image: Image
    packed: Place
    out: Place
    out_channel: Size
    m: Size
    accumulate: bool
    groups: Repeat
    origin: Origin | None = None
    scratch: Place | None = None


@record
class PackKernel:
    """packed = the kernels [groups, m, channels, …] as convolutions read them, by Winograd's
    transforms or not; `strides` of all four axes after the groups."""

    weight: Place
    strides: tuple[Size, Size, Size, Size]
    packed: Place
    image: Image
    m: Size
    groups: Repeat
    winograd: bool = False


@record
class ConvolveSums:
    """out[m, depth] = sum over all rows of left[row, m, pixel] times what is seen at the pixels.

    `totals` and `scratch` are for Winograd's transforms, as in Convolve.
    """

    product: RowSum
    left_channel: Size
    source: Place
    source_channel: Size
    image: Image
    groups: Repeat
    totals: Place | None = None
    scratch: Place | None = None


@record
class ScatterRows:
    """out[index[row]] += left[row] for all rows; `cleared` where out is not zero before.

    Parts share the last axis, so that no two of them write to one element.
    """

    left: Place
    index: Place
    out: Place
    shape: Shape
    cleared: bool
    origin: Origin | None = None


@record
class AddShares:
    """out += what the other parts have, where parts shared the rows of a product.

    Every row adds up `terms`.
    """

    product: RowSum
    repeats: tuple[Repeat, ...] = ()
    terms: Size = field(default_factory=lambda: Size.of(1))


@record
class Pack:
    """packed = the weight [k, n] in panels; `repeats` and `rounds` as in the GEMM."""

    weight: Place
    k_stride: Size
    n_stride: Size
    packed: Place
    k: Size
    n: Size
    repeats: tuple[Repeat, ...] = ()
    rounds: bool = False


@record
class Combine:
    """out = the sum over the parts of an accumulator."""

    source: Place
    out: Place
    shape: Shape
