"""What the examples learn with products in bfloat16 and with those in float32, seed by seed.

    python benchmarks/rounded_learning.py --seeds 5

The digits and the character model, as `examples` has them, but shorter: the same data, order and
first parameters for either.  A line of a table for each, with the means and the spread of seeds.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from pathlib import Path
from statistics import mean, stdev
from typing import Any

EXAMPLES = Path(__file__).parents[1] / "examples"
GRU = EXAMPLES / "basics" / "gru.cell"
KINDS = ("float32", "bfloat16")
HELD_OUT = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10, help="of the digits")
    parser.add_argument("--steps", type=int, default=300, help="of the character model")
    arguments = parser.parse_args()
    sys.path.insert(0, str(EXAMPLES))
    seeds = range(arguments.seeds)
    digits = {kind: [read_digits(kind, s, arguments.epochs) for s in seeds] for kind in KINDS}
    text = {kind: [model_text(kind, s, arguments.steps) for s in seeds] for kind in KINDS}
    print(f"| mean ± deviation of {arguments.seeds} seeds | float32 | bfloat16 |\n|---|--:|--:|")
    row(f"digits, {arguments.epochs} epochs: test digits read, %", digits, 0, 1)
    row(f"digits, {arguments.epochs} epochs: loss on test digits, nats", digits, 1, 3)
    row(f"characters, {arguments.steps} steps: bits per character held out", text, 0, 3)


def row(told: str, found: dict[str, list[tuple[float, ...]]], place: int, digits: int) -> None:
    cells = []
    for kind in KINDS:
        values = [each[place] for each in found[kind]]
        cells.append(
            f"{mean(values):.{digits}f} ± {stdev(values) if len(values) > 1 else 0.0:.{digits}f}"
        )
    print(f"| {told} | {' | '.join(cells)} |")


def read_digits(products: str, seed: int, epochs: int) -> tuple[float, float]:
    """Percent of the test digits that are read, and the loss on them."""
    import train_digits as example

    cell = example.build_cell(GRU, example.PIXELS, 64, seed, products=products)
    readout = example.Readout(example.output_size(cell), classes=10, seed=seed)
    history = example.train(cell, readout, example.digits(), epochs, seed)
    return 100 * history.accuracy[-1], history.test_loss[-1]


def model_text(products: str, seed: int, steps: int) -> tuple[float]:
    """Bits per character on text that was held out."""
    import char_lm as example

    text = example.Text(example.read_text(None)[:1_000_000])
    classes = len(text.characters)
    cell = example.build_cell(GRU, classes, 128, seed, products=products)
    readout = example.Readout(example.output_size(cell), classes, seed)
    model: Any = example.Model(cell, readout, classes)
    asked = argparse.Namespace(steps=steps, minutes=1.0, batch=32, length=64)
    with contextlib.redirect_stdout(io.StringIO()):
        example.train(model, text, asked)
    return (model.loss(text.held_out[:HELD_OUT, None], None)[0] / example.NATS,)


if __name__ == "__main__":
    main()
