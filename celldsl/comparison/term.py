"""A value as a tree, written so that equal mathematics is equal.  In: parts.  Out: a Term.

total([linear([x], "0"), linear([h], "none")])      linear([h, x], "0"): one sum of products
total([product([z, h]), product([one_minus(z), n])])    mix(z, h, n): z keeps h and takes n

Packed gates and gates by themselves, two biases and one, `1 - z` before or after: all are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from celldsl.structs import field, record

LEAVES = {"input", "state", "next", "param", "const", "number", "name", "part"}
INFIX = {"product": " * ", "divide": " / ", "power": " ** ", "compare": " ? "}


@record
class Term:
    """`text` tells leaves apart, and the bias of a linear; `name` is that of its equation.

    `weights` says whose a linear's are: what is used twice has them once.
    """

    op: str
    args: tuple[Term, ...] = ()
    text: str = ""
    name: str = field(default="", compare=False)
    weights: tuple[str, ...] = field(default=(), compare=False)

    def named(self, name: str) -> Term:
        return Term(self.op, self.args, self.text, self.name or name, self.weights)

    def __str__(self) -> str:
        return shown(self)


ONE = Term("number", (), "1.0")


def number(value: float) -> Term:
    return Term("number", (), repr(float(value)))


def negated(term: Term) -> Term:
    if term.op == "negate":
        return term.args[0]
    return number(-float(term.text)) if term.op == "number" else Term("negate", (term,))


def linear(operands: Iterable[Term], bias: str, weights: tuple[str, ...] = ()) -> Term:
    """`bias` is where it begins, or "none"."""
    return Term("linear", tuple(sorted(operands, key=_written_out)), bias, "", weights)


def product(factors: Iterable[Term]) -> Term:
    flat: list[Term] = []
    for factor in factors:
        flat += factor.args if factor.op == "product" else [factor]
    return Term("product", tuple(sorted(flat, key=_written_out))) if len(flat) > 1 else flat[0]


def total(terms: Iterable[Term]) -> Term:
    """A sum, in which products with weights are one `linear`."""
    flat: list[Term] = []
    for term in terms:
        flat += term.args if term.op == "sum" else [term]
    products = [term for term in flat if term.op == "linear"]
    others = [term for term in flat if term.op != "linear"]
    if products:
        operands = [operand for one in products for operand in one.args]
        weights = tuple(w for one in products for w in one.weights)
        others.append(linear(operands, _joint_bias([one.text for one in products]), weights))
    if len(others) == 2:
        mixed = _mix(*others) or _mix(*reversed(others))
        if mixed is not None:
            return mixed
    return Term("sum", tuple(sorted(others, key=_written_out))) if len(others) > 1 else others[0]


def _joint_bias(biases: list[str]) -> str:
    trained = [bias for bias in biases if bias != "none"]
    begun = [bias for bias in trained if bias != "0"]
    return (begun or trained or ["none"])[0]


def _mix(a: Term, b: Term) -> Term | None:
    """`g * kept + (1 - g) * new`."""
    factors = a.args if a.op == "product" else ()
    for gate in factors:
        rest = total([ONE, negated(gate)])
        if b.op == "product" and rest in b.args and gate.op != "number":
            kept, new = _without(factors, gate), _without(b.args, rest)
            if gate.op not in ("sum", "negate"):
                return Term("mix", (gate, kept, new))
    return None


def _without(factors: tuple[Term, ...], one: Term) -> Term:
    left = list(factors)
    left.remove(one)
    return product(left) if left else ONE


def _written_out(term: Term) -> str:
    """By which parts are ordered: without the names of equations."""
    return f"{term.op}:{term.text}({','.join(map(_written_out, term.args))})"


def bag(terms: Iterable[Term]) -> Counter[str]:
    """Every part of some terms, parameters without their names."""
    return Counter(_anonymous(part) for term in terms for part in parts(term))


def parts(term: Term) -> Iterator[Term]:
    yield term
    for arg in term.args:
        yield from parts(arg)


def weights_of(terms: Iterable[Term]) -> set[tuple[str, ...]]:
    """Those of all products with weights, each once however often it is used."""
    return {part.weights for term in terms for part in parts(term) if part.weights}


def _anonymous(term: Term) -> str:
    if term.op in ("param", "const"):
        return term.op
    text = "" if term.op == "linear" else term.text  # how a bias begins makes no other cell
    return f"{term.op}:{text}({','.join(map(_anonymous, term.args))})"


def alike(a: Counter[str], b: Counter[str]) -> float:
    """From 0 for nothing in common to 1 for the same parts."""
    return (a & b).total() / max((a | b).total(), 1)


def shown(term: Term, whole: bool = False) -> str:
    """As it would be written, by names of equations where they have one."""
    if term.name and not whole:
        return term.name
    inner = [shown(arg) for arg in term.args]
    match term.op:
        case "next":
            return f"{term.text}'"
        case "number":
            return f"{float(term.text):g}"
        case op if op in LEAVES:
            return term.text
        case "linear":
            read = f"[{', '.join(inner)}]" if len(inner) > 1 else inner[0]
            bias = {"0": "", "none": ", bias=false"}.get(term.text, f", bias={term.text}")
            return f"linear({read}{bias})"
        case "mix":
            gate, kept, new = inner
            return f"{gate} * {kept} + (1 - {gate}) * {new}"
        case "piece":
            return f"a part of {inner[0]}"
        case "negate":
            return f"-{inner[0]}"
        case "sum":
            return _sum_text(term.args, inner)
        case op if op in INFIX:
            return INFIX[op].join(_bracketed(a, t) for a, t in zip(term.args, inner, strict=True))
    return f"{term.op}({', '.join(inner)})"


def _sum_text(terms: tuple[Term, ...], texts: list[str]) -> str:
    """What is taken away stands behind: `1 - keep`."""
    pairs = [(each, _bracketed(each, text)) for each, text in zip(terms, texts, strict=True)]
    added = [text for each, text in pairs if each.op != "negate" or each.name]
    taken = [_without_sign(each) for each, _ in pairs if each.op == "negate" and not each.name]
    if not added:
        return " + ".join(text for _, text in pairs)
    return " - ".join([" + ".join(added), *taken])


def _without_sign(negate: Term) -> str:
    (inner,) = negate.args
    return _bracketed(inner, shown(inner))


def _bracketed(term: Term, text: str) -> str:
    inside = term.op in ("sum", "mix", "compare", "negate") and not term.name
    return f"({text})" if inside else text
