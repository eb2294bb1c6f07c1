"""Optimisers over named arrays.  In: parameters and gradients by name.  Out: parameters, in place.

    adam = Adam(cell.params, rate=cosine(0.005, steps=2_000, warmup=100), clip=1.0,
                settings={"*.b": {"decay": 0.0}, "h0": {"frozen": True}})
    y, state, tape = cell.forward(x)
    norm = adam.update(cell.backward(tape, dy).params)

`parameters` is any mapping of arrays: `{**cell.params, "readout.W": W}` has those of a cell and one
more, and `update` takes a gradient for each of them.  Everything that an optimiser knows is in
`adam.state()`, a mapping of arrays that `np.savez` or safetensors keep; `adam.load_state` takes it
back, and training goes on as if it had never stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from celldsl.diagnostics.suggest import nearest
from celldsl.runtime.errors import (
    ArgumentError,
    ArgumentTypeError,
    NonFiniteError,
    unknown_argument,
)

Array = Any
# From the number of updates that were made to a learning rate.
Schedule = Callable[[float], float]
KNOWN = ("rate", "decay", "frozen")
ARGUMENTS = ("parameters", "rate", "betas", "eps", "decay", "clip", "settings")
# What other libraries call them.
ELSEWHERE = {
    "lr": "rate", "learning_rate": "rate", "weight_decay": "decay", "params": "parameters",
    "max_norm": "clip", "b1": "betas", "b2": "betas", "beta_1": "betas", "beta_2": "betas",
}  # fmt: skip

METHODS = {
    "step": "here it is `update(gradients)`, with what `cell.backward` gave",
    "apply_gradients": "here it is `update(gradients)`, with what `cell.backward` gave",
    "minimize": "here it is `update(gradients)`, with what `cell.backward` gave",
    "zero_grad": "each `backward` returns gradients of its own",
    "state_dict": "here it is `state()`",
    "load_state_dict": "here it is `load_state(state)`",
    "param_groups": "rates of some parameters are `settings`",
}


def constant(rate: float, warmup: int = 0) -> Schedule:
    """`rate`, reached in `warmup` updates in equal steps from zero."""
    return lambda count: rate * _warm(count, warmup)


def cosine(rate: float, steps: float, warmup: int = 0, final: float = 0.0) -> Schedule:
    """From `rate` to `final` in `steps` updates along half a cosine (Loshchilov, Hutter, 2017).

    With `steps=1` it is asked with the part of a training that is over.
    """

    def schedule(count: float) -> float:
        done = min(max(count - warmup, 0) / max(steps - warmup, 1), 1.0)
        fallen = final + (rate - final) * 0.5 * (1 + math.cos(math.pi * done))
        return fallen * _warm(count, warmup)

    return schedule


def linear(rate: float, steps: float, warmup: int = 0, final: float = 0.0) -> Schedule:
    """From `rate` to `final` in `steps` updates along a line."""

    def schedule(count: float) -> float:
        done = min(max(count - warmup, 0) / max(steps - warmup, 1), 1.0)
        return (rate + (final - rate) * done) * _warm(count, warmup)

    return schedule


def halving(rate: float, every: float, warmup: int = 0) -> Schedule:
    """`rate`, half of it after `every` updates, a quarter after twice as many, without steps."""
    return lambda count: float(rate * 0.5 ** (count / every) * _warm(count, warmup))


def _warm(count: float, warmup: int) -> float:
    return min((count + 1) / warmup, 1.0) if warmup > 0 else 1.0


def global_norm(gradients: Mapping[str, Array]) -> float:
    """The length of all gradients as one vector, in float64."""
    return math.sqrt(sum(float(np.vdot(g, g).real) for g in gradients.values()))


class Adam:
    """Adam (Kingma and Ba, 2015), with weight decay apart from the gradient (AdamW).

        rate      a number, or a schedule: updates made so far -> learning rate
        decay     each update also takes `rate * decay` of a parameter away
        clip      gradients that are longer together are scaled down to this length
        settings  for names or patterns (`*.b`, `layer.?.W_*`): `rate` (a factor of the
                  common one), `decay`, `frozen`.  A later entry goes before an earlier one

    Raises ArgumentError for a pattern that no parameter has, and for a setting that is none.
    """

    def __init__(
        self,
        parameters: Mapping[str, Array],
        rate: float | Schedule = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        decay: float = 0.0,
        clip: float | None = None,
        settings: Mapping[str, Mapping[str, float | bool]] | None = None,
        **unknown: object,
    ) -> None:
        _check_keywords(unknown)
        _check_mapping("parameters", parameters)
        for name, given in (("rate", rate), ("eps", eps), ("decay", decay), ("clip", clip)):
            if given is not None and not callable(given):
                _check_number(name, given)
        self.parameters = parameters
        self.schedule = rate if callable(rate) else constant(rate)
        self.betas, self.eps, self.clip = betas, eps, clip
        self.count = 0
        self.settings = _each(parameters, decay, settings or {})
        moving = [name for name in parameters if not self.settings[name]["frozen"]]
        self.means = {name: np.zeros_like(parameters[name]) for name in moving}
        self.squares = {name: np.zeros_like(parameters[name]) for name in moving}

    if not TYPE_CHECKING:  # which would take any name for known

        def __getattr__(self, name: str) -> object:
            hint = METHODS.get(name)
            told = f'Adam has no attribute "{name}"'
            raise AttributeError(f"{told}; {hint}" if hint else told, name=name, obj=self)

    @property
    def rate(self) -> float:
        """The learning rate of the next update."""
        return self.schedule(self.count)

    def update(self, gradients: Mapping[str, Array], rate: float | None = None) -> float:
        """Changes the parameters in place and returns the length of the gradients before clipping.

        `rate` goes before the schedule.  Raises ArgumentError where a gradient is missing or of
        another shape, and NonFiniteError, with nothing changed, where one is not finite.
        """
        _check_mapping("gradients", gradients)
        known = {name: self._gradient(name, gradients) for name in self.means}
        norm = global_norm(known)
        if not math.isfinite(norm):
            raise NonFiniteError(_not_finite(known, self.count))
        scale = 1.0 if self.clip is None or norm <= self.clip else self.clip / norm
        rate = self.rate if rate is None else rate
        self.count += 1
        beta1, beta2 = self.betas
        # Both averages start at zero; this makes up for it.
        unbiased = math.sqrt(1 - beta2**self.count) / (1 - beta1**self.count)
        for name, gradient in known.items():
            own = self.settings[name]
            step = rate * float(own["rate"])
            self._move(name, gradient * scale, step, step * unbiased, float(own["decay"]))
        return norm

    def _move(self, name: str, gradient: Array, rate: float, step: float, decay: float) -> None:
        array, mean, square = self.parameters[name], self.means[name], self.squares[name]
        mean += (1 - self.betas[0]) * (gradient - mean)
        square += (1 - self.betas[1]) * (gradient * gradient - square)
        if decay:
            array *= 1 - rate * decay
        array -= step * mean / (np.sqrt(square) + self.eps)

    def _gradient(self, name: str, gradients: Mapping[str, Array]) -> Array:
        if name not in gradients:
            raise ArgumentError(f"gradients: none for `{name}`")
        found, wanted = np.shape(gradients[name]), self.parameters[name].shape
        if found != wanted:
            raise ArgumentError(f"gradients: `{name}` is {found}, its parameter {wanted}")
        return gradients[name]

    def state(self) -> dict[str, Array]:
        """Copies of all that the next update depends on besides parameters and settings."""
        found = {"count": np.array(self.count)}
        found |= {f"mean/{name}": array.copy() for name, array in self.means.items()}
        return found | {f"square/{name}": array.copy() for name, array in self.squares.items()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Goes on from what `state` gave.  Raises ArgumentError, with nothing changed."""
        wanted = self.state()
        if set(state) != set(wanted):
            other = sorted(set(state) ^ set(wanted))[0]
            what = "is missing" if other in wanted else "is of no parameter here"
            raise ArgumentError(f"state: `{other}` {what}")
        for name, array in wanted.items():
            if np.shape(state[name]) != array.shape:
                found = np.shape(state[name])
                raise ArgumentError(f"state: `{name}` is {found}, expected {array.shape}")
        self.count = int(state["count"])
        for name in self.means:
            self.means[name][...] = state[f"mean/{name}"]
            self.squares[name][...] = state[f"square/{name}"]


def _check_keywords(unknown: Mapping[str, object]) -> None:
    for name in unknown:
        if name in ELSEWHERE:
            told = f'Adam() has no argument "{name}"; here it is {ELSEWHERE[name]}'
            raise ArgumentTypeError(told)
        raise unknown_argument("Adam()", name, ARGUMENTS)


def _check_number(name: str, given: object) -> None:
    if isinstance(given, bool) or not isinstance(given, int | float | np.number):
        raise ArgumentTypeError(f"{name}: expected a number, got {given!r}")
    if not float(given) >= 0.0:
        raise ArgumentError(f"{name}: expected 0 or more, got {given!r}")


def _check_mapping(name: str, given: object) -> None:
    if not isinstance(given, Mapping):
        hint = "; pass its `params`" if hasattr(given, "params") else ""
        found = type(given).__name__
        raise ArgumentTypeError(f"{name}: expected arrays by name, got {found}{hint}")


def _each(
    parameters: Mapping[str, Array], decay: float, settings: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, float | bool]]:
    """What holds for each parameter."""
    found: dict[str, dict[str, float | bool]] = {
        name: {"rate": 1.0, "decay": decay, "frozen": False} for name in parameters
    }
    for pattern, chosen in settings.items():
        unknown = [key for key in chosen if key not in KNOWN]
        if unknown:
            raise ArgumentError(f"settings: `{unknown[0]}` is none; there are {', '.join(KNOWN)}")
        names = [name for name in parameters if fnmatchcase(name, pattern)]
        if not names:
            meant = nearest(pattern, list(parameters))
            hint = f"; did you mean `{meant}`?" if meant else ""
            raise ArgumentError(f"settings: no parameter is called `{pattern}`{hint}")
        for name in names:
            found[name].update(chosen)
    return found


def _not_finite(gradients: Mapping[str, Array], count: int) -> str:
    wrong = list(_wrong(gradients))
    names = ", ".join(f"`{name}`" for name in wrong[:3]) or "their length"
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return f"after {count} updates the gradients of {names}{more} are not finite"


def _wrong(gradients: Mapping[str, Array]) -> Iterator[str]:
    for name, gradient in gradients.items():
        if not np.isfinite(gradient).all():
            yield name
