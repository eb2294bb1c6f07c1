"""E04xx: parameters and initial values.  In: nothing.  Out: TABLE, code to Entry."""

from __future__ import annotations

from celldsl.diagnostics.catalogue.entry import Entry, cell

TABLE: dict[str, Entry] = {
    "E0401": Entry(
        "parameters of one equation with one name",
        "Parameters are named after their equation and operand.  Where it has several of `linear`, "
        "`group_linear` and `conv`, their operands differ and one of them has a bias.",
        cell("a = tanh(linear(x, H)) + linear(h, H)", out="a"),
        cell("a = tanh(linear(x, H)) + linear(h, H, bias=false)", out="a"),
    ),
    "E0402": Entry(
        "two parameters of one name",
        "Names of parameters are part of what a cell is: weights are saved under them.",
        cell("a = linear([x, x], H)", out="a"),
        cell("b = 2 * x", "a = linear([x, b], H)", out="a"),
    ),
    "E0403": Entry(
        "an initial value that cannot be one",
        "Initial values are made of numbers, dims, hyperparameters, initialisers, elementwise "
        "functions, and params and consts above them; the start of a state is not random.",
        cell("state s: [H] = normal(0.1)", "s' = s + x", out="s'"),
        cell("const s0: [H] = normal(0.1)", "state s: [H] = s0", "s' = s + x", out="s'"),
    ),
    "E0404": Entry(
        "an initialiser out of its place",
        "What a `param` or `const` begins with is computed when the cell is built.",
        cell("a = legendre_b(H) * x", out="a"),
        cell("const b: [H] = legendre_b(H)", "a = b * x", out="a"),
    ),
    "E0406": Entry(
        "shared weights of two sizes",
        "A `shared def` has one set of weights for all its calls, as inner cells have that share "
        "them: operands and widths have the same sizes everywhere.",
        "shared def f(v, N) = linear(v, N)\n\n" + cell("a = f(x, H)", "b = f(x, 2*H)", out="a, b"),
        "shared def f(v, N) = linear(v, N)\n\n" + cell("a = f(x, H)", "b = f(h, H)", out="a, b"),
    ),
    "E0405": Entry(
        "an initial value of another shape",
        "The value has the shape of what it begins, or stretches to it.",
        cell("param p: [H] = eye(H)", "a = p * x", out="a"),
        cell("param p: [H, H] = eye(H)", "a = p @ x", out="a"),
    ),
}
