"""E03xx: `use`, `sub`, `if`, `for` and `require`.  In: nothing.  Out: TABLE, code to Entry."""

from __future__ import annotations

from celldsl.diagnostics.catalogue.entry import Entry, cell

_INNER = "cell A[H](gain = 1.0):\n    input x: [H]\n    y = gain * x\n    output y\n\n"

TABLE: dict[str, Entry] = {
    "E0301": Entry(
        "a condition that is not static",
        "`if` and `require` are decided when code is generated or the cell is built: by dims, "
        "hyperparameters and loop indices.  To choose by data, write `where`.",
        cell("if x > 0:", "    a = x", "else:", "    a = h", out="a"),
        cell("a = where(x > 0, x, h)", out="a"),
    ),
    "E0303": Entry(
        "too many equations",
        "A cell has at most 10,000 equations after loops are unrolled, and does not nest too "
        "deeply.",
        cell("a = x", "for k in 0..20000:", "    a = a + 1", out="a"),
        cell("a = x", "for k in 0..20:", "    a = a + 1", out="a"),
    ),
    "E0304": Entry(
        "a statement out of its place",
        "`input`, `state`, `output` and `require` stand at the top level of a cell; a function "
        "ends in `return` and holds no inner cells.",
        cell("if H > 4:", "    input z: [H]", out="h'"),
        cell("input z: [H]", "a = z * h", out="a"),
    ),
    "E0305": Entry(
        "a requirement that cannot hold",
        "The dims and hyperparameters that are known already contradict the `require`.",
        cell('require 2 > 3, "never"'),
        cell('require H > 3, "four elements"'),
    ),
    "E0306": Entry(
        "a structure that is not chosen",
        "What decides an `if`, a loop bound or a function is fixed when code is generated.  "
        "Without a default it must be given with `--set`.",
    ),
    "E0307": Entry(
        "a circle of functions or cells",
        "Functions do not call themselves and cells do not contain themselves, not by way of "
        "others either.",
        "def f(v) = f(v)\n\n" + cell("a = f(x)", out="a"),
        "def f(v) = 2 * v\n\n" + cell("a = f(x)", out="a"),
    ),
    "E0308": Entry(
        "dims or hyperparameters of an inner cell",
        "Every dim without a default is given, in order; a hyperparameter without one by name.",
        _INNER + cell("sub a = A[H, H]", "y = a(x)", out="y"),
        _INNER + cell("sub a = A[H]", "y = a(x)", out="y"),
    ),
    "E0309": Entry(
        "an inner cell that does not step once",
        "An inner cell steps once in every step, whichever branch is taken, and in a loop once in "
        "each iteration, where it goes on.  More steps say where each begins: `g(x, h=v)`.",
        _INNER + cell("sub a = A[H]"),
        _INNER + cell("sub a = A[H]", "y = a(x)", out="y"),
    ),
    "E0310": Entry(
        "a hyperparameter of another kind",
        "The default says the kind: a real number, an integer, true or false, or a function.",
        _INNER + cell("sub a = A[H](gain=tanh)", "y = a(x)", out="y"),
        _INNER + cell("sub a = A[H](gain=0.5)", "y = a(x)", out="y"),
    ),
    "E0311": Entry(
        "slices that do not make a whole",
        "`y[k] = …` in the loop over `k` from 0 defines every slice once, all of one shape.",
        cell("for k in 1..3:", "    y[k] = k * x", out="y"),
        cell("for k in 0..3:", "    y[k] = k * x", out="y"),
    ),
    "E0312": Entry(
        "a next state in a loop",
        "A loop would define it several times.  Give a value anew in the loop, and define the "
        "next state after it.",
        cell("for k in 0..2:", "    h' = tanh(x)"),
        cell("a = 1 * h", "for k in 0..2:", "    a = tanh(a + x)", "h' = 1 * a"),
    ),
}
