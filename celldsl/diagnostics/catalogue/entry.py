"""What is said about one code.  In: nothing.  Out: Entry."""

from __future__ import annotations

from celldsl.structs import record


@record
class Entry:
    """A title for lists, an explanation in whole sentences, and a file of each kind."""

    title: str
    explanation: str
    bad: str = ""
    good: str = ""


def cell(*lines: str, out: str = "h'") -> str:
    """A whole file of one cell with these equations, and what it needs besides."""
    body = [*lines]
    if not any(line.startswith("h' =") for line in lines):
        body.append("h' = tanh(x + h)")
    body = ["input x: [H]", "state h: [H]", *body, f"output {out}"]
    if not any("h'" in part for part in out.split(",")) and "h'" not in "".join(lines):
        body[-1] = f"output {out}, h'"
    return "cell C[H]:\n" + "".join(f"    {line}\n" for line in body)
