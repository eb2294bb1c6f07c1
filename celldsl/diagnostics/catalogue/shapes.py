"""E02xx: shapes.  In: nothing.  Out: TABLE, code to Entry."""

from __future__ import annotations

from celldsl.diagnostics.catalogue.entry import Entry, cell

TABLE: dict[str, Entry] = {
    "E0203": Entry(
        "shapes do not match",
        "Operands have the same sizes, counted from the last axis.  Only a literal size 1 "
        "stretches.  Sizes are compared for all dims, before any is known.",
        cell("u = linear(x, 2*H)", "a = u * h", out="a"),
        cell("r, u = split(linear(x, 2*H), 2)", "a = u * h * r", out="a"),
    ),
    "E0204": Entry(
        "sizes do not meet in `@`",
        "`@` is NumPy's: the last axis of the left side meets the last but one of the right side, "
        "or its only one.  Axes ahead of those stand beside each other as in broadcasting.  "
        "`einsum` says by name which axes meet.",
        cell("param W: [3, H]", "a = h @ W", out="a"),
        cell("param W: [3, H]", "a = W @ h", out="a"),
    ),
    "E0205": Entry(
        "a shape that fits in more than one place",
        "`[H]` beside `[H, H]` may be a row or a column.  `expand(v, axis)` says which.",
        cell("a = outer(x, h) * h", out="a"),
        cell("a = outer(x, h) * expand(h, 0)", out="a"),
    ),
    "E0206": Entry(
        "a next value of another shape",
        "A state keeps the shape that it is declared with.",
        cell("h' = linear(x, 2*H)"),
        cell("h' = linear(x, H) + h"),
    ),
    "E0207": Entry(
        "a size that is not always whole",
        "Sizes are whole numbers for all dims that the cell allows.  `require H % 2 == 0` allows "
        "even ones alone.",
        cell("a, b = split(h, 2)", out="a, b"),
        cell('require H % 2 == 0, "two halves"', "a, b = split(h, 2)", out="a, b"),
    ),
    "E0208": Entry(
        "an index or size out of range",
        "Indices count from 0, and parts lie within the value for all dims that the cell allows; "
        "a size is at least 1.  A `require` can say so.",
        cell("a = x[:4] * h[0]", out="a"),
        cell('require H >= 4, "four elements"', "a = x[:4] * h[0]", out="a"),
    ),
    "E0209": Entry(
        "another number of values than names",
        "Every name on the left takes one value from the right.",
        cell("a, b = split(linear(x, 3*H), 3)", out="a, b"),
        cell("a, b, c = split(linear(x, 3*H), 3)", out="a, b, c"),
    ),
    "E0210": Entry(
        "an axis that there is not",
        "Axes count from 0, or from the end with -1.  A scalar has none; values have at most 6.",
        cell("a = cumsum(x, axis=1)", out="a"),
        cell("a = cumsum(x, axis=0)", out="a"),
    ),
    "E0211": Entry(
        "a comparison where a number stands, or the reverse",
        "Comparisons are for `where`, `and`, `or` and `not` alone.",
        cell("a = (x > 0) * h", out="a"),
        cell("a = where(x > 0, h, 0)", out="a"),
    ),
    "E0212": Entry(
        "a loop that changes a shape",
        "A value from before a loop is given anew in it.  The first iteration may give it another "
        "size, as the first of several layers does; all after it give the same one.",
        cell("a = x", "for k in 0..2:", "    a = concat([a, x])", out="a"),
        cell("a = x", "for k in 0..2:", "    a = a * x", out="a"),
    ),
    "E0213": Entry(
        "another shape in each branch",
        "What is read after an `if` has one shape, whichever branch defines it.",
        cell("if H > 4:", "    a = x", "else:", "    a = x[0]", "b = a * 2", out="b"),
        cell("if H > 4:", "    a = x", "else:", "    a = x * x[0]", "b = a * 2", out="b"),
    ),
    "E0214": Entry(
        "names of axes that do not fit",
        'In `einsum("nvk,nk->nv", S, q)` every axis of every value has a letter, the same letter '
        "stands for the same size, and what is not behind `->` is summed.",
        cell("param S: [3, H]", 'a = einsum("hk,h->k", S, h)', out="a"),
        cell("param S: [3, H]", 'a = einsum("kh,h->k", S, h)', out="a"),
    ),
    "E0216": Entry(
        "an integer where a number stands, or the reverse",
        "An `input token: int[V]` picks: `E[token]`, `one_hot(token, V)`.  It is compared, and is "
        "no number: what would `linear(token, H)` mean for the word with the number 7?",
        cell("input token: int[4]", "a = linear([x, token], H)", out="a"),
        cell("input token: int[4]", "a = linear([x, one_hot(token, 4)], H)", out="a"),
    ),
    "E0217": Entry(
        "a value of each step where one of the whole sequence is wanted",
        "An input that is `per sequence` is the same at all steps.  What goes there is one too, or "
        "made of such and of parameters.",
        "cell A[H]:\n    input x: [H]\n    input c: [H] per sequence\n    y = x * c\n    output y"
        "\n\n" + cell("sub a = A[H]", "y = a(x, x)", out="y"),
        "cell A[H]:\n    input x: [H]\n    input c: [H] per sequence\n    y = x * c\n    output y"
        "\n\n" + cell("input c: [H] per sequence", "sub a = A[H]", "y = a(x, c)", out="y"),
    ),
    "E0218": Entry(
        "no gradient of this, or none with respect to that",
        "`grad(loss, W)` takes one number, and the name of what it was computed with: a state, an "
        "input, a `param`, or a value.  All that was computed with that name, from there on, "
        "changes with it; everything else is held fixed.",
        cell("e = h - x", "a = h - 0.1 * grad(e * e, h)", out="a"),
        cell("e = h - x", "a = h - 0.1 * grad(sum(e * e), h)", out="a"),
    ),
    "E0219": Entry(
        "a complex number where a real one stands, or the reverse",
        "Complex numbers are added, multiplied, divided, raised to powers, and go through `exp`, "
        "`log`, `sqrt`, `tanh`, `abs` and whatever moves or sums elements.  They have no order, "
        "and `relu` of one means several things.  `real(z)`, `imag(z)` and `abs(z)` are real; "
        "`x + 0i` is complex.",
        cell("state z: complex[H]", "z' = 0.5i * z + x", "a = relu(z')", out="a"),
        cell("state z: complex[H]", "z' = 0.5i * z + x", "a = relu(real(z'))", out="a"),
    ),
}
