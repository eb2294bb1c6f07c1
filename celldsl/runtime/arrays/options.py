"""Keywords that calls take beside a cell's inputs.  In: what was passed.  Out: checked, or errors.

    refuse_unknown("GRU.forward()", named, (*inputs, *FORWARD_KEYWORDS))
    # GRU.forward() has no argument "initial_state"; did you mean "state"?

Every method says here which keywords it takes.  Words of other libraries lead to the one that is
meant; those for what works otherwise here have an answer of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from celldsl.runtime.errors import ArgumentError, ArgumentTypeError, unknown_argument

# What goes by one of these keywords; its type is that of the method.
Option: TypeAlias = Any

CALL_KEYWORDS = ("state", "lengths", "reverse", "resets", "states")
FORWARD_KEYWORDS = (*CALL_KEYWORDS, "training", "seed", "checkpoint", "check_numerics")
TRACE_KEYWORDS = ("names", "state", "lengths", "reverse", "resets")
STEP_KEYWORDS = ("state", "resets")
BACKWARD_KEYWORDS = ("tape", "dy", "dstate", "check_numerics")
STREAM_KEYWORDS = ("batch", "state")
RESET_KEYWORDS = ("state", "rows")
STATE_KEYWORDS = ("batch",)

ALL_KEYWORDS = frozenset((*FORWARD_KEYWORDS, *TRACE_KEYWORDS))

# A keyword of ours -> what it is called elsewhere.
ELSEWHERE = {
    "state": "initial_state initial_states init_state states hx h0 h_0 hidden hidden_state carry "
    "initial_carry init",
    "lengths": "mask padding_mask sequence_length sequence_lengths sequence_lens seq_length "
    "seq_lengths seq_len seq_lens length lens",
    "resets": "reset mask done dones is_first episode_start",
    "reverse": "go_backwards backward backwards reversed",
    "training": "train is_training deterministic",
    "checkpoint": "checkpoints checkpointing remat segments",
    "seed": "key rng rngs random_state generator",
    "dy": "grad grads grad_output grad_outputs gradient gradients cotangent dx dout loss",
    "dstate": "dh dc grad_state dhx dfinal dstates",
    "tape": "ctx context cache",
    "batch": "batch_size size",
    "rows": "resets reset mask done dones is_first episode_start",
    "dtype": "precision type param_dtype",
    # What sizes are called in most cells.
    "H": "hidden hidden_size hidden_dim units num_units hidden_features features d_model d_hidden",
    "I": "input_size input_dim in_features num_inputs input_features d_in",
}
ANSWERS = {
    "batch_first": "arrays are time-major, (T, B, …): pass x.swapaxes(0, 1)",
    "time_major": "arrays are always time-major, (T, B, …)",
    "return_sequences": "the outputs of all steps come back, y[-1] are the last ones",
    "return_state": "the last state always comes back",
    "training": "masks are drawn by forward(…, training=True) alone",
    "checkpoint": "only forward keeps what backward needs",
    "lengths": "a step has no length: leave out the rows that have ended",
    "reverse": "a step has no direction: go through the steps from the last to the first",
    "retain_graph": "a tape may be used more than once",
    "create_graph": "gradients of gradients are there in JAX and PyTorch alone",
    "device": "cells run on the CPU",
    "num_layers": "a stack is a cell too: docs/language.md shows one",
    "bidirectional": "a second pass with reverse=True is the other direction",
    "bias": "the equations of a cell say which biases it has",
    "nonlinearity": "a function is a hyperparameter of the cell, where it has one",
    "proj_size": "a projection is an equation of a cell: `celldsl list --grep projection`",
}


# What a tape knows of its pass.
OF_THE_PASS = ("lengths", "reverse", "resets", "training", "seed", "checkpoint", "states")


def refuse_unknown(
    where: str, named: Iterable[str], known: Iterable[str], answers: Mapping[str, str] = ANSWERS
) -> None:
    """Raises ArgumentTypeError for the first keyword that is not known, with what was meant.

    `answers` says of words that other libraries know what to do here.
    """
    accepted = tuple(known)
    for name in named:
        if name not in accepted:
            raise unknown_keyword(where, name, accepted, answers)


def refuse_hidden(value: object, names: Sequence[str], known: Iterable[str]) -> None:
    """Raises ArgumentTypeError for an input that an option of the call hides.

    Inputs in a mapping or in order are all seen; by keyword the option of that name is.
    """
    if isinstance(value, Mapping | tuple | list) or (value is not None and len(names) == 1):
        return
    for name in names:
        if name in known:
            shown = ", ".join(f'"{each}": …' for each in names)
            told = "no array was passed: as a keyword it is an option of calls"
            raise ArgumentTypeError(f"{name}: {told}; pass inputs in a mapping, {{{shown}}}")


def unknown_keyword(
    where: str, name: str, known: tuple[str, ...], answers: Mapping[str, str] = ANSWERS
) -> ArgumentTypeError:
    word = name.lower()
    meant = [ours for ours, theirs in ELSEWHERE.items() if word in theirs.split()]
    if meant and word not in known:
        here = [f'"{ours}"' for ours in meant if ours in known]
        if here:
            told = f"did you mean {' or '.join(here)}?"
            return ArgumentTypeError(f'{where} has no argument "{name}"; {told}')
    for asked in (word, *meant):
        if asked in OF_THE_PASS and "tape" in known:
            told = "the tape has it of its forward pass"
            return ArgumentTypeError(f'{where} has no argument "{name}": {told}')
        if asked in answers:
            return ArgumentTypeError(f'{where} has no argument "{name}": {answers[asked]}')
    return unknown_argument(where, name, known)


def asks_for_all(states: object) -> bool:
    """Whether the states after every step are asked for: `states` is "last" or "all"."""
    if isinstance(states, str) and states in ("last", "all"):
        return states == "all"
    expected = 'states: expected "last" or "all"'
    if isinstance(states, str):
        raise ArgumentError(f"{expected}, got {states!r}")
    told = f'got {type(states).__name__}; what a sequence starts from is "state"'
    raise ArgumentTypeError(f"{expected}, {told}")


def state_of(where: str, state: object, named: Mapping[str, object]) -> object:
    """The state, which may be passed in order or by keyword, once."""
    if "state" in named:
        if state is not None:
            raise ArgumentTypeError(f"{where}: state was passed twice, in order and by keyword")
        return named["state"]
    return state
