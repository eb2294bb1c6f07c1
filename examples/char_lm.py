"""A language model of characters.  In: a text, a cell file.  Out: bits per character, a sample.

    python char_lm.py                                  # the source of Python's standard library
    python char_lm.py shakespeare.txt --cell lstm.cell --minutes 5

Characters go in as one-hot vectors; a softmax readout of the cell's first output guesses the next.
The text is cut into parallel streams.  Gradients go back over `--length` characters, while the
state is carried on from one piece to the next (truncated backpropagation through time).
"""

from __future__ import annotations

import argparse
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
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
    softmax,
)

import celldsl
from celldsl.optim import Adam, cosine

LIBRARY_CHARACTERS = 4_000_000
RARE = 20
UNKNOWN = "\N{REPLACEMENT CHARACTER}"
HELD_OUT = 0.05
HELD_OUT_MOST = 100_000
RATE = 0.003
REPORTS = 12
NATS = float(np.log(2))


class Text:
    """A text as numbers: those of the training part and of the part that is held out."""

    def __init__(self, text: str) -> None:
        counts = Counter(text)
        common = sorted(c for c, count in counts.items() if count >= RARE)
        self.characters = [UNKNOWN, *(c for c in common if c != UNKNOWN)]
        self.numbers = {c: number for number, c in enumerate(self.characters)}
        encoded = self.encode(text)
        held = min(int(len(encoded) * HELD_OUT), HELD_OUT_MOST)
        self.training, self.held_out = encoded[:-held], encoded[-held:]

    def encode(self, text: str) -> Any:
        return np.array([self.numbers.get(c, 0) for c in text], np.int64)

    def decode(self, numbers: list[int]) -> str:
        return "".join(self.characters[number] for number in numbers)


class Model:
    """A cell and its readout."""

    def __init__(self, cell: Any, readout: Readout, classes: int) -> None:
        self.cell = cell
        self.readout = readout
        self.one_hot = np.eye(classes, dtype=np.float32)

    def loss(self, piece: Any, state: Any) -> tuple[float, Any]:
        """Nats per character of a piece (T + 1, B), and the state after it."""
        y, state = self.cell(self.one_hot[piece[:-1]], state)
        features = first_output(y)
        logits = self.readout(features.reshape(-1, features.shape[-1]))
        return cross_entropy(logits, piece[1:].reshape(-1))[0], state

    def gradients(self, piece: Any, state: Any) -> tuple[float, list[Any], Any]:
        """Nats per character, the gradients of cell and readout, and the state to carry on."""
        y, state, tape = self.cell.forward(self.one_hot[piece[:-1]], state, check_numerics=True)
        features = first_output(y)
        rows = features.reshape(-1, features.shape[-1])
        loss, dlogits = cross_entropy(self.readout(rows), piece[1:].reshape(-1))
        drows, readout_gradient = self.readout.backward(rows, dlogits)
        dy = gradient_of_first(self.cell, drows.reshape(features.shape))
        # Without `dstate` nothing comes back from the next piece: here the gradient is cut off.
        grads = self.cell.backward(tape, dy, check_numerics=True)
        return loss, [grads.params.flat, readout_gradient], state


class Progress:
    """How much of the steps or of the minutes is over."""

    def __init__(self, steps: int | None, minutes: float) -> None:
        self.steps, self.seconds = steps, 60 * minutes
        self.started = time.perf_counter()
        self.step = 0

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.started

    @property
    def fraction(self) -> float:
        return self.step / self.steps if self.steps else self.elapsed / self.seconds


def main() -> int:
    arguments = parse_arguments()
    try:
        text = Text(read_text(arguments.text))
        check_size(text, arguments)
        cell = build_cell(
            arguments.cell, len(text.characters), arguments.hidden, arguments.seed, arguments.name,
            arguments.products,
        )  # fmt: skip
    except (celldsl.CellError, OSError, ValueError) as error:
        print(complaint(error), file=sys.stderr)
        return 1
    print(f"{len(text.training):,} characters, {len(text.characters)} of them different")
    seconds = compile_kernels(cell, len(text.characters))
    print(f"{repr(cell).splitlines()[0]}, kernels ready after {seconds:.1f} s")
    readout = Readout(output_size(cell), len(text.characters), arguments.seed)
    model = Model(cell, readout, len(text.characters))
    try:
        train(model, text, arguments)
    except celldsl.NonFiniteError as error:
        print(f"training stopped: {error}", file=sys.stderr)
        return 1
    print(f"\na sample at temperature {arguments.temperature}:\n")
    print(sample(model, text, arguments))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a cell to predict text.")
    parser.add_argument("text", nargs="?", type=Path, help="default: Python's standard library")
    parser.add_argument("--cell", type=Path, default=Path(__file__).parent / "basics" / "gru.cell")
    parser.add_argument("--name", help="which cell of the file, where it has several")
    parser.add_argument("--minutes", type=float, default=2.0, help="train so long (default: 2)")
    parser.add_argument("--steps", type=int, help="train so many steps instead")
    parser.add_argument("--hidden", type=int, default=256, help="the size of the state")
    parser.add_argument("--batch", type=int, default=32, help="parallel streams of text")
    parser.add_argument("--length", type=int, default=64, help="characters that gradients cross")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--products", choices=["float32", "bfloat16"], help="default: float32")
    parser.add_argument("--sample", type=int, default=600, help="characters to write at the end")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--prompt", default="def ", help="what the sample begins with")
    arguments = parser.parse_args()
    if arguments.minutes <= 0 or (arguments.steps is not None and arguments.steps < 1):
        parser.error("--minutes and --steps: expected more than 0")
    return arguments


def read_text(path: Path | None) -> str:
    if path is not None:
        return path.read_text(encoding="utf-8", errors="replace")
    return "".join(library_files())[:LIBRARY_CHARACTERS]


def library_files() -> Iterator[str]:
    """Modules of the standard library, by name, until there is enough."""
    count = 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        source = path.read_text(encoding="utf-8", errors="replace")
        yield source
        count += len(source)
        if count > LIBRARY_CHARACTERS:
            return


def check_size(text: Text, arguments: argparse.Namespace) -> None:
    wanted = arguments.batch * (arguments.length + 1)
    if len(text.training) < wanted or len(text.held_out) < 2:
        raise ValueError(f"the text is too short: {wanted:,} characters make one step")


def pieces(training: Any, batch: int, length: int) -> Iterator[tuple[Any, bool]]:
    """Pieces (length + 1, batch) for ever, and whether one begins the text anew.

    The last character of a piece is the first of the next: it was only guessed so far.
    """
    usable = (len(training) - 1) // batch
    streams = np.stack([training[b * usable : (b + 1) * usable + 1] for b in range(batch)], 1)
    while True:
        for start in range(0, usable - length + 1, length):
            yield streams[start : start + length + 1], start == 0


def train(model: Model, text: Text, arguments: argparse.Namespace) -> None:
    progress = Progress(arguments.steps, arguments.minutes)
    arrays = {"cell": model.cell.params.flat, "readout": model.readout.flat}
    adam, fall = Adam(arrays, betas=(0.9, 0.99), clip=1.0), cosine(RATE, steps=1)
    state, losses, reported = None, [], 0
    source = pieces(text.training, arguments.batch, arguments.length)
    with tqdm(total=100, desc="training", unit="%", disable=None, leave=False) as bar:
        while progress.fraction < 1:
            piece, begins = next(source)
            loss, gradients, state = model.gradients(piece, None if begins else state)
            adam.update(dict(zip(arrays, gradients, strict=True)), fall(progress.fraction))
            losses.append(loss)
            progress.step += 1
            bar.update(min(int(100 * progress.fraction), 100) - bar.n)
            if progress.fraction * REPORTS >= reported + 1:
                reported = int(progress.fraction * REPORTS)
                tqdm.write(progress_line(progress, losses, arguments))
                losses = []
    held_out = model.loss(text.held_out[:, None], None)[0] / NATS
    print(f"{held_out:.3f} bits per character on {len(text.held_out):,} characters held out")


def progress_line(progress: Progress, losses: list[float], arguments: argparse.Namespace) -> str:
    characters = progress.step * arguments.batch * arguments.length
    bits = float(np.mean(losses)) / NATS
    speed = characters / progress.elapsed / 1000
    return (
        f"{progress.elapsed:6.1f} s  step {progress.step:6,}  "
        f"{bits:.3f} bits per character  {speed:,.0f} thousand characters/s"
    )


def sample(model: Model, text: Text, arguments: argparse.Namespace) -> str:
    """Text that the model makes up, one character at a time."""
    random = np.random.default_rng(arguments.seed)
    stream = model.cell.stream(batch=1)
    numbers = list(text.encode(arguments.prompt or "\n"))
    for number in numbers:
        y = stream(model.one_hot[[number]])
    for _ in range(arguments.sample):
        features = (y[0] if isinstance(y, tuple) else y).reshape(1, -1)
        chances = softmax(model.readout(features)[0].astype(float) / arguments.temperature)
        numbers.append(int(random.choice(len(chances), p=chances)))
        y = stream(model.one_hot[[numbers[-1]]])
    return text.decode(numbers)


if __name__ == "__main__":
    sys.exit(main())
