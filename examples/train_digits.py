"""Handwritten digits, read row by row.  In: a cell file.  Out: test accuracy and a picture.

    python train_digits.py                                # gru.cell
    python train_digits.py mine.cell --hidden 96 --out mine.png

A digit of scikit-learn's bundled set is 8 steps of 8 pixels.  The cell reads it from top to bottom;
a softmax readout, written in NumPy, names the digit from the last output.  A fifth of the digits is
kept for the test; the cell never trains on it.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm
from training import (
    Readout,
    build_cell,
    compile_kernels,
    complaint,
    cross_entropy,
    first_output,
    gradient_of_first,
    output_size,
)

import celldsl
from celldsl.optim import Adam, cosine

PIXELS = 8
BATCH = 32
RATE = 0.005


@dataclass
class History:
    """One number for each epoch."""

    train_loss: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)


def main() -> int:
    arguments = parse_arguments()
    try:
        cell = build_cell(
            arguments.cell, PIXELS, arguments.hidden, arguments.seed, arguments.name,
            arguments.products,
        )  # fmt: skip
    except (celldsl.CellError, OSError, ValueError) as error:
        print(complaint(error), file=sys.stderr)
        return 1
    seconds = compile_kernels(cell, PIXELS)
    print(f"{describe(cell)}, kernels ready after {seconds:.1f} s", flush=True)
    readout = Readout(output_size(cell), classes=10, seed=arguments.seed)
    data = digits()
    started = time.perf_counter()
    try:
        history = train(cell, readout, data, arguments.epochs, arguments.seed)
    except celldsl.NonFiniteError as error:
        print(f"training stopped, and nothing was drawn: {error}", file=sys.stderr)
        return 1
    seconds = time.perf_counter() - started
    labels = data["test"][1]
    guesses = predict(cell, readout, data["test"][0]).argmax(-1)
    draw(history, labels, guesses, arguments.out, type(cell).__name__)
    report(labels, guesses, arguments.epochs, seconds, arguments.out)
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a cell to read handwritten digits.")
    default = Path(__file__).parent / "basics" / "gru.cell"
    parser.add_argument("cell", nargs="?", default=default, help="a .cell file or its module")
    parser.add_argument("--name", help="which cell of the file, where it has several")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--hidden", type=int, default=64, help="the size of the state")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--products", choices=["float32", "bfloat16"], help="default: float32")
    parser.add_argument("--out", type=Path, default=Path("digits.png"), help="the picture")
    return parser.parse_args()


def describe(cell: Any) -> str:
    return repr(cell).splitlines()[0]


def digits() -> dict[str, tuple[Any, Any]]:
    """Images (8, B, 8) and labels (B,), for training and for the test."""
    bunch: Any = load_digits()
    images = ((bunch.images - bunch.images.mean()) / bunch.images.std()).astype(np.float32)
    split = train_test_split(
        images, bunch.target, test_size=0.2, random_state=0, stratify=bunch.target
    )
    train_images, test_images, train_labels, test_labels = split
    return {
        "train": (rows_first(train_images), train_labels),
        "test": (rows_first(test_images), test_labels),
    }


def rows_first(images: Any) -> Any:
    return np.ascontiguousarray(images.transpose(1, 0, 2))


def train(
    cell: Any, readout: Readout, data: dict[str, tuple[Any, Any]], epochs: int, seed: int
) -> History:
    images, labels = data["train"]
    arrays = {"cell": cell.params.flat, "readout": readout.flat}
    adam, fall = Adam(arrays, betas=(0.9, 0.99), clip=5.0), cosine(RATE, steps=1)
    random = np.random.default_rng(seed)
    history = History()
    batches = range(0, len(labels), BATCH)
    # On a terminal; in a pipe it stays quiet.
    with tqdm(total=epochs * len(batches), desc="training", unit="batch", disable=None) as bar:
        for epoch in range(epochs):
            order = random.permutation(len(labels))
            losses = []
            for start in batches:
                chosen = order[start : start + BATCH]
                rate = fall((epoch + start / len(order)) / epochs)
                moved = shifted(images[:, chosen], random)
                losses.append(update(cell, readout, adam, moved, labels[chosen], rate))
                bar.update()
            note(history, losses, predict(cell, readout, data["test"][0]), data["test"][1])
            loss, right = history.train_loss[-1], history.accuracy[-1]
            bar.set_postfix_str(f"epoch {epoch + 1}, loss {loss:.3f}, test {right:.1%}")
    return history


def shifted(images: Any, random: np.random.Generator) -> Any:
    """The images (8, B, 8), each moved by up to a pixel: a digit stays the digit that it is."""
    margin = np.pad(images, ((1, 1), (0, 0), (1, 1)), mode="edge")
    moved = np.empty_like(images)
    for index, (down, right) in enumerate(random.integers(0, 3, (images.shape[1], 2))):
        moved[:, index] = margin[down : down + PIXELS, index, right : right + PIXELS]
    return moved


def update(cell: Any, readout: Readout, adam: Adam, images: Any, labels: Any, rate: float) -> float:
    """One step of gradient descent on a batch; the loss before it."""
    y, _, tape = cell.forward(images, check_numerics=True)
    features = first_output(y)
    loss, dlogits = cross_entropy(readout(features[-1]), labels)
    dy = np.zeros_like(features)
    dy[-1], readout_gradient = readout.backward(features[-1], dlogits)
    grads = cell.backward(tape, gradient_of_first(cell, dy), check_numerics=True)
    adam.update({"cell": grads.params.flat, "readout": readout_gradient}, rate)
    return loss


def predict(cell: Any, readout: Readout, images: Any) -> Any:
    y, _ = cell(images)
    return readout(first_output(y)[-1])


def note(history: History, losses: list[float], logits: Any, labels: Any) -> None:
    history.train_loss.append(float(np.mean(losses)))
    history.test_loss.append(cross_entropy(logits, labels)[0])
    history.accuracy.append(float((logits.argmax(-1) == labels).mean()))


def confusion(labels: Any, guesses: Any) -> Any:
    """How often each digit (row) was read as each (column)."""
    table = np.zeros((10, 10), int)
    np.add.at(table, (labels, guesses), 1)
    return table


def draw(history: History, labels: Any, guesses: Any, path: Path, name: str) -> None:
    """The loss curves and the confusion, side by side."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    epochs = range(1, len(history.train_loss) + 1)
    left.plot(epochs, history.train_loss, label="training digits")
    left.plot(epochs, history.test_loss, label="test digits")
    left.set(xlabel="epoch", ylabel="loss (nats)", yscale="log", title=f"{name} learns digits")
    left.legend(frameon=False)
    left.spines[["top", "right"]].set_visible(False)
    draw_confusion(right, confusion(labels, guesses))
    right.set_title(f"{(labels == guesses).sum()} of {len(labels)} test digits read correctly")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_confusion(axes: Any, table: Any) -> None:
    # Mistakes are few: a colour scale up to 40 would hide them, so they get colours of their own.
    right = np.eye(10, dtype=bool)
    axes.imshow(np.where(right, table, np.nan), cmap="Blues", vmin=0, vmax=1.6 * table.max())
    wrong = np.where(~right & (table > 0), table, np.nan)
    axes.imshow(wrong, cmap="Reds", vmin=0, vmax=max(4, np.nan_to_num(wrong).max()))
    for row, column in np.argwhere(table > 0):
        axes.text(column, row, table[row, column], ha="center", va="center", fontsize=9)
    axes.set(xticks=range(10), yticks=range(10), xlabel="read as", ylabel="digit")


def report(labels: Any, guesses: Any, epochs: int, seconds: float, path: Path) -> None:
    right = int((labels == guesses).sum())
    table = confusion(labels, guesses)
    np.fill_diagonal(table, 0)
    digit, guess = np.unravel_index(table.argmax(), table.shape)
    times = table[digit, guess]
    if times:
        print(f"most frequent mistake: {digit} read as {guess}, {times} of {sum(labels == digit)}")
    print(
        f"{right} of {len(labels)} test digits read correctly ({right / len(labels):.1%}), "
        f"after {epochs} epochs in {seconds:.1f} s; curves and confusion in {path}"
    )


if __name__ == "__main__":
    sys.exit(main())
