"""Pictures of what was learned.  In: records of `learning.py`.  Out: SVG files."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any

Record = dict[str, Any]
# Scores of one seed after the whole time: what a cell has that answers the same each time.
CHANCE = {"adding": 0.167, "pixels": 0.1, "copy": 0.125, "characters": 8.0}
FEWER_IS_BETTER = ("adding", "characters")
LABELS = {
    "adding": "mean squared error",
    "pixels": "accuracy",
    "copy": "accuracy",
    "characters": "bits per character",
}
COLUMNS = 4
LEAST_ERROR = 1e-5
GREY, DARK = "#c8c8c8", "#404040"


def draw_map(runs: Sequence[Record], path: Path) -> None:
    """A dot for each cell: error at adding, accuracy at pixels; its colour is the family's."""
    pyplot = drawing()
    cells: dict[str, dict[str, Record]] = {}
    for run in runs:
        cells.setdefault(run["cell"], {})[run["task"]] = run
    figure, axes = pyplot.subplots(figsize=(9, 6.5), layout="constrained")
    for place, family in enumerate(sorted({r["family"] for r in runs})):
        points = [
            (name, *position(tasks))
            for name, tasks in cells.items()
            if {"adding", "pixels"} <= tasks.keys() and tasks["adding"]["family"] == family
        ]
        if not points:
            continue
        names, errors, accuracies = zip(*points, strict=True)
        colour = f"C{place}"
        axes.scatter(errors, accuracies, s=14, color=colour, label=family.replace("_", " "))
        for name, error, accuracy in zip(names, errors, accuracies, strict=True):
            place_of = {"xytext": (3, 2), "textcoords": "offset points"}
            axes.annotate(name, (error, accuracy), fontsize=4.5, color=colour, **place_of)
    axes.axvline(CHANCE["adding"], color=GREY, zorder=0)
    axes.axhline(CHANCE["pixels"], color=GREY, zorder=0)
    axes.set(xscale="log", xlabel="adding: mean squared error", ylabel="pixels: accuracy")
    axes.invert_xaxis()
    axes.set_title("Upper right learns both; grey lines are chance", fontsize=9)
    axes.legend(fontsize=7, loc="lower right")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def position(tasks: dict[str, Record]) -> tuple[float, float]:
    """Where a cell stands on the map; one that diverged is no better than chance."""
    adding, pixels = tasks["adding"], tasks["pixels"]
    error = CHANCE["adding"] if adding["diverged"] else adding["score"]
    accuracy = CHANCE["pixels"] if pixels["diverged"] else pixels["score"]
    return min(max(error, LEAST_ERROR), 1.0), accuracy


def draw_curves(task: str, runs: Sequence[Record], path: Path) -> None:
    """Score over seconds: a panel for each family, others in grey behind, the best named."""
    pyplot = drawing()
    families = sorted({r["family"] for r in runs})
    columns = min(COLUMNS, len(families))
    rows = ceil(len(families) / columns)
    figure, panels = pyplot.subplots(
        rows, columns, figsize=(9, 2.0 * rows + 0.6), squeeze=False, layout="constrained",
        sharex=True, sharey=True,
    )  # fmt: skip
    curves = [
        (r["family"], r["cell"], *list(zip(*r["curve"], strict=True))[::2])
        for r in runs
        if r["curve"]
    ]
    for place, panel in enumerate(panels.flat):
        if place >= len(families):
            panel.set_axis_off()
            continue
        family = families[place]
        best = best_of(task, [r for r in runs if r["family"] == family])
        for other, name, seconds, scores in curves:
            if other != family:
                panel.plot(seconds, scores, color=GREY, linewidth=0.3, zorder=1)
            elif name != best:
                panel.plot(seconds, scores, color=f"C{place}", linewidth=0.6, alpha=0.6, zorder=2)
            else:
                panel.plot(seconds, scores, color=DARK, linewidth=1.4, zorder=3)
        panel.set_title(f"{family.replace('_', ' ')} - {best}", fontsize=8)
        panel.tick_params(labelsize=6)
        if task == "adding":
            panel.set(yscale="log", ylim=(LEAST_ERROR, 1.0))
    figure.supxlabel("seconds of training; the best of a family is black and named", fontsize=8)
    figure.supylabel(LABELS[task], fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def best_of(task: str, runs: Sequence[Record]) -> str:
    """The cell with the best score at the end."""
    sign = 1 if task in FEWER_IS_BETTER else -1
    ended = [r for r in runs if not r["diverged"]] or runs
    return str(min(ended, key=lambda r: sign * r["score"])["cell"])


def drawing() -> Any:
    """pyplot that writes the same SVG for the same records."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "celldsl"
    from matplotlib import pyplot

    return pyplot
