"""What was learned, as a page.  In: records of `learning.py`.  Out: docs/learning.md and pictures.

write_page(records, Path("docs"))
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from learning_pictures import draw_curves, draw_map

Record = dict[str, Any]
ONE_SEED = ("adding", "pixels")
# What failed and why, as far as somebody looked.
LOOKED_INTO = {
    "ln_basic_lstm, ln_peephole_lstm (pixels, not finite)": (
        "digits begin with blank pixels. A zero input to a zero state without biases is a vector "
        "of zeros, where the derivative of a normalisation is 1/sqrt(eps): with TensorFlow's eps "
        "of 1e-12 a gradient grows by 1e11 at each blank step (measured in float64: 1e6, 2e39, "
        "2e94, 1e205 after 2, 5, 10, 20 of them). With an eps of 1e-5 it is 9e156 after 40."
    ),
    "indrnn (adding)": (
        "the error jumps late: the paper bounds the recurrent weights while it trains, and nothing "
        "bounds them here."
    ),
    "mingru, sru_projected, and their kind (adding)": (
        "no gate sees the state, and each begins near a half, so that a number is halved at every "
        "step. With a bias from which gates begin at 0.95, in the same time: minGRU 0.016 for "
        "0.145, SRU 0.012 for 0.141; minLSTM did not gain by it (0.142)."
    ),
    "mingru, and others of few parameters (pixels)": (
        "one pixel and H of 128 make 256 parameters. With a first layer of 48 and 4,608 parameters "
        "minGRU gets 0.56."
    ),
    "deltaproduct, retnet, and their kind (pixels)": (
        "keys, queries and values of one pixel are multiples of one vector each, so that a memory "
        "of keys has nothing to tell apart. With a first layer deltaproduct gets 0.42 for 0.14, "
        "retnet 0.18 for 0.11."
    ),
    "lru, complex_lru (adding)": (
        "from input to answer all is linear, so that no number is multiplied by its mark."
    ),
}
UNITS = {
    "adding": "mean squared error, 0.167 by always answering 1; learned below 0.05",
    "pixels": "accuracy on the test digits, 0.1 by chance; learned above 0.5",
    "copy": "accuracy over ten symbols, 0.125 by chance; learned above 0.5",
    "characters": "bits per character on held-out text; learned below 3",
}
INTRODUCTION = """# Do they learn?

Every cell that takes one vector a step, trained by the same loop for {seconds:.0f} s of one core's
time ({minutes:.0f} minutes in all, compiling included). Made by `python benchmarks/learning.py`,
whose records are in [learning.jsonl](learning.jsonl): curves, seeds, sizes and times.

- *Adding*: 100 steps of a number and a mark; the answer is the sum of the two that are marked.
- *Pixels*: scikit-learn's digits as 64 steps of one pixel.
- *Copy*: ten symbols, fifty blanks, then the ten again.
- *Characters*: the next character of Python's own source, from 64 before it.

H is chosen so that a cell has about {parameters:,} parameters, the readout not counted; a state
has at most 1,024 numbers, and H is at most 128, so that diagonal cells and neurons have fewer.
Adam with a step of 0.005 that falls to zero by a cosine, gradients of norm 1 at most, batches of
64: nothing is tuned for any cell, so a bad figure says that a cell wants other settings as often
as that it is bad. Time counts, not updates: a cell that is twice as fast sees twice the data. A
neuron that spikes is read by its mean spikes where a task has one answer; a cell whose input has
the size of its state or of its output has a first layer. Most runs shared the processor with other
work, where a second of its time buys fewer updates: look at their numbers too.
{to_come}"""


def write_page(records: Sequence[Record], waiting: Sequence[str], folder: Path) -> None:
    """Every record has ended well; `waiting` are the cells that have runs to come."""
    (folder / "img").mkdir(exist_ok=True)
    parts = [introduction(records, waiting), pictures(records, folder / "img"), every_cell(records)]
    parts += [chosen_cells(records), not_learned(records), to_come(waiting)]
    page = "\n".join(part for part in parts if part)
    (folder / "learning.md").write_text(page, encoding="utf-8")


def introduction(records: Sequence[Record], waiting: Sequence[str]) -> str:
    took = sum(r["seconds"] + r["compiling"] for r in records)
    return INTRODUCTION.format(
        minutes=took / 60,
        seconds=max(r["seconds"] for r in records),
        parameters=4_000,
        to_come=f"\nRuns of {len(waiting)} cells are [still to come](#still-to-run).\n"
        * bool(waiting),
    )


def by_cell(records: Sequence[Record]) -> dict[str, dict[str, list[Record]]]:
    found: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        found[record["cell"]][record["task"]].append(record)
    return found


def every_cell(records: Sequence[Record]) -> str:
    """One seed; by family, and the best first at pixels."""
    rows = []
    for name, tasks in by_cell([r for r in records if r["seed"] == 0]).items():
        if not all(task in tasks for task in ONE_SEED):
            continue
        adding, pixels = (tasks[task][0] for task in ONE_SEED)
        known = [name, adding["family"].replace("_", " "), adding["hidden"], adding["parameters"]]
        rows.append([*known, shown(adding), adding["updates"], shown(pixels), pixels["updates"]])
    rows.sort(key=lambda row: (row[1], row[0]))
    head = ["cell", "family", "H", "parameters", "adding", "updates", "pixels", "updates"]
    told = "\n".join(f"*{task}*: {UNITS[task]}.  " for task in ONE_SEED)
    return (
        f"## Every cell, one seed\n\n{told}\nWhat was learned is **bold**.\n\n{table(head, rows)}"
    )


def shown(record: Record) -> str:
    if record["diverged"]:
        return f"not finite after {record['updates']} updates"
    score = f"{record['score']:.3g}"
    return f"**{score}**" if record["learned"] else score


def chosen_cells(records: Sequence[Record]) -> str:
    """Cells with several seeds: the median, and the range."""
    rows = []
    for name, tasks in by_cell(records).items():
        if any(len(runs) > 1 for runs in tasks.values()):
            rows.append([name, *(spread(tasks.get(task, [])) for task in UNITS)])
    if not rows:
        return ""
    told = "\n".join(f"*{task}*: {unit}.  " for task, unit in UNITS.items())
    head = f"## Chosen cells, three seeds\n\nMedian (range).\n\n{told}"
    return f"{head}\n\n{table(['cell', *UNITS], rows)}"


def spread(runs: Sequence[Record]) -> str:
    scores = sorted(r["score"] for r in runs if not r["diverged"])
    if not scores:
        return "not finite" if runs else ""
    lost = f", {len(runs) - len(scores)} not finite" if len(scores) < len(runs) else ""
    return f"{np.median(scores):.3g} ({scores[0]:.3g}-{scores[-1]:.3g}{lost})"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(f"{value}" for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def not_learned(records: Sequence[Record]) -> str:
    """Cells that learn neither task, for somebody to look into."""
    cells = by_cell([r for r in records if r["seed"] == 0])
    lost = [
        name
        for name, tasks in cells.items()
        if not any(r["learned"] for task in ONE_SEED for r in tasks.get(task, []))
    ]
    reasons = "\n".join(f"- {cells}: {why}" for cells, why in LOOKED_INTO.items())
    names = ", ".join(sorted(lost)) or "None."
    return f"## Learned neither in this time\n\n{names}\n\nLooked into:\n\n{reasons}\n"


def pictures(records: Sequence[Record], folder: Path) -> str:
    """The map of the tasks that every cell has; curves of each task, a panel for each family."""
    first = [r for r in records if r["seed"] == 0]
    draw_map(first, folder / "learning-map.svg")
    links = ["![all cells at two tasks](img/learning-map.svg)\n"]
    for task in UNITS:
        if runs := [r for r in first if r["task"] == task]:
            draw_curves(task, runs, folder / f"learning-{task}.svg")
            links.append(f"![{task} over time](img/learning-{task}.svg)\n")
    return "\n".join(links)


def to_come(waiting: Sequence[str]) -> str:
    """The cells whose runs are not all there; the benchmark goes on with these."""
    return f"## Still to run\n\n{', '.join(sorted(waiting))}\n" if waiting else ""
