"""Throws texts at the front end.  In: a count and a seed.  Out: a record of what came back.

    python benchmarks/fuzz_front_end.py --count 2000 --seed 1

Three kinds of text: sentences made from the grammar, sentences with a few characters or tokens
changed, and characters at random.  Nothing may raise, take longer than a second, or leave a
sentence of the grammar without a tree; what parses must be laid out to something equal.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.render import render_json, render_text
from celldsl.diagnostics.span import Source
from celldsl.syntax.format import format_source
from celldsl.syntax.parse import parse

_LEAVES = ["x", "h", "h'", "H", "2", "0.5", "1e-8", "inf", "γ_x", "hₜ₋₁", "hₜ", "g.h'", "true"]
_BINARY = ["@", "+", "-", "*", "/", "**", "⊙", "−", "%"]
_STRAY = [
    *"()[]:,=.'\"#@^;{}\t\n\\&§·",
    "\r\n",
    '"""',
    "..",
    "==",
    "cell ",
    "if ",
    "    ",
    "h'",
    "\0",
]


class Sentences:
    """Makes files that the grammar allows."""

    def __init__(self, random: random.Random) -> None:
        self.random = random

    def expression(self, depth: int = 3) -> str:
        if depth == 0 or self.random.random() < 0.2:
            return self.random.choice(_LEAVES)
        part = self.expression
        return self.random.choice(
            [
                lambda: f"({part(depth - 1)}) {self.random.choice(_BINARY)} ({part(depth - 1)})",
                lambda: f"sigmoid({part(depth - 1)}, axis={part(0)})",
                lambda: f"-{part(depth - 1)}" if depth < 3 else part(depth - 1),
                lambda: f"[{part(depth - 1)}, {part(0)},]",
                lambda: f"x[{part(0)}, :, {part(0)}:]",
                lambda: f"({part(depth - 1)}\n  # why\n  + {part(0)})",
                lambda: f"(not ({part(0)} < {part(0)} and x))",
            ]
        )()

    def statement(self, depth: int) -> list[str]:
        value = self.expression()
        kinds = [
            [f"a{self.random.randrange(9)} = {value}"],
            [f"h'[k] = {value}  # note"],
            [f"r,  u = split({value}, 2)"],
            [f"param p, q: [H, {self.expression(1)}] = {value}"],
            ["sub g = GRU[I, 2*H](activation=relu)", ""],
            [f'require {self.expression(1)}, "why"'],
        ]
        if depth:
            body = self.block(depth - 1)
            kinds += [["for k in 0..H - 1:", *body], ["if H > 1:", *body, "else:", *body]]
        return self.random.choice(kinds)

    def block(self, depth: int) -> list[str]:
        width = self.random.choice(["  ", "    "])
        lines = [s for _ in range(self.random.randint(1, 3)) for s in self.statement(depth)]
        return [width + line.replace("\n", "\n" + width) for line in lines]

    def file(self) -> str:
        lines = ['use A as B from "a.cell"', "# a comment", "cell A[I, H=I](f = tanh, b = 1.0):"]
        body = self.block(2)
        width = len(body[0]) - len(body[0].lstrip())
        lines += [" " * width + "state h, c: [H] = zeros", *body]
        return "\n".join([*lines, "def f(v: [N], N) = v", ""])


@dataclass
class Record:
    """What was tried and what came back; `failures` is to stay empty."""

    kinds: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0


def damage(text: str, random: random.Random) -> str:
    """The text with a few places replaced, left out, doubled or moved."""
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(text) + 1)
        end = min(len(text), at + random.choice([0, 1, 1, 5, 40]))
        text = text[:at] + random.choice(["", *_STRAY, text[at:end] * 2]) + text[end:]
    return text


def check_text(kind: str, text: str, record: Record) -> None:
    source = Source("fuzz.cell", text)
    report = Report()
    start = time.perf_counter()
    try:
        tree = parse(source, report)
        render_json(report.diagnostics)
        for diagnostic in report.diagnostics:
            render_text(diagnostic)
        if not report.has_errors:
            _check_layout(source, tree)
        elif kind == "sentence":
            raise AssertionError(render_text(report.diagnostics[0]))
    except Exception as error:
        record.failures.append(f"{kind}: {type(error).__name__}: {error}\n{text}")
    record.slowest = max(record.slowest, time.perf_counter() - start)
    record.kinds[kind] += 1
    record.codes.update(d.code for d in report.diagnostics)


def _check_layout(source: Source, tree: object) -> None:
    for ascii in (False, True):
        laid_out = format_source(source, ascii=ascii)
        again = Source("fuzz.cell", laid_out)
        assert parse(again, Report()) == tree, f"another meaning:\n{laid_out}"
        assert format_source(again, ascii=ascii) == laid_out, f"not settled:\n{laid_out}"


def fuzz(count: int, seed: int) -> Record:
    record = Record()
    chosen = random.Random(seed)
    sentences = Sentences(chosen)
    for at in range(count):
        match at % 4:
            case 0:
                check_text("sentence", sentences.file(), record)
            case 1 | 2:
                check_text("damaged", damage(sentences.file(), chosen), record)
            case _:
                length = chosen.randrange(200)
                pool = [*_STRAY, *_LEAVES, *_BINARY, "input", "state", "output", " ", "\n    "]
                text = "".join(chosen.choice(pool) for _ in range(length))
                check_text("random", text, record)
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.perf_counter()
    record = fuzz(options.count, options.seed)
    facts = {
        "count": options.count,
        "seed": options.seed,
        "seconds": round(time.perf_counter() - start, 2),
        "slowest_ms": round(1000 * record.slowest, 1),
        "kinds": record.kinds,
        "codes": dict(sorted(record.codes.items())),
        "failures": record.failures,
    }
    print(json.dumps(facts, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
