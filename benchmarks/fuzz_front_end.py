"""Throws texts at the front end.  In: a count and a seed.  Out: a record of what came back.

    python benchmarks/fuzz_front_end.py --count 200000 --seed 1 --out record.json

Five kinds of text: sentences made from the grammar, the same damaged, cells of the repository
(good ones and bad ones) with tokens exchanged, the same damaged, and characters at random.  Each is
checked as `celldsl check` does, and its diagnostics are shown.  Nothing may raise, take more than
two seconds of CPU time or a gigabyte, or leave a sentence of the grammar without a tree; what
parses must be laid out to something equal.  Failures are told apart by where they were raised.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.render import render_json, render_text
from celldsl.diagnostics.span import Source
from celldsl.pipeline import check_source
from celldsl.syntax.format.format import format_source
from celldsl.syntax.lexer import raw_tokens
from celldsl.syntax.parse import parse

ROOT = Path(__file__).parents[1]
SECONDS = 2.0
BYTES = 2**30
PART = 2000
_LEAVES = ["x", "h", "h'", "H", "2", "0.5", "1e-8", "inf", "γ_x", "hₜ₋₁", "hₜ", "g.h'", "true",
           "1i", "0.5i", "z", "token", "E[token]", "b", "y[k]", "y[k-1]", "h'[k]"]  # fmt: skip
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
                lambda: f"sum(for k in 0..{part(0)}: {part(depth - 1)})",
                lambda: f'einsum("ij,j->i", {part(depth - 1)}, {part(0)})',
                lambda: f"grad({part(0)}, [{part(0)}, h])",
                lambda: f"clip_gradient({part(depth - 1)}, -{part(0)}, {part(0)})",
                lambda: f'ode(f, [{part(0)}], {part(0)}, method="rk4", steps=2, args=[{part(0)}])',
                lambda: f"g({part(depth - 1)}, h={part(0)})",
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
            ["sub g = inner[_, H]", "sub f = shared g"],
            ["q = silu(x)", f"q = {value}"],
            ["input c, d: [I] per sequence", "input token: int[H] per sequence"],
            ["input b: bool[I]", f"state z: complex[H] = {self.expression(1)}"],
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
        lines = [
            'use A as B from "a.cell"',
            "# a comment",
            "cell A[I, H=I](f = tanh, b = 1.0, inner = A):",
        ]
        body = self.block(2)
        width = len(body[0]) - len(body[0].lstrip())
        lines += [" " * width + "state h, c: [H] = zeros", *body]
        shared = self.random.choice(["", "shared "])
        return "\n".join([*lines, f"{shared}def f(v: [N], N) = v", ""])


class Cells:
    """Cells of the repository, and changes of them that keep most of their sense."""

    def __init__(self, random: random.Random) -> None:
        self.random = random
        paths = [p for top in ("examples", "tests") for p in sorted((ROOT / top).rglob("*.cell"))]
        raw = [p.read_bytes().decode("utf-8", "replace") for p in paths]
        self.texts = [text for text in raw if len(text) < 3000]

    def choose(self) -> str:
        return self.random.choice(self.texts)

    def exchange(self) -> str:
        """A cell in which tokens stand in for others of the same kind, of it or of another."""
        text = self.choose()
        tokens = raw_tokens(text)
        pool = [*tokens, *raw_tokens(self.choose())]
        chosen = self.random.sample(tokens, min(len(tokens), 3))
        for token in sorted(chosen, key=lambda token: -token.start):
            same = [other for other in pool if other.type == token.type]
            other = self.random.choice(same if self.random.random() < 0.8 else pool)
            text = text[: token.start] + other + text[token.end :]
        return text


@dataclass
class Record:
    """What was tried and what came back; `failures` is to stay empty, one text for each place."""

    kinds: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    slowest_text: str = ""


class TooSlow(Exception):
    pass


def damage(text: str, random: random.Random) -> str:
    """The text with a few places replaced, left out, doubled or moved."""
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(text) + 1)
        end = min(len(text), at + random.choice([0, 1, 1, 5, 40]))
        text = text[:at] + random.choice(["", *_STRAY, text[at:end] * 2]) + text[end:]
    return text


def check_text(kind: str, text: str, record: Record) -> None:
    start = time.process_time()
    try:
        with _limited(SECONDS):
            report = _checked(kind, text)
        record.codes.update({d.code for d in report.diagnostics})
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        key = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
        record.failures.setdefault(key, f"{kind}: {error}\n{text}")
        record.failed[key] += 1
    seconds = time.process_time() - start
    if seconds > record.slowest:
        record.slowest, record.slowest_text = seconds, text
    record.kinds[kind] += 1


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raises TooSlow after so many seconds of CPU time."""

    def stop(number: int, frame: object) -> None:
        raise TooSlow(f"more than {seconds} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _checked(kind: str, text: str) -> Report:
    source, syntax = Source("fuzz.cell", text), Report()
    tree = parse(source, syntax)
    report = check_source(text, "fuzz.cell")
    render_json(report.diagnostics)
    for diagnostic in report.diagnostics[:20]:
        render_text(diagnostic)
    if not syntax.has_errors:
        _check_layout(source, tree)
    elif kind == "sentence":
        raise AssertionError(render_text(syntax.diagnostics[0]))
    return report


def _check_layout(source: Source, tree: object) -> None:
    # Half of the texts in ASCII: to lay one out twice both ways takes longer than the rest.
    ascii = len(source.text) % 2 == 1
    laid_out = format_source(source, ascii=ascii)
    again = Source("fuzz.cell", laid_out)
    assert parse(again, Report()) == tree, f"another meaning:\n{laid_out}"
    assert format_source(again, ascii=ascii) == laid_out, f"not settled:\n{laid_out}"


def fuzz(count: int, seed: str, record: Record) -> Record:
    """Adds `count` texts to a record."""
    chosen = random.Random(seed)
    sentences, cells = Sentences(chosen), Cells(chosen)
    for at in range(count):
        match at % 6:
            case 0:
                check_text("sentence", sentences.file(), record)
            case 1:
                check_text("damaged sentence", damage(sentences.file(), chosen), record)
            case 2 | 3:
                check_text("exchanged", cells.exchange(), record)
            case 4:
                check_text("damaged cell", damage(cells.choose(), chosen), record)
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
    parser.add_argument("--out", type=Path, help="where the record is kept as it grows")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    start, record, text = time.perf_counter(), Record(), ""
    for first in range(0, options.count, PART):
        fuzz(min(PART, options.count - first), f"{options.seed} {first // PART}", record)
        text = _record_text(record, time.perf_counter() - start)
        if options.out is not None:
            options.out.write_text(text, encoding="utf-8", errors="backslashreplace")
    print(text)


def _record_text(record: Record, seconds: float) -> str:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    facts = {"count": sum(record.kinds.values()), "seconds": round(seconds), "memory_mib": memory}
    return json.dumps({**facts, **vars(record)}, indent=2, ensure_ascii=False)


if __name__ == "__main__":
    main()
