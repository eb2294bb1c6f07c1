"""Errors that end a command.  In: a sentence and a status.  Out: CommandError."""

from __future__ import annotations


class CommandError(Exception):
    """`status` is 1 where the input is wrong and 2 where the command line is."""

    def __init__(self, message: str, status: int = 1) -> None:
        self.status = status
        super().__init__(message)
