"""Mistakes inside expressions.  In: a Mistake.  Out: Words, or None where no rule fits.

    a = b if c else d      a choice by data is `where(c, b, d)`
    2 H                    an operator is missing between `2` and `H`

Each rule is one mistake that people bring from elsewhere; the first that fits speaks.
"""

from __future__ import annotations

from celldsl.syntax.hints.parse_error import Mistake, Words

MAX_SHOWN = 24


def ask_equation(m: Mistake) -> Words | None:
    """`z == 3`"""
    if m.kind != "EQUAL_EQUAL" or not m.wants("EQUAL"):
        return None
    help = "an equation is written `=`; `==` compares"
    return Words("E0017", "`==` does not define a value", help, "=")


def ask_comparison(m: Mistake) -> Words | None:
    """`if K = 1:`"""
    if m.kind != "EQUAL" or m.first.type not in ("IF", "REQUIRE"):
        return None
    return Words("E0017", "`=` does not compare", "a comparison is written `==`", "==")


def ask_second_equation(m: Mistake) -> Words | None:
    """`a = b = c`"""
    if m.kind != "EQUAL" or "EQUAL" not in m.line_kinds or not m.wants("STAR", "NEWLINE"):
        return None
    return Words("E0010", "an equation has one `=`", "write two equations, one on each line")


def ask_choice(m: Mistake) -> Words | None:
    """`a = b if c else d`"""
    if m.kind != "IF" or not m.wants("STAR"):
        return None
    help = "by data: `where(condition, a, b)`; by structure: a block, `if CONDITION:`"
    return Words("E0019", "an `if` does not stand inside an expression", help)


def ask_fold(m: Mistake) -> Words | None:
    """`sum(for k in 0..K, v[k])`, `sum(for k in range(K): v[k])`"""
    if "FOR" not in m.line_kinds or m.first.type == "FOR":
        return None
    if m.kind in ("COMMA", "EQUAL") and m.wants("COLON"):
        help = "such as `sum(for k in 0..K: v[k])`"
        return Words("E0010", "a `:` stands between a loop and what is folded", help)
    if m.kind in ("COLON", "COMMA", "EQUAL") and m.expected == {"IN"}:
        function = m.tokens[m.at - 3] if m.tokens[m.at - 3].type == "NAME" else "sum"
        help = f"write `{function}(for {m.before} in 0..K: …)`; the end is excluded"
        return Words("E0010", f"the loop does not say over what `{m.before}` goes", help)
    if m.kind in ("COLON", "COMMA") and m.wants("DOTS"):
        help = "such as `sum(for k in 0..K: v[k])`; the end is excluded"
        return Words("E0010", "a loop runs over a range `a..b`", help)
    return None


def ask_comprehension(m: Mistake) -> Words | None:
    """`[f(k) for k in 0..K]`"""
    if m.kind != "FOR" or not m.wants("STAR"):
        return None
    help = (
        "write a block: `for k in 0..K:` and in it `y[k] = …`; a sum is `sum(for k in 0..K: v[k])`"
    )
    return Words("E0019", "a `for` does not stand inside an expression", help)


def ask_membership(m: Mistake) -> Words | None:
    """`a in b`"""
    if m.kind not in ("IN", "NOT") or not m.wants("STAR"):
        return None
    opened = [token.type for token in m.tokens[m.at - 3 : m.at]]
    if m.kind == "IN" and opened == ["NAME", "LPAR", "NAME"]:
        function, variable = m.tokens[m.at - 3], m.before
        help = f"write `{function}(for {variable} in 0..K: …)`; the end is excluded"
        said = f"a loop inside of `{function}` begins with `for`"
        return Words("E0010", said, help, f"for {variable}", start=variable.start,
                     end=variable.end, over=True)  # fmt: skip
    return Words(
        "E0010",
        f"`{m.token}` does not stand between two values",
        "a comparison is one of `< <= > >= == !=`",
    )


def ask_tuple(m: Mistake) -> Words | None:
    """`(a, b)`"""
    if m.kind != "COMMA" or m.expected != {"RPAR"}:
        return None
    if m.first.type == "RETURN":
        word = "return" if m.in_function else "output"
        what = "a function" if m.in_function else "a cell"
        help = f"{what} gives several values by `{word} a, b`"
        return Words("E0010", "several values stand without brackets", help)
    return Words("E0010", "a `,` stands in round brackets", "a list is written `[a, b]`")


def ask_second_value(m: Mistake) -> Words | None:
    """`a, b = c, d`, `def f(v, w) = w, -v`"""
    if m.kind != "COMMA" or m.expected != {"NEWLINE"} or "EQUAL" not in m.line_kinds:
        return None
    if m.first.type == "DEF":
        help = "several stand below it: end its body with `return a, b`"
        return Words("E0010", "a function that is one line gives one value", help)
    return Words("E0010", "an equation has one value", "write an equation for each value")


def ask_empty_brackets(m: Mistake) -> Words | None:
    """`a = ()`"""
    if m.kind not in ("RPAR", "RSQB") or m.before.type not in ("LPAR", "LSQB"):
        return None
    return Words("E0010", f"nothing stands in `{m.before}{m.token}`", start=m.before.start)


def ask_step(m: Mistake) -> Words | None:
    """`v[a:b:2]`"""
    if m.kind != "COLON" or not m.wants("RSQB") or "LSQB" not in m.line_kinds:
        return None
    if "COLON" not in m.line_kinds or m.first.type in ("CELL", "DEF", "INPUT", "STATE"):
        return None
    return Words("E0010", "a slice has no step", "slices are `v[a:b]`, `v[a:]` and `v[:b]`")


def ask_ellipsis(m: Mistake) -> Words | None:
    """`v[..., 0]`"""
    if m.kind != "DOTS" or m.after.type != "DOT":
        return None
    help, end = "axes that are left out are whole", m.after.end
    return Words("E0010", "`...` is not in the language", help, end=end)


def ask_number_point(m: Mistake) -> Words | None:
    """`v[0..2]`"""
    if m.kind != "DOTS" or "LSQB" not in m.line_kinds or m.first.type == "FOR":
        return None
    return Words("E0010", "`..` is the range of a loop", "a slice is written `v[a:b]`", ":")


def ask_prefix(m: Mistake) -> Words | None:
    """`a = * b`, `f(**kw)`"""
    if m.kind not in ("STAR", "POWER", "SLASH", "AT", "PERCENT") or not m.wants("NUMBER"):
        return None
    if m.after.type in ("RSQB", "COMMA") and m.before.type in ("LSQB", "COMMA", "COLON"):
        return Words("E0010", f"`{m.token}` is no size", "a size is made of dims and numbers")
    if m.before.type in ("LPAR", "COMMA") and m.kind in ("STAR", "POWER"):
        return Words("E0010", f"`{m.token}` does not unpack here", "write the arguments out")
    return Words("E0010", f"`{m.token}` has nothing on its left")


def ask_not(m: Mistake) -> Words | None:
    """`a == not b`"""
    if m.kind != "NOT" or m.starts_line or not m.wants("NUMBER"):
        return None
    return Words("E0010", f"`not` after `{m.before}` needs parentheses", "write `(not …)`")


def ask_start(m: Mistake) -> Words | None:
    """`g(x, h'=v)`, `g(x, g.h=v)`"""
    if m.kind != "EQUAL" or m.wants("EQUAL") or m.before.type not in ("PRIMED", "NAME"):
        return None
    words = [token.type for token in m.tokens[m.line : m.at]]
    if words.count("LPAR") <= words.count("RPAR"):
        return None
    name, dotted = str(m.before).rstrip("'"), words[-2] == "DOT"
    start = m.tokens[m.at - 3].start if dotted else m.before.start
    end = m.before.end
    if dotted:
        told = f"`{m.tokens[m.at - 3]}.{m.before}` is no name of an argument"
        owner, called = str(m.tokens[m.at - 3]), _called(m)
        help = f"a state that a step begins at goes by its own name: `{name}={m.after}`"
        if called != owner:
            there = f"write `{owner}(…, {name}=…)` there"
            help = f"only its own states: give the cell of `{called}` an input for it, and {there}"
            return Words("E0010", told, help, start=start, end=end)
        return Words("E0010", told, help, name, start=start, end=end, over=True)
    if m.before.type == "PRIMED":
        told = f"`{m.before}` is no name of an argument"
        return Words("E0020", told, "write it without the prime", name, start=start, end=end)
    return None


def _called(m: Mistake) -> str:
    """What is called by the bracket that the mistake stands in."""
    depth = 0
    for at in range(m.at - 1, m.line, -1):
        depth += {"LPAR": -1, "RPAR": 1}.get(m.tokens[at].type, 0)
        if depth < 0:
            return str(m.tokens[at - 1])
    return ""


def ask_one_of_many(m: Mistake) -> Words | None:
    """`g[2].h'`, `g[0](x)`, where `g` is an inner cell that a loop declares"""
    if m.before.type != "RSQB" or m.kind not in ("DOT", "LPAR"):
        return None
    opens = next((at for at in range(m.at - 1, m.line, -1) if m.tokens[at].type == "LSQB"), m.line)
    inner = m.tokens[opens - 1]
    if opens == m.line or str(inner) not in _inner_names(m):
        return None
    text = f"{inner}[{''.join(map(str, m.tokens[opens + 1 : m.at - 1]))}]"
    told = f"`{inner}` is known in its iteration of the loop, and as `{text}` nowhere"
    help = f"step it in the loop that declares it: `{inner}(…)`"
    if m.kind == "DOT" and m.after.type in ("NAME", "PRIMED"):
        picked = text.removeprefix(str(inner))
        help = f"fill a value in the loop, `kept[k] = {inner}.{m.after}`, and read `kept{picked}`"
    return Words("E0018", told, help, start=inner.start, end=m.before.end)


def ask_method(m: Mistake) -> Words | None:
    """`x.sum()`, `h'.detach()`, `linear(x, H).chunk(4)`, `a.b.c`"""
    if m.kind == "DOT" and m.before.type in ("PRIMED", "RPAR", "RSQB") and m.after.type == "NAME":
        stepped = _inner_call(m)
        if stepped is not None:
            return stepped
        owner = str(m.before) if m.before.type == "PRIMED" else "…"
        start = m.before.start if m.before.type == "PRIMED" else m.token.start
        return _method(m, owner, m.at + 1, start)
    if m.kind not in ("LPAR", "DOT") or m.at - m.line < 3 or m.tokens[m.at - 2].type != "DOT":
        return None
    owner = str(m.tokens[m.at - 3])
    if m.kind == "DOT":
        return Words(
            "E0018",
            f"`{owner}.{m.before}` has no parts",
            f"`g.h` is a state of `g`; let the cell of `{owner}` give out what lies deeper",
        )
    return _method(m, owner, m.at - 1, m.tokens[m.at - 3].start)


def _inner_call(m: Mistake) -> Words | None:
    """`y = g(x).h` of an inner cell."""
    for at in range(m.at - 2, m.line, -1):
        inside = m.bracket(at) if m.tokens[at].type == "LPAR" else None
        if inside is not None and inside[1] == m.before.end:
            break
    else:
        return None
    name, state = str(m.tokens[at - 1]), m.after
    if name not in _inner_names(m) or m.tokens[m.at + 2].type == "LPAR":
        return None
    help = f"step it in an equation of its own, and read `{name}.{state}'` below that"
    told = f"a step of `{name}` gives its outputs, and `{state}` is read as `{name}.{state}'`"
    return Words("E0018", told, help, end=state.end)


def _inner_names(m: Mistake) -> set[str]:
    """The inner cells that are declared above."""
    return {
        str(m.tokens[at + 1])
        for at in range(m.line)
        if m.tokens[at].type == "SUB" and m.tokens[at + 1].type == "NAME"
    }


def ask_point(m: Mistake) -> Words | None:
    """`tanh.(v)`, `v .+ 1`, `@. v`: Julia's marks of what is elementwise."""
    if m.before.type == "DOT" and m.wants("NAME") and not m.starts_line:
        help = f"functions and `{m.token}` are elementwise already: leave the `.` out"
        if m.kind == "LPAR":
            help = "functions are elementwise already: leave the `.` out"
        return Words("E0010", "a `.` stands between two names alone", help)
    if m.kind == "AT" and m.after.type == "DOT":
        help = "everything is elementwise already: leave it out"
        return Words("E0010", "`@.` is not in the language", help)
    return None


def _method(m: Mistake, owner: str, at: int, start: int) -> Words:
    """What is written for the method whose name stands at `at`."""
    name, end = str(m.tokens[at]), m.tokens[at].end
    subject = "a value" if owner == "…" else f"`{owner}`"
    message, help = f"{subject} has no function `{name}`", "functions stand by themselves: "
    if name in ("t", "T"):
        name = "transpose"
    elif name in m.foreign.replaced:
        return Words("E0018", message, m.foreign.replaced[name], start=start, end=end)
    given = m.bracket(at + 1) if m.tokens[at + 1].type == "LPAR" else None
    args = [] if given is None or not given[0] else given[0].split(", ")
    rest = "".join(f", {arg}" for arg in args if "=" not in arg)
    more = ", …" if len(rest) > MAX_SHOWN or any("=" in arg for arg in args) else ""
    ours = m.foreign.renamed.get(name, name)
    call = f"`{ours}({owner}{rest if len(rest) <= MAX_SHOWN else ''}{more})`"
    return Words("E0018", message, help + call, start=start, end=end)


EXPRESSION_RULES = (
    ask_equation,
    ask_comparison,
    ask_start,
    ask_second_equation,
    ask_choice,
    ask_fold,
    ask_comprehension,
    ask_membership,
    ask_tuple,
    ask_second_value,
    ask_empty_brackets,
    ask_ellipsis,
    ask_number_point,
    ask_step,
    ask_point,
    ask_one_of_many,
    ask_method,
    ask_prefix,
    ask_not,
)
