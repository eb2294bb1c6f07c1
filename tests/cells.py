"""The cells that come with celldsl, for tests.  In: stems.  Out: paths.

example("gru")          examples/basics/gru.cell
EVERY                   all of them, by stem
FEW                     those that were first: together they have what most cells have
"""

from __future__ import annotations

from pathlib import Path

from celldsl.zoo_index import example_paths

EVERY = {path.stem: path for path in sorted(example_paths(), key=lambda path: path.stem)}
FIRST = (
    "cifg", "clipped_lstm", "cudnn_gru", "gru", "indrnn", "ln_basic_lstm", "ln_gru", "ln_lstm",
    "ln_rnn", "lstm", "mingru", "packed_lstm", "peephole_lstm", "projected_lstm", "rnn", "sru",
    "sru_projected",
)  # fmt: skip
FEW = [EVERY[stem] for stem in FIRST]


def example(stem: str) -> Path:
    return EVERY[stem]
