"""What a measurement shows.  In: rows of times.  Out: a table, a JSON file, a picture."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from measure import OURS, Row, StreamRow
from timing import Time

PACKAGES = ("celldsl", "numpy", "numba", "jax", "torch", "onnxruntime")
TITLES = {"train": "Training pass", "infer": "Inference"}


def print_table(rows: Sequence[Row]) -> None:
    for mode in dict.fromkeys(row.mode for row in rows):
        own = [row for row in rows if row.mode == mode]
        labels = list(dict.fromkeys(label for row in own for label in row.times))
        print(
            f"\n{TITLES[mode]}: median milliseconds; how many times as long the fastest other "
            "takes; share of the limit; both also by the best times\n"
        )
        head = ["cell", "shape", *labels, "ratio", "(best)", "limit", "share", "(best)"]
        _print_lines([head, *(_cells(row, labels) for row in own)])


def _cells(row: Row, labels: Sequence[str]) -> list[str]:
    times = [_milliseconds(row.times.get(name)) for name in labels]
    ratios = [row.ratio("median"), row.ratio("best")]
    told = ["" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
    shares = [f"{row.share('median'):.0%}", f"{row.share('best'):.0%}"]
    return [row.cell, row.shape_name, *times, *told, _milliseconds(row.limit), *shares]


def _milliseconds(time: Time | None) -> str:
    """Three digits, and no exponents."""
    return "" if time is None else f"{float(f'{time.median * 1e3:.3g}'):g}"


def print_streams(rows: Sequence[StreamRow]) -> None:
    if not rows:
        return
    print("\nOne step at B=1, H=64: microseconds\n")
    labels = list(rows[0].times)
    lines = [
        [row.cell, *(f"{row.times[name].median * 1e6:.1f}" for name in labels)] for row in rows
    ]
    _print_lines([["cell", *labels], *lines])


def _print_lines(lines: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        first, *others = (f"{text:>{width}}" for text, width in zip(line, widths, strict=True))
        print("  ".join([f"{line[0]:<{widths[0]}}", *others]) if first else "")
    print()


def save(rows: Sequence[Row], streams: Sequence[StreamRow], threads: int, path: Path) -> None:
    """Seconds.  The machine is told by its kind, not by its name."""
    found: dict[str, Any] = {
        "threads": threads,
        "machine": platform.machine(),
        "processor": _processor(),
        "versions": {name: _version(name) for name in PACKAGES},
        "passes": [{**asdict(row), "ratio": row.ratio("median")}
                   for row in rows],
        "steps": [asdict(row) for row in streams],
    }  # fmt: skip
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    place = Path("/proc/cpuinfo")
    if place.exists():
        for line in place.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def draw(rows: Sequence[Row], path: Path) -> None:
    """For each line of the table the time of every peer over ours: right of 1 is slower than us."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    modes = list(dict.fromkeys(row.mode for row in rows))
    longest = max(sum(row.mode == mode for row in rows) for mode in modes)
    figure, panels = plt.subplots(
        1, len(modes), figsize=(5.5 * len(modes) + 1, 1.8 + 0.24 * longest), squeeze=False
    )
    labels = list(dict.fromkeys(name for row in rows for name in row.times if name != OURS))
    colors = dict(zip(labels, plt.get_cmap("tab10").colors, strict=False))
    for panel, mode in zip(panels[0], modes, strict=True):
        _draw_mode(panel, [row for row in rows if row.mode == mode], colors)
        panel.set_title(TITLES[mode])
    legend = {}
    for panel in panels[0]:
        handles, names = panel.get_legend_handles_labels()
        legend |= dict(zip(names, handles, strict=True))
    figure.legend(
        legend.values(), legend.keys(), loc="lower center", ncols=len(legend), frameon=False
    )
    figure.tight_layout(rect=(0, 0.35 / (1.8 + 0.24 * longest), 1, 1))
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _draw_mode(panel: Any, rows: Sequence[Row], colors: dict[str, Any]) -> None:
    places = range(len(rows))
    for label, color in colors.items():
        found = [(row.times[label].median / row.times[OURS].median, i)
                 for i, row in enumerate(rows) if label in row.times]  # fmt: skip
        if found:
            panel.plot(*zip(*found, strict=True), "o", color=color, label=label)
    limits = [row.share("median") for row in rows]
    panel.plot(limits, places, "|", color="black", markersize=9, label="sgemm limit")
    panel.axvline(1.0, color="gray", linewidth=1)
    panel.set_yticks(places, [f"{row.cell} {row.shape_name}" for row in rows], fontsize=8)
    panel.invert_yaxis()
    panel.set_xscale("log")
    panel.set_xticks([0.1, 0.2, 0.5, 1, 2, 5, 10], ["0.1", "0.2", "0.5", "1", "2", "5", "10"])
    panel.minorticks_off()
    panel.set_xlabel(f"time ÷ that of {OURS}: right of 1 is slower")
    panel.grid(axis="both", alpha=0.25)
