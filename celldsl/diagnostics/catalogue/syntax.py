"""E00xx: files, characters and syntax.  In: nothing.  Out: TABLE, code to Entry."""

from __future__ import annotations

from celldsl.diagnostics.catalogue.entry import Entry


def _in_cell(*lines: str) -> str:
    """A whole file with the lines in it."""
    body = ("input x: [I]", "state h: [I]", *lines, "h' = tanh(x + h)", "output h'")
    return "cell A[I]:\n" + "".join(f"    {line}\n" for line in body)


_GOOD = _in_cell()

TABLE: dict[str, Entry] = {
    "E0001": Entry(
        "the file cannot be read",
        "The path leads to no file, the file may not be read, or its text is not UTF-8.",
    ),
    "E0002": Entry(
        "the file is too large",
        "A file has at most 256 KiB.  Cells are short; split the file and join it with `use`.",
    ),
    "E0003": Entry(
        "a line is too long",
        "A line has at most 4,000 characters.  An open bracket continues a line.",
        _in_cell("a = " + " + ".join(["x"] * 1100)),
        _in_cell("a = x + x"),
    ),
    "E0004": Entry(
        "nested too deeply",
        "Brackets and blocks nest at most 64 deep together, and at most 150 operations stand "
        "inside each other in an expression.  A name for the inner part reads better.",
        _in_cell("a = " + "(" * 70 + "x" + ")" * 70),
        _in_cell("b = x + 1", "a = b * b"),
    ),
    "E0005": Entry(
        "a character that does not belong",
        "The character is no part of the language.  Characters that look like a space and are "
        "none often come from copied text.",
        _in_cell("a = x § h"),
        _in_cell("a = x * h"),
    ),
    "E0006": Entry(
        "a tab in the indentation",
        "Blocks are indented with spaces, because tabs are shown differently everywhere.",
        "cell A[I]:\n\tinput x: [I]\n",
        _GOOD,
    ),
    "E0007": Entry(
        "the indentation is wrong",
        "The lines of a block stand one below the other, further in than their header.  A line "
        "further out belongs to a block that is still open.",
        _in_cell("if I > 1:", "a = x"),
        _in_cell("if I > 1:", "    a = x"),
    ),
    "E0008": Entry(
        "brackets do not match",
        "Every bracket is closed by its own kind.  An open one continues the line.",
        _in_cell("a = tanh(x"),
        _in_cell("a = tanh(x)"),
    ),
    "E0009": Entry(
        "a string is not closed or has other quotes",
        "Strings stand in double quotes and end on their line; docstrings stand in three.",
        _in_cell("require I > 1, 'why'"),
        _in_cell('require I > 1, "why"'),
    ),
    "E0010": Entry(
        "the line has another form",
        "The line starts as a statement does and goes on in a way that no statement has.",
        _in_cell("a = x +"),
        _in_cell("a = x + h"),
    ),
    "E0011": Entry(
        "a colon is missing",
        "A header that has a block below it ends in `:`.",
        _in_cell("if I > 1", "    a = x"),
        _in_cell("if I > 1:", "    a = x"),
    ),
    "E0012": Entry(
        "a number in another form",
        "Numbers have digits on both sides of the point, and are not larger than can be held.",
        _in_cell("a = .5 * x"),
        _in_cell("a = 0.5 * x"),
    ),
    "E0013": Entry(
        "a name that cannot be used",
        "Names are no words of the language, no keywords of Python, because Python sees them, "
        "and do not begin with `_`.",
        _in_cell("lambda = 2 * x"),
        _in_cell("λ = 2 * x"),
    ),
    "E0014": Entry(
        "`@` next to `*` or `/`",
        "`r * U @ h` is `(r * U) @ h` to Python and `r * (U @ h)` to most readers of equations. "
        "The two differ, so parentheses are asked for.",
        _in_cell("param U: [I, I]", "a = x * U @ h"),
        _in_cell("param U: [I, I]", "a = x * (U @ h)"),
    ),
    "E0015": Entry(
        "comparisons do not chain",
        "A comparison has two sides.  Two comparisons are joined by `and`.",
        _in_cell('require 1 < I < 9, "why"'),
        _in_cell('require 1 < I and I < 9, "why"'),
    ),
    "E0016": Entry(
        "time is not written",
        "A cell is one step: `h` is the state that came in and `h'` the one that goes out. "
        "There is no index of time.",
        _in_cell("a = h[t-1]"),
        _in_cell("a = h"),
    ),
    "E0017": Entry(
        "an operator of another language",
        "The operators are `+ - * / % @ **`, comparisons, and `and`, `or`, `not`.",
        _in_cell("a = x ^ 2"),
        _in_cell("a = x ** 2"),
    ),
    "E0018": Entry(
        "a prefix or a method",
        "Functions and parameters stand by themselves: `tanh(x)`, `W`.  A dot is for the states "
        "of inner cells alone.",
        _in_cell("a = np.tanh(x)"),
        _in_cell("a = tanh(x)"),
    ),
    "E0019": Entry(
        "a statement of another language",
        "What decides on data is `where`; what decides on structure is `if` and `else`. What a "
        "cell gives is its `output`.",
        _in_cell("return h"),
        _GOOD,
    ),
    "E0020": Entry(
        "a prime where none can be",
        "A prime marks the next value of a state.  Names are declared and given without it.",
        "cell A[I]:\n    input x: [I]\n    state h': [I]\n    h' = x\n    output h'\n",
        _GOOD,
    ),
    "E0021": Entry(
        "too many mistakes",
        "A run shows at most 1,000 problems of a file.  The first ones often explain the rest.",
    ),
}
