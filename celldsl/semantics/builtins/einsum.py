"""`einsum`.  In: names of axes and values.  Out: sums of products.

    einsum("nvk,nk->nv", S, q)

Every axis has a letter, the same letter means the same size, and what does not stand behind `->` is
summed.  Batch and time are not among them.  Of more than two values, those
meet first whose product has the fewest axes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, permutations

from celldsl.diagnostics.diagnostic import Fix
from celldsl.diagnostics.span import Span
from celldsl.ir.size import Size
from celldsl.semantics import conversions as convert
from celldsl.semantics import wording
from celldsl.semantics.broadcast import reasons
from celldsl.semantics.builtins.function import Bound, Function, given
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Tensor, Unknown, Value
from celldsl.semantics.products import ONE, Labelled, contract, spelled, summed
from celldsl.structs import record
from celldsl.syntax import ast

CODE = "E0214"


@record
class Axes:
    """`"nvk,nk->nv"` taken apart; `span` is that of the text, with its quotes."""

    text: str
    operands: tuple[str, ...]
    out: str
    span: Span

    def span_of(self, index: int) -> Span:
        """Where the names of an operand stand, or of the result."""
        parts = self.text.replace("->", ",,").split(",")
        known = [(len(",".join(parts[:i])) + (i > 0), part) for i, part in enumerate(parts)]
        start, part = [pair for i, pair in enumerate(known) if i != len(self.operands)][index]
        begin = self.span.start + 1 + start + len(part) - len(part.lstrip())
        return Span(self.span.source, begin, begin + max(len(part.strip()), 1))


def _einsum(f: Environment, e: ast.Call, a: Bound) -> Value:
    written = given(a, "v")
    assert isinstance(written, ast.ListOf)
    if _rearranged(f, e, written):
        return Unknown()
    values = [convert.tensor(f, item) for item in written.items]
    axes = _axes(f, given(a, "axes"))
    known = [value for value in values if value is not None]
    if axes is None or len(known) < len(values):
        return Unknown()
    if not (_as_many(f, axes, written.items, known) and _distinct(f, axes)):
        return Unknown()
    return _joined(f, axes, known) if _one_size_each(f, axes, written.items, known) else Unknown()


def _rearranged(f: Environment, e: ast.Call, written: ast.ListOf) -> bool:
    """`einsum(S, q, "vk,k->v")` and `einsum("vk,k->v", [S, q])`."""
    first, last = e.args[0], e.args[-1]
    if isinstance(last, ast.String) and not isinstance(first, ast.String):
        told, order = "`einsum` takes the names of the axes first", (last, *e.args[:-1])
    elif isinstance(written.items[0], ast.ListOf) and len(e.args) == 2:
        told, order = "the values stand side by side", (first, *written.items[0].items)
    else:
        return False
    better = f"einsum({', '.join(arg.span.text for arg in order)})"
    f.error(CODE, told, e.span, help=f"write `{better}`", fix=Fix(e.span, better))
    return True


def _joined(f: Environment, axes: Axes, values: list[Tensor]) -> Tensor:
    """Two operands at a time; what the others still need is not summed yet."""
    left: list[Labelled] = list(zip(values, axes.operands, strict=True))
    while len(left) > 2:
        one, other, out = min(_pairs(left, axes.out), key=lambda pair: len(pair[2]))
        rest = [each for each in left if each is not one and each is not other]
        left = [(contract(f, one, other, out), out), *rest]
    if len(left) == 2:
        return contract(f, left[0], left[1], axes.out)
    return summed(f, left[0], axes.out)


def _pairs(left: list[Labelled], out: str) -> Iterator[tuple[Labelled, Labelled, str]]:
    """Every two operands, and the axes of their product."""
    for one, other in combinations(left, 2):
        others = "".join(each[1] for each in left if each is not one and each is not other)
        kept = [x for x in dict.fromkeys(one[1] + other[1]) if x in out + others]
        yield one, other, "".join(kept)


# ---------------------------------------------------------------- the names of axes


def _axes(f: Environment, written: ast.Expr) -> Axes | None:
    """The specification, where it is one in itself."""
    if not isinstance(written, ast.String):
        told = "`einsum` takes the names of the axes first, in quotes"
        f.error(CODE, told, written.span, help='such as `einsum("ij,j->i", A, b)`')
        return None
    text = written.value
    problem = _problem(text)
    if problem is not None:
        told, help, better = problem
        fix = None if better is None else Fix(written.span, f'"{better}"')
        f.error(CODE, told, written.span, help=help, fix=fix)
        return None
    left, _, out = text.partition("->")
    operands = tuple("".join(part.split()) for part in left.split(","))
    return Axes(text, operands, "".join(out.split()), written.span)


def _problem(text: str) -> tuple[str, str | None, str | None] | None:
    """What is no specification at all: what is told, the help, and what it should be."""
    if "..." in text:
        better = text.replace("...", "")
        told = "every axis has a name here, and `...` is none"
        return told, f'batch and time are no axes: `"{better}"` where they are meant', better
    word = next((x for x in re.findall("[A-Za-z]+", text) if " " in text and len(x) > 1), None)
    if word is not None and re.search("[A-Za-z] +[A-Za-z]", text):
        return f"an axis is named by one letter, and `{word}` is a word", _shortened(text), None
    if "->" not in text:
        once = sorted(x for x in set(text) if x.isalpha() and text.count(x) == 1)
        better = f"{text}->{''.join(once)}"
        return "the axes that come out stand behind `->`", f'write `"{better}"`', better
    odd = next((x for x in text.replace("->", "") if not re.match("[A-Za-z, ]", x)), None)
    if odd is not None or text.count("->") > 1:
        told = f"the names of axes are letters, and `{odd or '->'}` is none"
        return told, 'such as `"ij,j->i"`', None
    return None


def _shortened(text: str) -> str | None:
    """The first letters of words, where they differ."""
    words = list(dict.fromkeys(re.findall("[A-Za-z]+", text)))
    letters = {word: word[0].lower() for word in words}
    if len(set(letters.values())) < len(words):
        return None
    better = re.sub("[A-Za-z]+", lambda match: letters[match[0]], text).replace(" ", "")
    return f'write `"{better}"`'


def _distinct(f: Environment, axes: Axes) -> bool:
    for place, labels in enumerate((*axes.operands, axes.out)):
        twice = next((x for x in labels if labels.count(x) > 1), None)
        if twice is not None:
            help = "the diagonal of `A` is what is left of `A * eye(N)`, summed along an axis"
            told = f"`{labels}` names two axes `{twice}`"
            if labels is axes.out:
                help = "what comes out has every axis once"
            f.error(CODE, told, axes.span_of(place), help=help)
            return False
    unknown = next((x for x in axes.out if x not in "".join(axes.operands)), None)
    if unknown is not None:
        told = f"`{unknown}` comes out and is an axis of none of the values"
        help = "an axis of size 1 is put in by `expand(v, axis)`"
        f.error(CODE, told, axes.span_of(len(axes.operands)), help=help)
    return unknown is None


# ---------------------------------------------------------------- names and shapes


def _as_many(
    f: Environment, axes: Axes, written: tuple[ast.Expr, ...], values: list[Tensor]
) -> bool:
    """As many operands as values, and as many letters as axes."""
    if len(values) != len(axes.operands):
        verb = "is" if len(values) == 1 else "are"
        told = f"`{axes.text}` names the axes of {_counted(len(axes.operands), 'value')}, and "
        told += f"{len(values)} {verb} given"
        f.error(CODE, told, axes.span, help=_missing_comma(axes, values))
        return False
    for place, (item, value) in enumerate(zip(written, values, strict=True)):
        labels = axes.operands[place]
        if len(labels) != len(value.shape):
            told = f"`{labels}` names {_counted(len(labels), 'axis', 'axes')}, and "
            told += f"`{wording.short(item.span)}` is {wording.told(f, value)}"
            help = _without_batch(axes, values) or _with_rank(f, axes, written, values, place)
            f.error(CODE, told, axes.span_of(place), help=help)
            return False
    return True


def _without_batch(axes: Axes, values: list[Tensor]) -> str | None:
    """The names without one that every operand has, where the others are as many as axes."""
    ranks = [len(value.shape) + 1 for value in values]
    shared = set(axes.operands[0]).intersection(*axes.operands[1:], axes.out)
    if not shared or ranks != [*map(len, axes.operands)]:
        return None
    better = axes.text.replace(min(shared, key=axes.operands[0].index), "")
    return f'batch and time are no axes: write `"{better}"`'


def _with_rank(
    f: Environment, axes: Axes, written: tuple[ast.Expr, ...], values: list[Tensor], place: int
) -> str | None:
    """The names with a letter for each axis of one value, by the sizes that the others have."""
    others = [p for p, value in enumerate(values) if len(value.shape) == len(axes.operands[p])]
    sizes = {x: s for p in others for x, s in zip(axes.operands[p], values[p].shape, strict=True)}
    labels = dict.fromkeys(axes.operands[place] + "".join(sizes))
    found = ""
    for size in values[place].shape:
        fitting = (x for x in labels if x in sizes and x not in found)
        found += next((x for x in fitting if f.context.constraints.equal(sizes[x], size)), "?")
    operands = [*axes.operands[:place], found, *axes.operands[place + 1 :]]
    out = "".join(x for x in axes.out if x in "".join(operands))
    if len(others) == len(values) - 1 and others and "?" not in found and out == axes.out:
        return f'did you mean `"{",".join(operands)}->{out}"`?'
    if len(values) == 2:
        return spelled(f, (written[0], values[0]), (written[1], values[1]))
    return f"it has a letter for each axis: {_counted(len(values[place].shape), 'letter')}"


def _one_size_each(
    f: Environment, axes: Axes, written: tuple[ast.Expr, ...], values: list[Tensor]
) -> bool:
    """The same letter is the same size; a size that is written as 1 stretches."""
    first: dict[str, int] = {}
    for place, value in enumerate(values):
        for axis, label in enumerate(axes.operands[place]):
            size = value.shape[axis]
            other = first.get(label)
            if other is None or values[other].shape[axes.operands[other].index(label)] == ONE:
                first[label] = place
            elif size != ONE:
                known = values[other].shape[axes.operands[other].index(label)]
                if not f.context.constraints.equal(known, size):
                    _explain(f, axes, written, values, label, (other, place))
                    return False
    return True


def _explain(
    f: Environment,
    axes: Axes,
    written: tuple[ast.Expr, ...],
    values: list[Tensor],
    label: str,
    places: tuple[int, int],
) -> None:
    """Two operands give a label two sizes."""
    one, other = places
    sizes = [values[p].shape[axes.operands[p].index(label)] for p in places]
    names = [wording.short(written[p].span) for p in places]
    shown = [f"`{n}` is {wording.told(f, values[p])}" for n, p in zip(names, places, strict=True)]
    pairs = [(written[p], values[p]) for p in places]
    f.error(
        CODE,
        f"`{label}` is {sizes[0]} in `{names[0]}` and {sizes[1]} in `{names[1]}`",
        axes.span_of(other),
        ", ".join(shown),
        secondary=reasons(f, pairs[0], pairs[1], written[one].span),
        help=_reordered(f, axes, values, one, other) or wording.counterexample(*sizes) or None,
    )


def _reordered(
    f: Environment, axes: Axes, values: list[Tensor], one: int, other: int
) -> str | None:
    """The names of one operand in another order, where that fits all others."""
    for place in (other, one):
        sizes: dict[str, Size] = {}
        for p, labels in enumerate(axes.operands):
            if p != place:
                sizes.update(zip(labels, values[p].shape, strict=True))
        shape = values[place].shape
        for order in permutations(axes.operands[place]) if len(shape) <= 4 else ():
            pairs = zip(order, shape, strict=True)
            if all(x not in sizes or f.context.constraints.equal(sizes[x], s) for x, s in pairs):
                operands = [*axes.operands]
                operands[place] = "".join(order)
                return f'did you mean `"{",".join(operands)}->{axes.out}"`?'
    return None


def _missing_comma(axes: Axes, values: list[Tensor]) -> str | None:
    ranks = [len(value.shape) for value in values]
    labels = "".join(axes.operands)
    if sum(ranks) != len(labels):
        return None
    parts = [labels[sum(ranks[:i]) : sum(ranks[: i + 1])] for i in range(len(ranks))]
    return f'a comma stands between those of two values: `"{",".join(parts)}->{axes.out}"`'


def _counted(count: int, one: str, more: str = "") -> str:
    return f"1 {one}" if count == 1 else f"{count} {more or one + 's'}"


ENTRIES = (
    Function("einsum", "axes, *v", "sums of products over named axes: `einsum(\"ij,j->i\", A, b)`",
             _einsum),
)  # fmt: skip
