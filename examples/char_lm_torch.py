"""The language model of characters in PyTorch, on one process or on many.

    python char_lm_torch.py --steps 200
    torchrun --nproc-per-node 2 char_lm_torch.py --steps 200 --checkpoint model.pt

The cell is a layer, `celldsl.torch.RNN`, and training over several processes is PyTorch's own
`DistributedDataParallel`: every process has some of the parallel streams of text, and gradients are
averaged.  A run that ended goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from char_lm import NATS, Text, pieces, read_text
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import celldsl
from celldsl.torch import RNN


class Model(nn.Module):
    """One-hot characters, any cell, and a readout."""

    def __init__(self, cell: Any, classes: int, hidden: int) -> None:
        super().__init__()
        self.classes = classes
        self.rnn = RNN(cell, I=classes, H=hidden)
        self.readout = nn.Linear(hidden, classes)

    def forward(self, numbers: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        x = nn.functional.one_hot(numbers, self.classes).to(torch.get_default_dtype())
        output, state = self.rnn(x, state)
        return self.readout(output), state


def main() -> int:
    arguments = parse_arguments()
    several = "WORLD_SIZE" in os.environ
    if several:
        dist.init_process_group("gloo")
    try:
        train(arguments, *((dist.get_rank(), dist.get_world_size()) if several else (0, 1)))
    finally:
        if several:
            dist.destroy_process_group()
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a cell to predict text, in PyTorch.")
    parser.add_argument("text", nargs="?", type=Path, help="default: Python's standard library")
    parser.add_argument("--cell", type=Path, default=Path(__file__).parent / "basics" / "gru.cell")
    parser.add_argument("--steps", type=int, default=500, help="train so many steps")
    parser.add_argument("--hidden", type=int, default=256, help="the size of the state")
    parser.add_argument("--batch", type=int, default=32, help="parallel streams, of all processes")
    parser.add_argument("--length", type=int, default=64, help="characters that gradients cross")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--checkpoint", type=Path, help="written as training goes, and gone on from"
    )
    parser.add_argument("--every", type=int, default=50, help="steps between checkpoints")
    parser.add_argument("--gradients", type=Path, help="write those of the first step, and end")
    parser.add_argument("--double", action="store_true", help="compute in float64")
    return parser.parse_args()


def train(arguments: argparse.Namespace, rank: int, world: int) -> None:
    if arguments.batch % world:
        sys.exit(f"--batch: {arguments.batch} streams cannot be dealt to {world} processes evenly")
    if arguments.double:
        torch.set_default_dtype(torch.float64)
    print(f"process {rank} of {world}: {os.getpid()}", flush=True)
    torch.manual_seed(arguments.seed)
    text = Text(read_text(arguments.text))
    model = Model(celldsl.load(arguments.cell), len(text.characters), arguments.hidden)
    wrapped = DistributedDataParallel(model) if world > 1 else model
    adam = torch.optim.Adam(model.parameters(), lr=0.003)
    first, state = resume(arguments.checkpoint, model, adam, rank, world)
    own = slice(rank, None, world)
    for step, (piece, begins) in enumerate(
        pieces(text.training, arguments.batch, arguments.length)
    ):
        if step >= arguments.steps:
            break
        if step < first:  # of the run that this one goes on from
            continue
        numbers = torch.from_numpy(piece[:, own].copy())
        logits, state = wrapped(numbers[:-1], None if begins else state)
        state = type(state)(*(each.detach() for each in state))  # here gradients are cut off
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), numbers[1:].flatten())
        adam.zero_grad()
        loss.backward()
        if arguments.gradients is not None:
            save_gradients(model, arguments.gradients, rank)
            break
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        if (step + 1) % arguments.every == 0 or step + 1 == arguments.steps:
            save(arguments.checkpoint, model, adam, step + 1, state, rank, world)
            bits = mean_of_all(loss.detach(), world) / NATS
            if rank == 0:
                print(f"step {step + 1:6,}  {bits:.3f} bits per character", flush=True)


def mean_of_all(value: torch.Tensor, world: int) -> float:
    if world > 1:
        dist.all_reduce(value)
    return value.item() / world


def save(
    path: Path | None, model: Model, adam: Any, step: int, state: Any, rank: int, world: int
) -> None:
    """One file for all, written whole or not at all.  It has the states of all streams."""
    if path is None:
        return
    states = [list(state)]
    if world > 1:
        gathered: list[Any] = [None] * world
        dist.all_gather_object(gathered, list(state))
        states = gathered
    if rank == 0:
        whole = {"model": model.state_dict(), "adam": adam.state_dict(), "step": step}
        beside = path.with_suffix(".part")
        torch.save({**whole, "states": states}, beside)
        beside.replace(path)


def resume(path: Path | None, model: Model, adam: Any, rank: int, world: int) -> tuple[int, Any]:
    """How many steps are done, and the state to carry on."""
    if path is None or not path.exists():
        return 0, None
    kept = torch.load(path)
    if len(kept["states"]) != world:
        sys.exit(f"--checkpoint: {path} was written by {len(kept['states'])} processes")
    model.load_state_dict(kept["model"])
    adam.load_state_dict(kept["adam"])
    if rank == 0:
        print(f"going on from step {kept['step']}", flush=True)
    return kept["step"], tuple(kept["states"][rank])


def save_gradients(model: Model, path: Path, rank: int) -> None:
    if rank == 0:
        torch.save({name: p.grad for name, p in model.named_parameters()}, path)


if __name__ == "__main__":
    sys.exit(main())
