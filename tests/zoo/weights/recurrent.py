"""The cells of torchrecurrent.  In: their parameters.  Out: ours, by row and by file.

P has W, U, b, d for its weight_ih, weight_hh, bias_ih, bias_hh; other letters as in the equations.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.zoo.weights.packing import cut, gated, linear, named
from tests.zoo.weights.row import Arrays, Row


def simply(x: str, h: str | None = None, **second: str) -> Row:
    """A cell whose parameters are those of its gates."""
    return Row(lambda P: gated(P, x, h, **second))


def called(names: dict[str, str], x: str, h: str | None = None, **second: str) -> Row:
    """The same, with equations by names of several letters."""
    return Row(lambda P: named(gated(P, x, h, **second), **names))


def beside(change: Callable[[Arrays], Arrays], **kept: str) -> Callable[[Arrays], Arrays]:
    """Parameters of ours that are the library's as they stand, besides those of the gates."""
    return lambda P: {**change(P), **{ours: P[theirs] for ours, theirs in kept.items()}}


def antisymmetric(P: Arrays) -> Arrays:
    return {**linear("h", P["b"] + P["d"], x=P["W"]), "U": P["U"]}


def gated_antisymmetric(P: Arrays) -> Arrays:
    """The library leaves the second bias out of the gate."""
    W, b = cut(P["W"], "zn"), cut(P["b"], "zn")
    gates = {**linear("z", b["z"], x=W["z"]), **linear("n", b["n"] + P["d"], x=W["n"])}
    return {**gates, "U": P["U"]}


def two_products(P: Arrays) -> Arrays:
    return {**linear("p", P["b"], x=P["W"]), **linear("q", P["d"], h=P["U"])}


def bistable(P: Arrays) -> Arrays:
    W, b, d, u = cut(P["W"], "acn"), cut(P["b"], "acn"), cut(P["d"], "ac"), cut(P["u"], "ac")
    found = {"u_a": u["a"], "u_c": u["c"]}
    for letter in "acn":
        found |= linear(letter, b[letter] + d.get(letter, 0.0), x=W[letter])
    return found


def oscillators(P: Arrays) -> Arrays:
    return linear("n", P["b"] + P["d"] + P["bv"], x=P["W"], h=P["U"], c=P["V"])


def fast(P: Arrays) -> Arrays:
    numbers = {"alpha": P["α"].reshape(()), "beta": P["β"].reshape(())}
    return {**linear("n", P["b"] + P["d"], x=P["W"], h=P["U"]), **numbers}


def fast_gated(P: Arrays) -> Arrays:
    b, d = cut(P["b"], "gn"), cut(P["d"], "gn")
    numbers = {"zeta": P["ζ"].reshape(()), "nu": P["ν"].reshape(())}
    biases = {"b_g": b["g"] + d["g"], "b_n": b["n"] + d["n"]}
    return {**linear("s", x=P["W"], h=P["U"]), **biases, **numbers}


def expressive_memory(P: Arrays) -> Arrays:
    """The library packs the gate of h first, then that of c, its candidate, and that of h."""
    W, b = cut(P["W"], "hcmn"), cut(P["b"], "hcmn")
    U, d = cut(P["U"], "hcm"), cut(P["d"], "hcm")
    found = linear("n", b["n"] + P["bv"], x=W["n"], old=P["V"])
    for letter, name in (("h", "t_h"), ("c", "t_c"), ("m", "c")):
        found |= linear(name, b[letter] + d[letter], x=W[letter], h=U[letter])
    return found


def memory_controlled(P: Arrays) -> Arrays:
    return {key.replace("W_h", "W_v"): array for key, array in gated(P, "fiomg").items()}


def minimal(P: Arrays) -> Arrays:
    return {**linear("z", P["b"], x=P["W"]), **linear("u", P["d"], h=P["U"], z=P["M"])}


def multiplicative(P: Arrays) -> Arrays:
    """The biases of the gates' two products are one."""
    W, b = cut(P["W"], "aifgo"), cut(P["b"], "aifgo")
    M, bm = cut(P["M"], "ifgo"), cut(P["bm"], "ifgo")
    found = {**linear("a", b["a"], x=W["a"]), **linear("m", P["d"], h=P["U"])}
    for letter in "ifgo":
        found |= linear(letter, b[letter] + bm[letter], x=W[letter], m=M[letter])
    return found


def first_mutation(P: Arrays) -> Arrays:
    W, b = cut(P["W"], "zra"), cut(P["b"], "zra")
    U, d = cut(P["U"], "rn"), cut(P["d"], "rn")
    found = {**linear("z", b["z"], x=W["z"]), **linear("a", b["a"], x=W["a"])}
    found |= linear("r", b["r"] + d["r"], x=W["r"], h=U["r"])
    return {**found, "n.W_0": U["n"].T, "n.b": d["n"]}


def eight_units(P: Arrays) -> Arrays:
    x, m = (f"{letter}0_{letter}1_{letter}2_{letter}3_{letter}4_{letter}5_{letter}6_{letter}7"
            for letter in "xm")  # fmt: skip
    return {**linear(x, x=P["W"]), **linear(m, P["b"] + P.get("d", 0.0), h=P["U"])}


def peeps(P: Arrays) -> Arrays:
    return {f"p_{letter}": piece for letter, piece in cut(P["p"], "ifo").items()}


def additive(P: Arrays) -> Arrays:
    """The library's content has no bias."""
    W, U, b, d = cut(P["W"], "aif"), cut(P["U"], "if"), cut(P["b"], "if"), cut(P["d"], "if")
    found = linear("a", x=W["a"])
    for letter in "if":
        found |= linear(letter, b[letter] + d[letter], x=W[letter], h=U[letter])
    return found


def residual(P: Arrays) -> Arrays:
    return {**gated(P, "ifgo"), **peeps(P), **linear("h", m=P["P"], x=P["R"])}


def constrained(P: Arrays) -> Arrays:
    W, b, U, d = cut(P["W"], "ck"), cut(P["b"], "ck"), cut(P["U"], "kh"), cut(P["d"], "kh")
    V, bv = cut(P["V"], "kh"), cut(P["bv"], "kh")
    return {
        **linear("c", b["c"], x=W["c"]),
        **linear("k", b["k"] + d["k"] + bv["k"], x=W["k"], h=U["k"], c_next=V["k"]),
        **linear("h", d["h"] + bv["h"], k=U["h"], c_next=V["h"]),
        "alpha": P["α"].reshape(()),
    }


def one_product(P: Arrays) -> Arrays:
    return {**linear("p", P["b"], x=P["W"]), **linear("f", P["d"], h=P["U"])}


def simple_gated(P: Arrays) -> Arrays:
    W, b, U, d = cut(P["W"], "az"), cut(P["b"], "az"), cut(P["U"], "gz"), cut(P["d"], "gz")
    found = linear("a", b["a"], x=W["a"])
    found |= linear("z", b["z"] + d["z"], x=W["z"], h=U["z"])
    return {**found, "g.W_0": U["g"].T, "g.b": d["g"]}


def deep_gated(P: Arrays) -> Arrays:
    return {**simple_gated(P), "n.W_0": P["V"].T}


def delayed(P: Arrays) -> Arrays:
    return gated(P, "uzga", z="old")


def two_inputs(P: Arrays) -> Arrays:
    return {k.replace("W_h", "W_xp"): a for k, a in gated({**P, "U": P["V"]}, "zfo").items()}


def oscillating(P: Arrays) -> Arrays:
    return {**linear("c", P["b"] + P["d"], x=P["W"]), "u": P["u"], "k": P["k"]}


def working_memory(P: Arrays) -> Arrays:
    found, M, bm = gated(P, "ifgo"), cut(P["M"], "ifo"), cut(P["bm"], "ifo")
    for letter in "ifo":
        seen = {"c_next" if letter == "o" else "c": M[letter]}
        found |= linear(f"m_{letter}", bm[letter], **seen)
    return found


STEPS = {"eps": "ε", "gamma": "γ"}

ROWS: dict[str, dict[str, Row]] = {
    "tr.antisym": {"antisymmetric_rnn": Row(antisymmetric, STEPS)},
    "tr.gantisym": {"gated_antisymmetric_rnn": Row(gated_antisymmetric, STEPS)},
    "tr.atr": {"atr": Row(two_products)},
    "tr.br": {"brc": Row(bistable)},
    "tr.nbr": {"nbrc": simply("acn", "ac")},
    "tr.cfn": {"cfn": called({"t": "theta", "e": "eta"}, "ten", "te")},
    "tr.cornn": {"cornn": Row(oscillators, {"dt": "dt", "gamma": "γ", "epsilon": "ε"})},
    "tr.fastrnn": {"fastrnn": Row(fast)},
    "tr.fastgrnn": {"fastgrnn": Row(fast_gated)},
    "tr.intersection": {
        "intersection_rnn": called({"y": "g_y", "g": "g_h"}, "mnyg"),
    },
    "tr.janet": {"janet": Row(lambda P: gated(P, "sn"), {"beta": "β"})},
    "tr.lem": {"lem": Row(expressive_memory, {"dt": "dt"})},
    "tr.lightru": {"light_ru": simply("nf", "f")},
    "tr.ligru": {"ligru": simply("zn")},
    "tr.mclstm": {"mclstm": Row(memory_controlled)},
    "tr.mgu": {"mgu": simply("fn", n="1")},
    "tr.minimal": {"minimal_rnn": Row(minimal)},
    "tr.miru1": {"miru1": Row(lambda P: gated(P, "rn", n="1"), {"keep": "λ"})},
    "tr.miru2": {
        "miru2": Row(lambda P: gated(P, "n", n="1"), {"keep": "λ", "reset": "β"}),
    },
    "tr.mlstm": {"multiplicative_lstm": Row(multiplicative)},
    "tr.mut1": {"mut1": Row(first_mutation)},
    "tr.mut2": {"mut2": simply("zrn", n="1")},
    "tr.mut3": {"mut3": simply("zrn", z="s", n="1")},
    "tr.nas": {"nas": Row(eight_units)},
    "tr.origlstm": {"original_lstm": simply("igo")},
    "tr.peephole": {
        file: Row(lambda P: {**gated(P, "ifgo"), **peeps(P)})
        for file in ("peephole_lstm", "graves_lstm")
    },
    "tr.ran": {"ran": Row(additive)},
    "tr.reslstm": {"res_lstm": Row(residual)},
    "tr.scrn": {"scrn": Row(constrained)},
    "tr.sgrn": {"sgrn": Row(one_product)},
    "tr.sgu": {"sgu": Row(simple_gated)},
    "tr.dsgu": {"dsgu": Row(deep_gated)},
    "tr.star": {"star": simply("nk", "k")},
    "tr.taugru": {"tau_gru": Row(delayed, sizes={"D": 3})},
    "tr.trnn": {"trnn": simply("nf", "")},
    "tr.tgru": {"tgru": Row(two_inputs)},
    "tr.tlstm": {"tlstm": Row(two_inputs)},
    "tr.ugrnn": {"ugrnn": simply("ng")},
    "tr.unicornn": {"unicornn": Row(oscillating, {"dt": "dt", "alpha": "α"})},
    "tr.wmclstm": {"wmc_lstm": Row(working_memory)},
    "tr.indrnn": {
        "indrnn": Row(lambda P: {**linear("h", P["b"] + P["d"], x=P["W"]), "u": P["u"]}),
    },
}
