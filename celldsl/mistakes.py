"""Errors that are somebody's own mistake.  In: an exception.  Out: a traceback that ends with them.

    class ArgumentError(Mistake, ValueError): …

What is wrong is in the caller's line or in their cell, and the message says where; our frames below
would hide it.  Where nobody catches such an error, Python shows the frames down to the last that is
not ours; so it does where the error is the cause of another one, or in a group.
`CELLDSL_FULL_TRACEBACKS=1` shows all, and so does whoever asks the exception itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Any

# A module that stands alone carries this file under another name than `celldsl`.
OWN_MODULES = (f"{__name__.rpartition('.')[0]}.", "importlib.", "_frozen_importlib.")
SWITCH = "CELLDSL_FULL_TRACEBACKS"


class Mistake:
    """A base beside a class of exceptions."""

    def __new__(cls, *args: Any, **named: Any) -> Any:
        show_short_tracebacks()
        return super().__new__(cls, *args, **named)


def show_short_tracebacks() -> None:
    """Puts what shortens tracebacks before the hooks that are there, once.

    It is the first error that does so: who only imports celldsl finds Python as it was.
    """
    # Imported late: `celldsl check` does without, as long as nothing is wrong.
    import threading

    # Who took a hook away has none afterwards either.
    hook = getattr(sys, "excepthook", None)
    if callable(hook) and hook not in _HOOKS:
        _HOOKS.append(_hook_before(hook))
        sys.excepthook = _HOOKS[-1]
    hook = getattr(threading, "excepthook", None)
    if callable(hook) and hook not in _THREAD_HOOKS:
        _THREAD_HOOKS.append(_thread_hook_before(hook))
        threading.excepthook = _THREAD_HOOKS[-1]


_HOOKS: list[Any] = []
_THREAD_HOOKS: list[Any] = []


def _hook_before(hook: Any) -> Any:
    def shown(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
        _shorten_others(error)
        hook(kind, error, shortened(error, traceback))

    return shown


def _thread_hook_before(hook: Any) -> Any:
    def shown(args: Any) -> None:
        _shorten_others(args.exc_value)
        shortened(args.exc_value, args.exc_traceback)
        hook(args)

    return shown


def _shorten_others(error: BaseException | None) -> None:
    """Shortens what is shown with an error: causes, contexts, and those of a group."""
    met, coming = {id(error)}, _beside(error)
    while coming:
        each = coming.pop()
        if id(each) not in met:
            met.add(id(each))
            shortened(each, each.__traceback__)
            coming += _beside(each)


def _beside(error: BaseException | None) -> list[BaseException]:
    # Python 3.10 has no groups; what others make for it has the same attribute.
    inner = getattr(error, "exceptions", ())
    found = [*inner] if isinstance(inner, list | tuple) else []
    if error is not None:
        found += [error.__cause__, error.__context__]
    return [each for each in found if isinstance(each, BaseException)]


def shortened(error: BaseException | None, traceback: TracebackType | None) -> TracebackType | None:
    """The traceback of a mistake without our frames at its end; the error has it from now on."""
    if not isinstance(error, Mistake) or os.environ.get(SWITCH):
        return traceback
    assert isinstance(error, BaseException)
    frames = list(_entries(traceback))
    while frames and _is_own(frames[-1]):
        frames.pop()
    if not frames:  # all of it is ours
        return traceback
    found: TracebackType | None = None
    for each in reversed(frames):
        found = TracebackType(found, each.tb_frame, each.tb_lasti, each.tb_lineno)
    error.__traceback__ = found
    context = error.__context__
    if error.__cause__ is None and context is not None:
        own = all(_is_own(each) for each in _entries(context.__traceback__))
        error.__suppress_context__ = error.__suppress_context__ or own
    return found


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _is_own(entry: TracebackType) -> bool:
    """Whether a frame is of celldsl, of a module that it generated, or of an import by it."""
    name = entry.tb_frame.f_globals.get("__name__", "")
    return f"{name}.".startswith(OWN_MODULES)
