"""`celldsl lsp`.  In: an editor's messages on standard input.  Out: answers on standard output."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from celldsl.cli.output import CommandError

EXAMPLE = "celldsl lsp          # an editor starts it and speaks with it"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--stdio", action="store_true", help="what it does in any case")


def run(arguments: Namespace) -> int:
    try:
        import pygls.lsp.server  # noqa: F401
    except ImportError:
        needed = 'the language server needs pygls 2: pip install "celldsl[lsp]"'
        raise CommandError(needed) from None
    from celldsl.editors.server import serve

    # What is printed by whom it may be must not get in between the messages.
    with os.fdopen(os.dup(0), "rb") as incoming, os.fdopen(os.dup(1), "wb") as outgoing:
        os.dup2(2, 1)
        serve(incoming, outgoing)
    return 0
