"""Mistakes in what stands at the head of a line.  In: a Mistake.  Out: Words, or None.

    input x(I)            write `input x: [I]`
    for k in range(3):    write `for k in 0..3:`
    sub g = GRU(I, H)     write `sub g = GRU[I, H]`

Each rule is one mistake; the first that fits speaks.
"""

from __future__ import annotations

from celldsl.syntax.hints.parse_error import Mistake, Words
from celldsl.syntax.kinds import REALS

_DECLARING = frozenset({"INPUT", "STATE", "PARAM", "CONST"})
_KINDS = ("complex", "bool", "int")
MAX_PATH = 16


def ask_range(m: Mistake) -> Words | None:
    """`for k in range(K):`, `for k in 0:K:`"""
    if m.first.type != "FOR" or not (m.wants("DOTS") or m.wants("IN")) or m.kind == "IN":
        return None
    if m.kind not in ("COLON", "EQUAL", "COMMA"):
        return None
    message, variable = "a loop runs over a range `a..b`", str(m.tokens[m.line + 1])
    found = _range(m)
    if found is None:
        help = f"write `for {variable} in 0..K:`; K is excluded"
        return Words("E0010", message, help)
    text, end = found
    help = f"write `for {variable} in {text}:`; the end is excluded"
    start = m.tokens[m.line + 3].start
    return Words("E0010", message, help, text, start=start, end=end, over=True)


def _range(m: Mistake) -> tuple[str, int] | None:
    """`range(3)`, `0:3` and `1:H` as a range, and where they end."""
    over = m.tokens[m.line + 3 : m.line + 6]
    match [token.type for token in over]:
        case ["NAME", "LPAR", _] if over[0] == "range":
            inside = m.bracket(m.line + 4)
            sides = inside[0].split(", ") if inside else []
            if inside and sides[0] and len(sides) <= 2:
                return "..".join(["0", *sides][-2:]), inside[1]
        case ["NUMBER", "COLON", "NAME" | "NUMBER"]:
            # Who counts from 1 counts as far as the end.
            low = "0" if over[0] == "1" else over[0]
            return f"{low}..{over[2]}", over[2].end
    return None


def ask_shape(m: Mistake) -> Words | None:
    """`state h`, `state h = zeros`, `input x: I`, `param W: (I, H)`, `state (h, c): [H]`"""
    if m.first.type not in _DECLARING:
        return None
    behind = _kind_behind(m)
    if behind is not None:
        return behind
    given = m.bracket(m.at) if m.at == m.line + 1 else None
    after = next((t for t in m.tokens[m.at :] if given and t.start >= given[1]), None)
    if given and given[0] and after and after.type == "COLON":
        said, help = "the names stand without brackets", f"write `{m.first} {given[0]}: …`"
        return Words("E0010", said, help, given[0], end=given[1], over=True)
    if m.wants("COLON", "COMMA") and m.kind in ("LPAR", "LSQB"):
        shape, end = _written(m, m.at)
        help = f"write `{m.first} {m.before}: {shape}`"
        return Words("E0010", "a shape stands after a `:`", help, f": {shape}", end=end, over=True)
    if m.kind == "COMMA" and m.before.type == "RSQB":
        name = m.after if m.after.type == "NAME" else "b"
        given = m.bracket(m.at + 3) if m.at + 3 < len(m.tokens) else None
        shape = "…" if given is None else f"[{given[0]}]"
        help = f"put `{m.first} {name}: {shape}` on a line of its own; names of one shape share one"
        return Words("E0010", "a line declares one shape", help)
    if m.wants("COLON") and m.kind in ("NEWLINE", "EQUAL"):
        return _ask_for_shape(m)
    of_call = m.kind == "LPAR" and m.tokens[m.at - 2].type == "COLON"
    if m.wants("LSQB") and (m.before.type == "COLON" or of_call):
        first = m.at - of_call
        shape, end = _written(m, first)
        help = f"write `{m.first} {m.tokens[first - 2]}: {shape}`"
        said, start = "a shape stands in square brackets", m.tokens[first].start
        return Words("E0010", said, help, shape, start=start, end=end, over=True)
    return None


def _kind_behind(m: Mistake) -> Words | None:
    """`state z: [H]: complex`, `input k: [] int`, `param W: [H] float`."""
    at = m.at if m.before.type == "RSQB" else m.at - 1
    word = m.tokens[at + (m.tokens[at].type == "COLON")]
    if word not in (*_KINDS, *REALS) or m.tokens[at - 1].type != "RSQB":
        return None
    opens = max(at for at in range(m.line, m.at) if m.tokens[at].type == "LSQB")
    inside = m.bracket(opens)
    if inside is None:
        return None
    better = f"{word}[{inside[0]}]" if inside[0] or word == "complex" else str(word)
    if word in REALS:
        better = f"[{inside[0]}]"
    start, name = m.tokens[opens].start, m.tokens[opens - 2]
    help = f"write `{m.first} {name}: {better}`"
    said = f"`{word}` stands before the shape"
    if word in REALS:
        said = f"a shape alone says that `{name}` is of numbers"
    return Words("E0010", said, help, better, start=start, end=word.end, over=True)


def ask_shared(m: Mistake) -> Words | None:
    """`tied def f(v)`, `shared cell A`, `shared param W: [H]`, `sub b = shared a[I, H]`"""
    if m.starts_line and m.after.type == "DEF":
        help = "a function with one set of weights is `shared def`, any other one `def`"
        return Words("E0010", f"`{m.token} def` is not in the language", help, "shared")
    if m.starts_line and m.token == "shared" and m.after.type == "NAME":
        help = f"a function with one set of weights is `shared def {m.after}(…)`"
        return Words("E0010", "`shared` stands before `def`", help, "shared def")
    if m.starts_line and m.token == "shared" and m.after.type == "CELL":
        help = "inner cells share: `sub right = shared left`; functions do: `shared def`"
        return Words("E0010", "a cell shares no weights by itself", help)
    if m.first == "shared" and m.at == m.line + 1 and m.kind in _DECLARING:
        help = f"leave `shared` out: what reads `{m.after}` reads the same"
        told = f"a `{m.token}` is one for all that read it"
        return Words("E0010", told, help, start=m.first.start, end=m.first.end)
    if m.before == "shared" and m.kind == "NAME" and m.wants("STAR"):
        help = f"a function with one set of weights is `shared def`; `{m.token}` stands in it"
        told, start = "`shared` stands before `def`, and not in an expression", m.before.start
        return Words("E0010", told, help, start=start, end=m.before.end)
    words = m.tokens[m.line : m.at]
    if m.first.type == "SUB" and len(words) == 5 and words[3] == "shared" and m.kind != "NEWLINE":
        told = f"`{words[1]}` has the sizes and settings of `{words[4]}`"
        return Words("E0010", told, f"write `sub {words[1]} = shared {words[4]}`")
    return None


def ask_many(m: Mistake) -> Words | None:
    """`sub g[3] = GRU[I, H]`"""
    if m.first.type != "SUB" or m.kind != "LSQB" or m.at != m.line + 2:
        return None
    given = m.bracket(m.at)
    many = "K" if given is None or not given[0] else given[0]
    help = f"several are a `sub` in a loop: `for k in 0..{many}:`, and step it there"
    return Words("E0010", f"`{m.before}` is one inner cell", help)


def ask_lifetime(m: Mistake) -> Words | None:
    """`input c: [C] sequence`, `input c: [C] once per sequence`, `input c: per sequence`"""
    if m.first.type != "INPUT":
        return None
    ahead = _lifetime_ahead(m)
    if ahead is not None:
        return ahead
    if (m.token, m.after) == ("per", "sequence") and m.before.type == "NAME":
        given = m.bracket(m.at + 3) if m.at + 3 < len(m.tokens) else None
        shape = _usual(m) if given is None else f"[{given[0]}]"
        help = f"write `{m.first} {m.before}: {shape} per sequence`"
        return Words("E0010", "`per sequence` stands behind the shape", help, end=m.after.end)
    if "COLON" not in m.line_kinds:
        return None
    colon = next(at for at in range(m.line, m.at) if m.tokens[at].type == "COLON")
    words = [token for token in m.tokens[colon + 1 : m.at + 2] if token.type == "NAME"]
    if "sequence" not in words or m.kind not in ("NAME", "NEWLINE", "EQUAL"):
        return None
    first = next(t for t in words if t in ("per", "sequence", "once", "each", "constant"))
    name, last = m.tokens[colon - 1], next(t for t in words if t == "sequence")
    if m.tokens[colon + 1] is first:
        help = f"write `{m.first} {name}: {_usual(m)} per sequence`"
        return Words("E0010", f"`{name}` has no shape", help, start=first.start, end=last.end)
    help = "write `per sequence` behind the shape"
    return Words("E0010", "how long an input lasts is said in two words", help, "per sequence",
                 start=first.start, end=last.end, over=True)  # fmt: skip


def _lifetime_ahead(m: Mistake) -> Words | None:
    """`input per sequence c: [C]`, `input sequence c: [C]`"""
    words = [str(token) for token in m.tokens[m.line + 1 : m.line + 3]]
    count = 2 if words == ["per", "sequence"] else int(words[:1] in (["sequence"], ["per"]))
    if not count or m.at not in (m.line + 2, m.line + 3):
        return None
    name, colon = m.tokens[m.line + count + 1 : m.line + count + 3]
    if name.type not in ("NAME", "NEWLINE"):
        return None
    word = str(name) if name.type == "NAME" else "c"
    opens = m.line + count + 3
    given = m.bracket(opens) if colon.type == "COLON" else None
    shape = _usual(m) if given is None else f"[{given[0]}]"
    help = f"write `{m.first} {word}: {shape} per sequence`"
    start, end = m.tokens[m.line + 1].start, m.tokens[m.line + count].end
    return Words("E0010", "`per sequence` stands behind the shape", help, start=start, end=end)


def _ask_for_shape(m: Mistake) -> Words:
    message = f"`{m.before}` has no shape"
    if m.kind == "EQUAL" and m.after.type == "NUMBER":
        help = f"write `{m.first} {m.before}: []` for a scalar, or `[H]`"
        return Words("E0010", message, help, ": [] =")
    given = m.bracket(m.at + 2) if m.kind == "EQUAL" and m.after.type == "NAME" else None
    shape = f"[{given[0].strip('[]()')}]" if given and given[0] else _usual(m)
    help = f"write `{m.first} {m.before}: {shape}`"
    return Words("E0010", message, help + ("" if given else ", or `[]` for a scalar"))


def _usual(m: Mistake) -> str:
    """The shape that such a thing mostly has."""
    dims = m.dims or ["H"]
    return f"[{dims[0] if m.first.type == 'INPUT' else dims[-1]}]"


def _written(m: Mistake, at: int) -> tuple[str, int]:
    """The sizes that stand at `at` in other brackets, in a call, or in none; and where they end."""
    token = m.tokens[at]
    opens = at if token.type in ("LPAR", "LSQB") else at + 1
    if m.tokens[opens].type in ("LPAR", "LSQB"):
        inside = m.bracket(opens)
        if inside is not None:
            kind = str(token) if opens > at and token in ("int", "bool") else ""
            return f"{kind}[{inside[0].strip('[](), ')}]", inside[1]
    return (f"[{token}]" if token.type in ("NAME", "NUMBER") else _usual(m)), token.end


def ask_primed_declaration(m: Mistake) -> Words | None:
    """`state h': [H]`, `cell A'`"""
    if m.kind != "PRIMED" or m.wants("PRIMED") or not m.wants("NAME"):
        return None
    name = str(m.token)[:-1]
    return Words("E0020", f"`{m.token}` is declared without its prime", f"write `{name}`", name)


def ask_annotation(m: Mistake) -> Words | None:
    """`cell A(rate: float = 0.5)`, `sub g: GRU`"""
    if m.kind != "COLON" or m.wants("COLON"):
        return None
    if m.first.type == "CELL" and m.wants("EQUAL", "RPAR"):
        type, *rest = m.tokens[m.at + 1 : m.at + 4]
        default = "0.5"
        if [token.type for token in rest[:1]] == ["EQUAL"]:
            default = str(rest[-1])
        elif type.type in ("STRING", "NUMBER", "TRUE", "FALSE"):
            default = type.strip('"')
        help = f"its default says of what kind it is: `{m.before} = {default}`"
        return Words("E0010", "a hyperparameter has no type", help)
    if m.first.type == "SUB" and m.wants("EQUAL"):
        help = f"write `sub {m.before} = {m.after if m.after.type == 'NAME' else 'GRU'}[I, H]`"
        return Words("E0010", "an inner cell is declared with `=`", help, " =")
    return None


def ask_dims(m: Mistake) -> Words | None:
    """`cell A<I>:`, `sub g = GRU(I, H)`"""
    if m.first.type == "CELL" and m.kind in ("LESS", "GREATER"):
        return Words("E0010", "dims stand in square brackets", "write `cell NAME[I, H]:`")
    if m.first.type != "SUB" or "LPAR" not in m.line_kinds or not m.wants("EQUAL"):
        return None
    cell, opens = m.tokens[m.line + 3], m.line + 4
    inside = m.bracket(opens) if m.tokens[opens].type == "LPAR" else None
    if inside is not None:
        text, end = inside
        start, better = m.tokens[opens].start, f"[{text}]"
        help = f"write `sub {m.tokens[m.line + 1]} = {cell}{better}`"
        message = "the dims of an inner cell stand in square brackets"
        instead = None if "=" in text else better
        return Words("E0010", message, help, instead, start=start, end=end, over=True)
    help = f"write `{cell}[…](NAME={m.before})`, with the name that `{cell}` gives it"
    message = f"`{m.before}` is given without the name of a hyperparameter"
    return Words("E0010", message, help, start=m.before.start, end=m.before.end)


def ask_named_dims(m: Mistake) -> Words | None:
    """`sub g = GRU[I=4, H=8]`, `sub g = GRU[I, H, act=relu]`"""
    if m.first.type != "SUB" or m.kind != "EQUAL" or not {"LSQB", "EQUAL"} <= m.line_kinds:
        return None
    if "RSQB" in m.line_kinds:
        return None
    cell, name, value = m.tokens[m.line + 3], m.before, m.after
    message = f"`{name}` is given by name, and sizes go by their order"
    help = f"a size is written alone, `{cell}[{value}]`; a hyperparameter goes behind the sizes, "
    return Words("E0010", message, f"{help}`{cell}[…]({name}={value})`")


def ask_use(m: Mistake) -> Words | None:
    """`use "a.cell"`, `use A from a`"""
    if m.first.type != "USE":
        return None
    if m.kind == "NEWLINE" and m.wants("FROM"):
        names = " ".join(str(token) for token in m.tokens[m.line : m.at]).replace(" ,", ",")
        help = f'write `{names} from "{m.tokens[m.line + 1].lower()}.cell"`'
        return Words("E0010", "`use` does not say from which file", help)
    if m.kind == "STRING":
        help = f"write `use NAME from {m.token}`"
        return Words("E0010", "`use` names what it takes from a file", help)
    if m.before.type != "FROM":
        return None
    words = m.tokens[m.at : m.at + MAX_PATH]
    ends = next((at for at, token in enumerate(words) if token.type == "NEWLINE"), 0)
    path = "".join(str(token) for token in words[:ends])
    if not path.isascii() or not path.strip("'") or '"' in path:
        return Words("E0010", "a path is missing", 'write `use NAME from "path.cell"`')
    quoted = f'"{path.removesuffix(".cell")}.cell"'
    before = " ".join(str(token) for token in m.tokens[m.line : m.at])
    help, end = f"write `{before.replace(' ,', ',')} {quoted}`", words[ends - 1].end
    return Words("E0010", "a path stands in double quotes", help, quoted, end=end, over=True)


def ask_argument(m: Mistake) -> Words | None:
    """`def f(v=1)`"""
    if m.first.type == "DEF" and m.kind == "RETURN" and m.before.type == "COLON":
        message = "the value of a function on one line stands after `=`"
        header = f"`{m.first} {m.tokens[m.line + 1]}(…) = …`"
        return Words("E0010", message, f"write {header}", " =", start=m.before.start, over=True)
    if m.first.type != "DEF" or m.kind != "EQUAL" or not m.wants("RPAR"):
        return None
    help = "every call gives all arguments"
    return Words("E0010", "an argument of a `def` has no default", help)


def ask_output(m: Mistake) -> Words | None:
    """`output h' = x`, `output h: [H]`, `output 2 * h`"""
    if m.first.type != "OUTPUT" or m.kind == "NEWLINE" or m.starts_line:
        return None
    if m.kind.isalpha() and m.token.isalpha() and m.kind not in ("NAME", "PRIMED"):
        return None
    help = "define the value by an equation, and name it here"
    match m.kind:
        case "LPAR" if m.after.type in ("NAME", "PRIMED"):
            help = f"write `output {m.after}`, without brackets"
        case "DOT":
            help = f"give it a name: `last = {m.before}.{m.after}`, and name that here"
        case "COLON":
            help = f"write `output {m.before}`: its equation gives it its shape"
        case "EQUAL" if m.before.type == "OUTPUT" and m.after.type in ("NAME", "PRIMED"):
            help = f"write `output {m.after}`"
        case "EQUAL" if m.before.type != "OUTPUT":
            help = f"write `{m.before} = …` on a line of its own, and then `output {m.before}`"
        case "NAME" | "PRIMED" if m.before.type in ("NAME", "PRIMED"):
            help = f"write `{m.before}, {m.token}`"
            return Words("E0010", "a `,` stands between two outputs", help, f", {m.token}")
    return Words("E0010", f"`output` takes names alone, found `{m.token}`", help)


DECLARATION_RULES = (
    ask_range,
    ask_shared,
    ask_many,
    ask_lifetime,
    ask_shape,
    ask_primed_declaration,
    ask_annotation,
    ask_dims,
    ask_named_dims,
    ask_use,
    ask_argument,
    ask_output,
)
