"""Initialisers, options and values by the names that they have elsewhere.

    STARTS["xavier_uniform"]     "glorot_uniform"
    OPTIONS["dim"]               "axis"

From NumPy, PyTorch, TensorFlow, Keras, JAX and papers.  Functions are in
`celldsl.semantics.foreign_functions`, which knows ours; the parser is given them as `Foreign`.
"""

from __future__ import annotations

from collections.abc import Mapping

from celldsl.structs import record


@record
class Foreign:
    """Functions of elsewhere: what they are called here, and what is said of others.

    `ours` are the functions that there are.
    """

    renamed: Mapping[str, str]
    replaced: Mapping[str, str]
    ours: frozenset[str]


NO_WORDS = Foreign({}, {}, frozenset())

# Initialisers.
_STARTS = {
    "glorot_uniform": "xavier xavier_uniform glorot GlorotUniform",
    "glorot_normal": "xavier_normal GlorotNormal",
    "he_uniform": "kaiming_uniform HeUniform",
    "he_normal": "kaiming kaiming_normal he HeNormal",
    "normal": "random_normal gaussian RandomNormal randn",
    "uniform": "random_uniform RandomUniform rand",
    "orthogonal": "Orthogonal orthonormal",
    "zeros": "zero Zeros",
    "ones": "one Ones",
    "constant": "Constant fill full const_fill",
    "identity": "Identity",
}
STARTS: dict[str, str] = {
    theirs: ours for ours, names in _STARTS.items() for theirs in names.split()
}

# Options of functions by the names that they have elsewhere.
OPTIONS: dict[str, str] = {
    "dim": "axis",
    "dims": "axis",
    "p": "rate",
    "prob": "rate",
    "use_bias": "bias",
    "bias_initializer": "bias",
    "inputs": "wrt",
    "outputs": "loss",
    "epsilon": "eps",
    "kernel_initializer": "init",
    "initializer": "init",
    "weight_init": "init",
    "solver": "method",
    "ode_unfolds": "steps",
    "unfolds": "steps",
    "num_groups": "groups",
    "units": "N",
    "out_features": "N",
    "negative_slope": "slope",
    "alpha": "slope",
    "min": "low",
    "max": "high",
    "a_min": "low",
    "a_max": "high",
    "kernel_size": "kernel",
    "out_channels": "channels",
    "filters": "channels",
    "shifts": "k",
    "num_or_size_splits": "parts",
    "chunks": "parts",
    "elementwise_affine": "gain",
    "scale": "gain",
    "center": "bias",
}
GONE: dict[str, str] = {
    **dict.fromkeys(("rtol", "atol", "tol"), "steps are fixed: their number is `steps=6`"),
    "mean": "its mean is 0",
    "argnums": "it is with respect to a name: `grad(loss, W)`",
    "keep_prob": "`rate` is what is dropped: one less what is kept",
    "keepdim": "the axis is dropped; put it in again with `expand(v, axis)`",
    "keepdims": "the axis is dropped; put it in again with `expand(v, axis)`",
    "training": "it is off at inference by itself",
    "inplace": "every equation makes a new value",
    "seed": "the seed is given when the cell is built or called",
    "dtype": "the dtype is given when the cell is built",
    "name": "parameters are named by the equation that they stand in",
    "activation": "write the function around it: `tanh(linear(…))`",
    "padding": "the result always has the size of the operand",
    "create_graph": "a gradient can be differentiated again by itself",
    "retain_graph": "a gradient can be differentiated again by itself",
    "has_aux": "a gradient is all that it gives",
    "optimize": "the order of the products is the compiler's choice",
    "stride": "the result always has the size of the operand",
}


# Values that other languages have by themselves.
VALUES: dict[str, str] = {
    "pi": "write `3.141592653589793`",
    "e": "write `exp(1.0)`",
    "nan": "there is no such number",
    "infinity": "write `inf`",
    "eps": "write the number: `1e-5`",
    "epsilon": "write the number: `1e-5`",
    "None": "there is no empty value: leave the argument out",
    "B": "a cell is written for one example; the batch is added by the compiler",
    "batch": "a cell is written for one example; the batch is added by the compiler",
    "batch_size": "a cell is written for one example; the batch is added by the compiler",
    "t": "a cell is one step; to count them, carry `state n: []` and `n' = n + 1`",
    "T": "a cell is one step and does not know how many there are",
    "timestep": "a cell is one step; to count them, carry `state n: []` and `n' = n + 1`",
    "seq_len": "a cell is one step and does not know how many there are",
    "training": "`dropout` and `zoneout` are off at inference by themselves",
    "self": "parameters and states stand by themselves: `W`",
    "input_size": "sizes are dims of the cell: `cell NAME[I, H]:`",
    "hidden_size": "sizes are dims of the cell: `cell NAME[I, H]:`",
    "units": "sizes are dims of the cell: `cell NAME[I, H]:`",
    "dtype": "the dtype is given when the cell is built",
    "end": "sizes are the dims of the cell: the last element is `v[N - 1]`",
    "let": "an equation is written `y = EXPR`",
    "begin": "a block is indented, nothing else",
    "newaxis": "a new axis is `expand(v, axis)`",
    "nothing": "there is no empty value: leave the argument out",
    "null": "there is no empty value: leave the argument out",
}
