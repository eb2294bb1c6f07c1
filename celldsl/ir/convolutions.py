"""Products with windows.  In: an einsum that reads a window.  Out: its parts, or None.

    w = window(x: [C, Y, X], kernel=(3, 3))
    einsum(w, K: [J, C, 3, 3]) "ikmyx,jikm->jyx"       m = j, channel = i, taps = km, pixels = yx

What every kernel of a convolution sees is then a matrix that need not be in memory.  Where there
are groups, each has its own kernels: "gikmyx,gjikm->gjyx".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from celldsl.ir.attributes import KERNEL, SPEC
from celldsl.ir.ops.contractions import spec_parts
from celldsl.ir.program import Node, Rows, Type
from celldsl.jit.gemm.sizes import KERNEL_MOST
from celldsl.structs import record


@record
class Convolution:
    """`other` is the kernels, or in a sum over rows what multiplies each pixel; labels as there.

    `group` is empty where there are no groups, and `m` the axis of the result that `other` has.
    """

    window: str
    image: str
    other: str
    seen_labels: str
    other_labels: str
    out_labels: str
    group: str
    m: str
    channel: str
    taps: str
    pixels: str


def convolution(
    defined: Mapping[str, Node], types: Mapping[str, Type], node: Node
) -> Convolution | None:
    """The form of an einsum of a window and of kernels that exist once."""
    if node.op != "einsum":
        return None
    for found in _with_windows(defined, node):
        kernels = set(found.group + found.m + found.channel + found.taps)
        rows = types[found.other].rows, types[found.image].rows
        fits = (
            set(found.other_labels) == kernels
            and found.out_labels == found.group + found.m + found.pixels
            and rows[0] == Rows.ONCE != rows[1]
        )
        if fits:
            return found
    return None


def convolution_sum(defined: Mapping[str, Node], node: Node) -> Convolution | None:
    """The form of a sum over rows of what is seen and what multiplies it: kernels' gradient."""
    if node.op != "einsum_rows":
        return None
    for found in _with_windows(defined, node):
        fits = (
            found.other_labels == found.group + found.m + found.pixels
            and found.out_labels == found.group + found.m + found.channel + found.taps
        )
        if fits:
            return found
    return None


def _with_windows(defined: Mapping[str, Node], node: Node) -> Iterator[Convolution]:
    """Each operand that is a window, with labels by what they are."""
    first, second, out = spec_parts(node[SPEC])
    pairs = (
        (node.args[0], first, node.args[1], second),
        (node.args[1], second, node.args[0], first),
    )
    for value, seen, other, labels in pairs:
        window = defined.get(value)
        if window is None or window.op != "window":
            continue
        kernel = window[KERNEL]
        n = len(kernel)
        lead, taps, pixels = seen[: -2 * n], seen[-2 * n : -n], seen[-n:]
        m = [label for label in labels if label in out and label not in seen]
        group, channel = _lead(lead, labels, out, taps)
        small = n <= 2 and max(kernel) <= KERNEL_MOST
        if len(m) == 1 and group + channel == lead and channel and small:
            yield Convolution(
                value, window.args[0], other, seen, labels, out, group, m[0], channel, taps, pixels
            )


def _lead(lead: str, labels: str, out: str, taps: str) -> tuple[str, str]:
    """The labels of groups and of channels; nothing where they are neither."""
    # In a product the result has the groups alone, in a sum over rows channels as well.
    summed = taps[0] not in out
    shared = [x for x in lead if x in out and x in labels] if summed else [
        x for x in lead if x in labels
    ]  # fmt: skip
    group, channel = "".join(shared), "".join(x for x in lead if x not in shared)
    return (group, channel) if len(group) <= 1 and len(channel) == 1 else ("", "")


def channel_axis(defined: Mapping[str, Node], types: Mapping[str, Type], node: Node) -> int | None:
    """The axis of the result along which the channels of several convolutions lie side by side."""
    found = convolution(defined, types, node)
    return None if found is None or found.group else found.out_labels.index(found.m)


def gathered_windows(nodes: Mapping[str, Node], types: Mapping[str, Type],
                     kept: Collection[str]) -> frozenset[str]:  # fmt: skip
    """Windows that nothing reads but convolutions, which gather them: they need no memory."""
    windows = {name for name, node in nodes.items() if node.op == "window"} - set(kept)
    for node in nodes.values():
        if windows.isdisjoint(node.args):
            continue
        found = convolution(nodes, types, node) or convolution_sum(nodes, node)
        windows -= {arg for arg in node.args if found is None or arg != found.window}
    return frozenset(windows)
