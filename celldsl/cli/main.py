"""The `celldsl` command.  In: arguments.  Out: an exit status.

    status = main(["check", "gru.cell"])

0 done, 1 the input has errors, 2 the command line is wrong, 3 a bug of ours.  Each command is a
module beside this one with `add_arguments(parser)` and `run(arguments) -> int`; only the one that
is asked for is imported, so that `check` starts at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import warnings
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Any

from celldsl.cli.output import CommandError, print_diagnostics
from celldsl.diagnostics.errors import CellError, SettingError
from celldsl.diagnostics.suggest import nearest
from celldsl.version import __version__

# In the order of the work: begin, write, look, learn, ship.
COMMANDS = {
    "new": "begin a cell from one that comes with celldsl",
    "list": "list the cells that come with celldsl",
    "diff": "say how two cells differ, in words and equations",
    "check": "show all that is wrong with files",
    "fmt": "lay files out in the one canonical way",
    "show": "show a cell: shapes and parameters, or a form of it in the compiler",
    "explain": "explain a diagnostic, by its code",
    "gradcheck": "check gradients against differences, in float64",
    "try": "train cells side by side, and say whether they learn",
    "inspect": "show what happens inside a cell along a run, and how far its gradient reaches",
    "compile": "write modules, and compile them ahead of use",
    "bench": "measure how fast a cell is, over sizes, beside others",
    "stubs": "write the types of cells that are imported, for editors and type checkers",
    "lsp": "serve an editor, by the language server protocol",
}
# Python's own word cannot name a module.
MODULES = {"try": "try_cells"}
EXAMPLE = (
    "example:\n  celldsl new Mine --like gru\n  celldsl check mine.cell\n  celldsl COMMAND --help"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.  Errors are printed to stderr; no traceback without CELLDSL_DEBUG=1."""
    if argv is None:
        _collect_seldom()
    _open_streams()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            return _run(list(sys.argv[1:] if argv is None else argv))
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.status
    except SettingError as error:
        print(f"error: --set: {error}", file=sys.stderr)
        return 2
    except CellError as error:
        print_diagnostics(error.diagnostics)
        return 1
    except BrokenPipeError:
        # Whoever read has enough (`celldsl list | head`); the interpreter must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _bug(error)


def _collect_seldom() -> None:
    """Commands make little garbage, and looking for it took a tenth of the time of a short one."""
    gc.set_threshold(50_000)
    # The process ends: nobody needs to look through what is left.
    atexit.register(gc.freeze)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning of ours is for people at a command line, who know none of our lines."""
    print(f"warning: {message}", file=sys.stderr)


def _open_streams() -> None:
    """Lets everything be printed: what a terminal's encoding lacks is escaped, and what was closed
    before we began takes what is written and forgets it."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif isinstance(stream, TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


def _run(argv: list[str]) -> int:
    if argv and argv[0] in COMMANDS:
        return _run_command(argv[0], argv[1:])
    if argv and argv[0] == "help":
        return _run([*argv[1:2], "--help"])
    if argv and not argv[0].startswith("-"):
        raise CommandError(_unknown_command(argv[0]), 2)
    parser = _overview()
    if not argv:
        parser.print_help()
        return 2
    try:
        parser.parse_args(argv)
    except SystemExit as end:
        return int(end.code or 0)
    return 2


def _unknown_command(name: str) -> str:
    if name.endswith(".cell") or "/" in name:
        return f"a command comes first: `celldsl check {name}` or `celldsl show {name}`"
    meant = nearest(name, COMMANDS)
    hint = f"did you mean `celldsl {meant}`?" if meant else f"there are {', '.join(COMMANDS)}"
    return f"there is no command {name}; {hint}"


def _unknown_option(command: str, given: str, parser: ArgumentParser) -> str:
    name, _, _ = given.partition("=")
    if not name.startswith("-"):
        return f"celldsl {command} does not know what to do with {given}; `--help` shows its use"
    known = sorted(parser._option_string_actions)
    meant = nearest(name, known)
    told = f"did you mean {meant}?" if meant else f"there are {', '.join(known)}"
    return f"celldsl {command} has no option {name}; {told}"


def _run_command(name: str, argv: list[str]) -> int:
    module = import_module(f"celldsl.cli.commands.{MODULES.get(name, name)}")
    parser = ArgumentParser(
        prog=f"celldsl {name}",
        description=f"{COMMANDS[name].capitalize()}.",
        epilog=f"example:\n  {module.EXAMPLE}",
        formatter_class=_help,
    )
    module.add_arguments(parser)
    try:
        arguments, unknown = parser.parse_known_args(argv)
    except SystemExit as end:
        return int(end.code or 0)
    if unknown:
        raise CommandError(_unknown_option(name, unknown[0], parser), 2)
    status: int = module.run(arguments)
    sys.stdout.flush()
    return status


def _help(prog: str) -> RawDescriptionHelpFormatter:
    """As wide as the terminal.  Without a width argparse imports a module that archives files."""
    try:
        columns = int(os.environ.get("COLUMNS") or os.get_terminal_size().columns)
    except (ValueError, OSError):
        columns = 80
    return RawDescriptionHelpFormatter(prog, width=columns - 2)


def _overview() -> ArgumentParser:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {what}" for name, what in COMMANDS.items()]
    parser = ArgumentParser(
        prog="celldsl",
        usage="%(prog)s [-h] [--version] COMMAND …",
        description="Recurrent cells written as their equations.\n\ncommands:\n" + "\n".join(lines),
        epilog=EXAMPLE,
        formatter_class=_help,
    )
    parser.add_argument("--version", action="version", version=f"celldsl {__version__}")
    parser.add_argument("command", nargs="?", help=SUPPRESS)
    return parser


def _bug(error: Exception) -> int:
    if os.environ.get("CELLDSL_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    print(
        f"celldsl {__version__} has a bug: {type(error).__name__}: {error}\n"
        "Please report it, with the file and the command, where `pip show celldsl` says; "
        "CELLDSL_DEBUG=1 shows where it is.",
        file=sys.stderr,
    )
    return 3
