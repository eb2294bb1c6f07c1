"""A cell of a library that is installed.  In: shapes and a step.  Out: a run of it, and gradients.

peer = Peer({"W": (4, 3), "U": (4, 4)}, {"h": (4,)}, {"x": (3,)}, step)
drawn = draw(peer)
run_torch(peer, drawn).outputs            (T, …)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.end_to_end.subject import Arrays

Shapes = Mapping[str, tuple[int, ...]]
STEPS = 4


@dataclass(frozen=True)
class Peer:
    """Shapes have no axis for the batch.

    step     parameters, states, inputs -> output, states; tensors of the library's framework
    numbers  what a Row takes as hyperparameters, and is not differentiated
    """

    parameters: Shapes
    states: Shapes
    inputs: Shapes
    step: Callable[[Any, Any, Any], tuple[Any, Any]]
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawn:
    """Inputs have a first axis for time."""

    parameters: Arrays
    states: Arrays
    inputs: Arrays


@dataclass(frozen=True)
class Found:
    """`gradients` of a weighted sum of outputs and last states, like what was drawn."""

    outputs: Any
    last: Arrays
    gradients: Drawn


def draw(peer: Peer, seed: int = 0) -> Drawn:
    rng = np.random.default_rng(seed)

    def arrays(shapes: Shapes, *lead: int) -> Arrays:
        return {n: 0.7 * rng.normal(size=(*lead, *shape)) for n, shape in shapes.items()}

    return Drawn(arrays(peer.parameters), arrays(peer.states), arrays(peer.inputs, STEPS))


def weighting(array: Any, seed: int) -> Any:
    """The cotangent of an array, the same on both sides."""
    return np.random.default_rng(seed).normal(size=np.shape(array))


def unrolled(peer: Peer, given: Drawn) -> tuple[list[Any], Any]:
    """The outputs of all steps and the last states."""
    state, outputs = given.states, []
    for t in range(STEPS):
        inputs = {name: value[t] for name, value in given.inputs.items()}
        out, state = peer.step(given.parameters, state, inputs)
        outputs.append(out)
    return outputs, state


def run_torch(peer: Peer, drawn: Drawn) -> Found:
    import torch

    def tensors(arrays: Arrays) -> Arrays:
        return {n: torch.tensor(a, requires_grad=True) for n, a in arrays.items()}

    given = Drawn(*(tensors(part) for part in parts(drawn)))
    outputs, last = unrolled(peer, given)
    stacked = torch.stack(outputs)
    loss = (stacked * torch.tensor(weighting(stacked, 1))).sum()
    for place, name in enumerate(sorted(last)):
        loss = loss + (last[name] * torch.tensor(weighting(last[name], 2 + place))).sum()
    loss.backward()

    def slopes(arrays: Arrays) -> Arrays:
        return {n: np.zeros(a.shape) if a.grad is None else a.grad.numpy()
                for n, a in arrays.items()}  # fmt: skip

    final = {n: a.detach().numpy() for n, a in last.items()}
    return Found(stacked.detach().numpy(), final, Drawn(*(slopes(p) for p in parts(given))))


def run_jax(peer: Peer, drawn: Drawn) -> Found:
    import jax
    import jax.numpy as jnp

    def run(*given: Arrays) -> tuple[Any, Any]:
        outputs, last = unrolled(peer, Drawn(*given))
        return jnp.stack(outputs), last

    with jax.enable_x64(True):
        (outputs, last), back = jax.vjp(run, *parts(drawn))
        names = sorted(last)
        cotangents = {n: weighting(last[n], 2 + place) for place, n in enumerate(names)}
        gradients = back(
            (jnp.asarray(weighting(outputs, 1)), jax.tree.map(jnp.asarray, cotangents))
        )
    final = {n: np.array(a) for n, a in last.items()}
    slopes = ({n: np.array(a) for n, a in part.items()} for part in gradients)
    return Found(np.array(outputs), final, Drawn(*slopes))


def parts(drawn: Drawn) -> tuple[Arrays, Arrays, Arrays]:
    return drawn.parameters, drawn.states, drawn.inputs
