"""W05xx: warnings.  In: nothing.  Out: TABLE, code to Entry."""

from __future__ import annotations

from celldsl.diagnostics.catalogue.entry import Entry, cell

TABLE: dict[str, Entry] = {
    "W0501": Entry(
        "something that is never used",
        "A value, input, parameter or hyperparameter that nothing reads is often a name that was "
        "meant elsewhere.",
        cell("a = 2 * x"),
        cell("a = 2 * x", out="a"),
    ),
    "W0502": Entry(
        "a parameter without gradient",
        "An output depends on the parameter only by ways that let no gradient through: it would "
        "stay as it began.",
        cell("param p: [H]", "a = stop_gradient(p) * x", out="a"),
        cell("const p: [H]", "a = p * x", out="a"),
    ),
    "W0503": Entry(
        "a state that never reaches an output",
        "The state is carried and computed, and no output at any step depends on it.",
        cell("state s: [H]", "s' = s + x"),
        cell("state s: [H]", "s' = s + x", out="s'"),
    ),
    "W0504": Entry(
        "a bias beside another",
        "Two biases are added to the same sum.  They train as one of twice the learning rate; "
        "some published cells have both.",
        cell("b = linear(h, H)", "a = linear(x, H) + b", out="a"),
        cell("b = linear(h, H, bias=false)", "a = linear(x, H) + b", out="a"),
    ),
    "W0505": Entry(
        "a step without a gradient",
        "`step`, `sign`, `floor` and `round` are flat: nothing before them learns.  `surrogate` "
        "gives them a gradient, `stop_gradient` says that none is meant.",
        cell("y = step(x + h)", out="y"),
        cell("a = x + h", "y = surrogate(step(a), atan(a))", out="y"),
    ),
    "W0506": Entry(
        "the old state among readings of the new one",
        "After `h' = …` one equation reads `h`, all others `h'`.  Both are right in some cell; "
        "the commonest mistake is to have written one for the other.",
        cell("h' = tanh(x + h)", "a = 2 * h", "b = 3 * h'", out="a, b"),
        cell("h' = tanh(x + h)", "a = 2 * h'", "b = 3 * h'", out="a, b"),
    ),
    "W0507": Entry(
        "a mask on parameters",
        "One mask of a parameter serves all steps and sequences of a call, whatever its lifetime: "
        "`per=sequence` says so.",
        cell("param U: [H, H]", "a = dropout(U, 0.5) @ x", out="a"),
        cell("param U: [H, H]", "a = dropout(U, 0.5, per=sequence) @ x", out="a"),
    ),
    "W0508": Entry(
        "a size among the hyperparameters",
        "Sizes are dims and stand in square brackets: one module serves all of them.  A "
        "hyperparameter that is a size makes code of its own for every value.",
        "cell C(H):\n    input x: [H]\n    y = tanh(x)\n    output y\n",
        "cell C[H]:\n    input x: [H]\n    y = tanh(x)\n    output y\n",
    ),
    "W0509": Entry(
        "a mark that silences nothing",
        "`# celldsl: ignore[W0501]` at the end of a line silences the warnings of that code that "
        "begin or end there, in `celldsl check` and in Python.  One that silences nothing is left "
        "over, or stands on the wrong line.",
        cell("a = 2 * x  # celldsl: ignore[W0501]", out="a"),
        cell("a = 2 * x  # celldsl: ignore[W0501]"),
    ),
    "W0510": Entry(
        "a gradient of NaN through `where`",
        "`where(x > 0, log(x), 0)` has the right value for every x.  Its gradient at x = 0 is NaN "
        "all the same: the branch that is not chosen gets the gradient 0, and 0 times the infinite "
        "slope of `log` is NaN.  Every library has it so.  Choose inside as well, so that the "
        "function never meets its pole: `where(x > 0, log(where(x > 0, x, 1)), 0)`.",
        cell("a = where(x > 0, log(x), 0)", out="a"),
        cell("a = where(x > 0, log(where(x > 0, x, 1)), 0)", out="a"),
    ),
    "W0511": Entry(
        "calls that may be meant to share weights",
        "Each call of a `def` makes weights of its own.  In a loop, or where one call's argument "
        "depends on another's result, one set may be meant, as for the stages of an ODE: `shared "
        "def` has one.  Where each is to have its own, a mark at the end of the line says so.",
        "def f(v, N) = tanh(linear(v, N))\n\n" + cell("b = f(x, H)", "a = f(b, H)", out="a"),
        "shared def f(v, N) = tanh(linear(v, N))\n\n" + cell("b = f(x, H)", "a = f(b, H)", out="a"),
    ),
}
