"""E01xx: names, declarations and calls.  In: nothing.  Out: TABLE, code to Entry."""

from __future__ import annotations

from celldsl.diagnostics.catalogue.entry import Entry, cell

_GOOD = cell()

TABLE: dict[str, Entry] = {
    "E0101": Entry(
        "an unknown name",
        "No value, dim, function or cell of this name is known here.  A function sees its "
        "arguments alone, besides what the file defines and what is built in.",
        cell("a = tahn(x)", out="a"),
        cell("a = tanh(x)", out="a"),
    ),
    "E0102": Entry(
        "a name defined twice",
        "A state has one next value.  A value may be given anew where neither equation has "
        "parameters, which are named after it; in a loop, a value from before it.",
        cell("a = linear(x, H)", "a = tanh(a)", out="a"),
        cell("a = linear(x, H)", "b = tanh(a)", "b = b * h", out="b"),
    ),
    "E0103": Entry(
        "a name read before it is defined",
        "Equations stand in the order in which they are computed.  `h'` is there after the "
        "equation that defines it; `h` is the value that came into the step.",
        cell("a = h' + x", "h' = tanh(h)", out="a"),
        cell("h' = tanh(h)", "a = h' + x", out="a"),
    ),
    "E0104": Entry(
        "a name that Python's interface needs",
        "Dims, hyperparameters, inputs, states, outputs and consts are names of Python's "
        "interface, where these have a meaning already: `dtype seed state lengths training "
        "reverse T B`.",
        "cell C[T]:\n    input x: [T]\n    y = tanh(x)\n    output y\n",
        "cell C[N]:\n    input x: [N]\n    y = tanh(x)\n    output y\n",
    ),
    "E0105": Entry(
        "a name that means something else already",
        "Dims, hyperparameters, inputs, states, parameters and values of a cell share their "
        "names: each name means one thing.",
        cell("x = 2 * h", out="x"),
        cell("y = 2 * h + x", out="y"),
    ),
    "E0106": Entry(
        "a state without a next value",
        "Every state has exactly one equation `h' = …`, in every branch.  A state that stays is "
        "written `h' = h`.",
        "cell C[H]:\n    input x: [H]\n    state h: [H]\n    y = x + h\n    output y\n",
        "cell C[H]:\n    input x: [H]\n    state h: [H]\n    y = x + h\n    h' = h\n    output y\n",
    ),
    "E0107": Entry(
        "an output that is never defined",
        "An output is a value, an input or a state of the cell.",
        cell(out="y"),
        cell("y = x * h", out="y"),
    ),
    "E0108": Entry(
        "not one line of outputs",
        "A cell has one `output` line.  The names in it differ, primes left out, since they are "
        "the names of what Python gets.",
        cell(out="h', h"),
        cell("old = 1 * h", out="h', old"),
    ),
    "E0109": Entry(
        "a name that is not known after its block",
        "A name first defined in a loop belongs to the iteration; one defined in an `if` is known "
        "after it when all branches define it.",
        cell("if H > 4:", "    a = x", "b = a + h", out="b"),
        cell("if H > 4:", "    a = x", "else:", "    a = 2 * x", "b = a + h", out="b"),
    ),
    "E0110": Entry(
        "a next value of no state",
        "Only what `state` declares is carried from step to step.",
        cell("s' = x", out="h'"),
        cell("s = x * h", out="s"),
    ),
    "E0111": Entry(
        "something that is no value",
        "Functions, lists, cells and initialisers have places of their own; an equation computes "
        "values.",
        cell("a = tanh", out="a"),
        cell("a = tanh(x)", out="a"),
    ),
    "E0112": Entry(
        "a cell without an input",
        "A cell has at least one input of each step, which says how long the sequence is.",
        "cell C[H]:\n    state h: [H]\n    h' = tanh(h)\n    output h'\n",
        _GOOD,
    ),
    "E0113": Entry(
        "a file that cannot be used",
        "Paths are relative to the file that says `use`, and stay inside the root: the folder of "
        "the first file, or what `--root` says.  Text that comes from no file has no root.",
        'use A from "other.cell"\n' + _GOOD,
        _GOOD,
    ),
    "E0114": Entry(
        "a name that the other file has not",
        "`use` takes cells and functions that the other file defines or uses itself.",
    ),
    "E0115": Entry(
        "files that use each other",
        "Files use each other in one direction.  Move what both need into a third one.",
    ),
    "E0116": Entry(
        "which cell is meant",
        "The file has several cells that are in no other one, or none of the name that was given: "
        "say which one with `--cell`.",
    ),
    "E0121": Entry(
        "a call of something that is no function",
        "Functions, function hyperparameters and inner cells can be called.  A product is "
        "written with `*`.",
        cell("a = x(h)", out="a"),
        cell("a = x * (h)", out="a"),
    ),
    "E0122": Entry(
        "the wrong number of arguments",
        "The signature says what a function takes; what has a default may be left out.",
        cell("a = clip(x)", out="a"),
        cell("a = clip(x, -1, 1)", out="a"),
    ),
    "E0123": Entry(
        "an option that there is not",
        "Options are given by name.  The signature says which there are.",
        cell("a = linear(x, H, biais=false)", out="a"),
        cell("a = linear(x, H, bias=false)", out="a"),
    ),
    "E0124": Entry(
        "an argument of the wrong kind",
        "Widths, counts and axes are whole numbers of dims, integers and loop indices; rates lie "
        "between 0 and 1; some arguments are lists, or true or false.",
        cell("a = linear(x, 0.5)", out="a"),
        cell("a = linear(x, 5)", out="a"),
    ),
    "E0125": Entry(
        "arguments in another order",
        "Functions take the value first: `split(v, 2)`, `linear(v, N)`, `clip(v, low, high)`.  "
        "TensorFlow's `split` and PyTorch's `Linear` have other orders.",
        cell("a, b = split(2, linear(x, 2*H))", out="a, b"),
        cell("a, b = split(linear(x, 2*H), 2)", out="a, b"),
    ),
}
