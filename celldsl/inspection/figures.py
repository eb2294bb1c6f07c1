"""What is seen of a run, as figures.  In: Seen.  Out: matplotlib figures, not shown yet.

    values_figure(seen).savefig("values.png")

values      a heat map a name, time from left to right, units from top to bottom
gradient    its norm at states, and at every value, by steps back; what decides it
spectrum    eigenvalues of the state's Jacobian along the run
range       the largest amount of every value over time, and where it leaves the finite
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from celldsl.inspection.seen import Seen, gates

Array = NDArray[Any]
MOST, WIDTH, FLOOR = 24, 9.0, 1e-12
QUANTILES = ((1.0, "largest"), (0.75, "upper quarter"), (0.5, "median"), (0.0, "smallest"))


def values_figure(seen: Seen) -> Figure:
    """Gates from 0 to 1, others about 0; what is not finite is black."""
    # A state after a step is the same before the next one.
    known = {n: v for n, v in seen.values.items() if f"{n}'" not in seen.values}
    names = [n for n, v in known.items() if v.dtype.kind == "f" and v[0, 0].size][:MOST]
    units = [min(seen.values[name][0, 0].size, 32) for name in names]
    heights = [0.35 + 0.022 * count for count in units]
    figure = Figure(figsize=(WIDTH, 1.0 + sum(heights) + 0.28 * len(names)), layout="constrained")
    figure.suptitle(f"{seen.name}: values over time, sequence {seen.row}")
    axes = figure.subplots(len(names), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    between = set(gates(seen.values))
    for name, one in zip(names, axes, strict=True):
        # In the width of floats that the axes are computed in.
        value = seen.values[name][:, seen.row].astype(np.float64)
        value = value.reshape(len(value), -1)
        image = _heat(one, value.T, name in between)
        one.set_ylabel(name, rotation=0, ha="right", va="center")
        one.set_yticks([])
        figure.colorbar(image, ax=one, pad=0.01, fraction=0.03, aspect=8)
    axes[-1].set_xlabel("step")
    return figure


def _heat(axes: Any, matrix: Array, is_gate: bool) -> Any:
    finite = np.abs(matrix[np.isfinite(matrix)]).max(initial=0.0) or 1.0
    name, low, high = ("viridis", 0.0, 1.0) if is_gate else ("RdBu_r", -finite, finite)
    cmap = colormaps[name].with_extremes(bad="black")
    return axes.imshow(
        matrix, aspect="auto", interpolation="nearest", cmap=cmap, vmin=low, vmax=high
    )


def gradient_figure(seen: Seen) -> Figure:
    """Of the last outputs, on its way back through time."""
    found = seen.gradients
    rows = [*found.states, *(n for n in found.values if n not in found.states)][:MOST]
    figure = Figure(figsize=(WIDTH, 5.2 + 0.2 * len(rows)), layout="constrained")
    figure.suptitle(f"{seen.name}: gradient of the last output, back through time")
    grid = figure.add_gridspec(
        2, 2, width_ratios=[2, 1], height_ratios=[3.0, 1.2 + 0.2 * len(rows)]
    )
    lines = figure.add_subplot(grid[0, 0])
    back = np.arange(len(found.total))[::-1]
    inputs = [n for n in found.norms if n not in found.states and n not in found.values]
    for name in (*found.states, *inputs):
        style = "-" if name in found.states else ":"
        lines.semilogy(back, _shown(found.norms[name]), style, label=name)
    lines.set(xlabel="steps back", ylabel="norm of the gradient")
    lines.legend(fontsize="small")
    lines.grid(alpha=0.3)
    _influence(figure.add_subplot(grid[0, 1]), found.influence)
    _at_values(figure, figure.add_subplot(grid[1, :]), [(n, found.norms[n]) for n in rows])
    return figure


def _shown(norms: Array) -> Array:
    """Without zeros, of which there is no logarithm."""
    found: Array = np.where(norms > 0, norms, np.nan)
    return found


def _influence(axes: Any, influence: Any) -> None:
    known = {n: v for n, v in influence.items() if np.isfinite(v)}
    ranked = sorted(known.items(), key=lambda item: -abs(item[1]))[:10][::-1]
    axes.set_title("% more left per step,\nwith 1 % more of", fontsize="medium")
    if not ranked:
        axes.text(0.5, 0.5, "the weights alone", ha="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return
    axes.barh([n for n, _ in ranked], [v for _, v in ranked], color="#5b7fb5")
    axes.axvline(0.0, color="black", linewidth=0.8)


def _at_values(figure: Figure, axes: Any, rows: list[tuple[str, Array]]) -> None:
    matrix = np.stack([norms for _, norms in rows])
    top = matrix[np.isfinite(matrix)].max(initial=0.0) or 1.0
    there = np.isfinite(matrix) & (matrix > 0)
    shown = np.where(there, np.maximum(matrix, top * FLOOR), np.nan)
    low = min(shown[there].min(initial=top), top * 0.1)
    image = axes.imshow(
        shown, aspect="auto", interpolation="nearest", norm=LogNorm(low, top),
        cmap=colormaps["magma"].with_extremes(bad="lightgrey"),
    )  # fmt: skip
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set(xlabel="step", title="norm at each state and each equation (grey: none)")
    figure.colorbar(image, ax=axes, pad=0.01)


def spectrum_figure(seen: Seen) -> Figure | None:
    """None where the state is too large for Jacobians."""
    if seen.eigenvalues is None:
        return None
    figure = Figure(figsize=(WIDTH, 4.0), layout="constrained")
    figure.suptitle(f"{seen.name}: eigenvalues of the state's Jacobian, sequence {seen.row}")
    over, plane = figure.subplots(1, 2, width_ratios=[1.6, 1])
    amounts = np.abs(seen.eigenvalues)
    for share, name in QUANTILES:
        over.plot(np.quantile(amounts, share, axis=1), label=name)
    over.axhline(1.0, color="black", linestyle="--", linewidth=0.8)
    over.set(xlabel="step", ylabel="amount", ylim=(0, None))
    over.legend(fontsize="small", ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.15))
    flat, colour = seen.eigenvalues.ravel(), np.repeat(np.arange(len(amounts)), amounts.shape[1])
    points = plane.scatter(flat.real, flat.imag, c=colour, s=6, cmap="viridis")
    turn = np.linspace(0.0, 2 * np.pi, 200)
    plane.plot(np.cos(turn), np.sin(turn), "k--", linewidth=0.8)
    plane.set(aspect="equal", xlabel="real", ylabel="imaginary")
    figure.colorbar(points, ax=plane, label="step")
    return figure


def range_figure(seen: Seen) -> Figure:
    """A cross where a value is not finite for the first time."""
    figure = Figure(figsize=(WIDTH, 4.0), layout="constrained")
    figure.suptitle(f"{seen.name}: largest amount of every value over time")
    axes = figure.subplots()
    for name, value in list(seen.values.items())[:MOST]:
        if value.dtype.kind != "f" or not value[0, 0].size:
            continue
        amounts = np.abs(value.astype(np.float64)).reshape(len(value), -1)
        largest = np.where(np.isfinite(amounts), amounts, 0.0).max(axis=1)
        (line,) = axes.semilogy(_shown(largest), label=name)
        if name in seen.lost:
            at = seen.lost[name]
            height = largest[max(at - 1, 0) : at + 1].max() or 1.0
            axes.plot(at, height, "x", color=line.get_color(), markersize=10, mew=2)
    axes.set(xlabel="step", ylabel="largest amount")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", ncols=2, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
