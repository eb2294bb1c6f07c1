"""Which form of a cell runs.  In: tensors.  Out: how, or why not by kernels.

    why_plain(tensors)          # "" for kernels, "x is float16", "autocast", …
    is_eager(tensors)           # whether nothing traces or transforms

One rule: kernels run float32 and float64 on the CPU, without autocast.  In eager mode autograd
calls them directly; what PyTorch traces or transforms sees operators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.autograd import forward_ad

from celldsl.runtime.errors import ArgumentError
from celldsl.torch.check import INTEGERS

FORMS = ("kernels", "plain")
_PLAIN_TYPES = (torch.Tensor, torch.nn.Parameter)
Function = TypeVar("Function", bound=Callable[..., Any])
_transforms = torch._C._functorch.peek_interpreter_stack
_modes = torch._C._len_torch_dispatch_stack


def checked_form(form: str | None) -> str | None:
    """The form that is asked for.  Raises ArgumentError."""
    if form is not None and form not in FORMS:
        raise ArgumentError(f'form: expected "kernels", "plain" or None, got {form!r}')
    return form


def not_traced(function: Function) -> Function:
    """Marks a function that `torch.compile` runs once, and does not look into.

    It is what `torch.compiler.assume_constant_result` does.  That imports `torch._dynamo` first,
    which takes as long as PyTorch itself and needs a temporary folder that can be written.
    """
    vars(function)["_dynamo_marked_constant"] = True
    return function


def why_plain(tensors: Iterable[torch.Tensor]) -> str:
    """What keeps kernels from running over tensors; nothing where nothing does."""
    if torch.is_autocast_enabled("cpu"):
        return "autocast is on"
    dtype: Any = None
    for each in tensors:
        if each.device.type != "cpu":
            return f"a tensor is on {each.device}"
        if each.dtype in INTEGERS or each.dtype is torch.bool:
            continue
        if dtype is None:
            dtype = each.dtype
            if dtype not in (torch.float32, torch.float64):
                return f"a tensor is of {dtype}"
        elif each.dtype is not dtype:
            return f"tensors are of {dtype} and {each.dtype}"
    if torch.compiler.is_compiling():
        return ""
    if forward_ad._current_level >= 0:
        return "derivatives go forward"
    return _why_transformed()


def _why_transformed() -> str:
    if _transforms() is None:
        return ""
    kinds = [str(each.key()) for each in torch._C._functorch.get_interpreter_stack() or ()]
    if any(kind.endswith("Jvp") for kind in kinds):
        return "derivatives go forward"
    if sum(kind.endswith("Grad") for kind in kinds) > 1:
        return "a gradient of a gradient is taken"
    return ""


def is_eager(tensors: Iterable[torch.Tensor]) -> bool:
    """Whether nothing traces or transforms what is done with tensors."""
    if torch.compiler.is_compiling() or _transforms() is not None or _modes():
        return False
    return all(type(each) in _PLAIN_TYPES for each in tensors)


def is_transformed() -> bool:
    """Whether `torch.func` is at work, outside of compilation, which sees to that itself."""
    return not torch.compiler.is_compiling() and _transforms() is not None


def is_known(tensors: Iterable[torch.Tensor]) -> bool:
    """Whether operators can take tensors of these classes: others say themselves what they do."""
    if torch.compiler.is_compiling():
        return True
    return all(type(each) in _PLAIN_TYPES or isinstance(each, FakeTensor) for each in tensors)
