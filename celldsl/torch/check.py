"""Checks of what is passed to a layer.  In: tensors, names, shapes.  Out: nothing, or errors.

    x: expected (T, B, I=28), got (32, 100, 27)

Before anything runs, in the words of PyTorch and the cell's own dims.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn.utils.rnn import PackedSequence

from celldsl.runtime.arrays import options
from celldsl.runtime.arrays.inputs import refuse_one_hot
from celldsl.runtime.arrays.signature import Slot
from celldsl.runtime.arrays.validation import by_name, shape_words
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError

# What words of other libraries lead to in a layer.
ANSWERS = {
    **options.ANSWERS,
    "training": "masks are drawn after layer.train(), and rest after layer.eval()",
    "seed": "masks and parameters are drawn from PyTorch's generator: torch.manual_seed",
    "reverse": "a layer is built with bidirectional=True, and x.flip(0) turns sequences round",
    "batch_first": "a layer is built with it: RNN(…, batch_first=True)",
    "num_layers": "layers are RNN(…, num_layers=2); Cell is one step of one",
    "bidirectional": "a step has no direction; RNN(…, bidirectional=True) has both",
    "engine": 'a layer is built with form="kernels" or form="plain"',
    "check_numerics": "CELLDSL_CHECK_NUMERICS=1 in the environment asks for it",
}
INTEGERS = {torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8}


def given_tensors(inputs: Any, named: Mapping[str, Any], names: tuple[str, ...]) -> list[Any]:
    """The inputs in order, passed as one value or by keyword."""
    if inputs is None:
        found = [named.get(name) for name in names]
    elif named:
        raise ArgumentTypeError("inputs: pass them in order or by keyword, not both")
    elif isinstance(inputs, torch.Tensor | PackedSequence) and len(names) == 1:
        return [inputs]
    else:
        found = by_name("inputs", inputs, names)
    for name, value in zip(names, found, strict=True):
        if value is None:
            raise ArgumentTypeError(f"{name}: no tensor was passed")
    return found


def refuse_in_order(layer: str, given: tuple[Any, ...]) -> None:
    """Raises where sizes are passed as `nn.GRU` takes them."""
    if given:
        told = ", ".join(map(repr, given))
        raise ArgumentTypeError(
            f"{layer}(cell, {told}): sizes go by name, as the cell has them: "
            f"{layer}(cell, I=…, H=…)"
        )


def check_tensor(
    name: str, value: Any, like: torch.Tensor | None, words: Callable[[], str]
) -> None:
    """Whether it is a tensor of real numbers, of the dtype of `like` and on its device.

    Under autocast, and where there are no parameters to say so, any floating dtype will do.
    """
    check_is_tensor(name, value, words)
    _check_real(name, value, like)
    _check_device(name, value, like)


def check_input(slot: Slot, value: Any, like: torch.Tensor | None, lead: Sequence[str]) -> None:
    """Whether it is a tensor of what the input holds, on the device of `like`."""

    def words() -> str:
        return shape_words((*lead, *slot.axes), (*[None] * len(lead), *slot.shape))

    check_is_tensor(slot.name, value, words)
    match slot.kind:
        case "int":
            refuse_one_hot(slot.name, value.shape, len(lead), slot.limit)
            if value.dtype not in INTEGERS:
                raise ArgumentTypeError(
                    f"{slot.name}: expected integers, got {value.dtype}; pass {slot.name}.long()"
                )
        case "bool":
            if value.dtype is not torch.bool:
                raise ArgumentTypeError(
                    f"{slot.name}: expected truth values, got {value.dtype}; pass {slot.name} != 0"
                )
        case _:
            _check_real(slot.name, value, like)
    _check_device(slot.name, value, like)


def check_range(slot: Slot, value: torch.Tensor) -> None:
    """Whether integers are below their limit, where their values are known and on the CPU.

    On another device the question would wait for all that was launched there.
    """
    if slot.kind != "int" or not value.is_cpu or not has_values(value):
        return
    wrong = (value < 0) | (value >= slot.limit)
    if wrong.any():
        place = wrong.nonzero()[0].tolist()
        told = f"{slot.name}[{', '.join(map(str, place))}] is {int(value[tuple(place)])}"
        raise ArgumentError(
            f"{slot.name}: expected integers from 0 to {slot.limit - 1}, but {told}"
        )


def checked_dtype(dtype: Any) -> torch.dtype:
    """That of real numbers; without one PyTorch's default.  Raises."""
    if dtype is None:
        return torch.get_default_dtype()
    if not isinstance(dtype, torch.dtype):
        near = getattr(torch, str(np.dtype(dtype)) if _is_numpy(dtype) else str(dtype), None)
        told = f"; pass {near}" if isinstance(near, torch.dtype) else ""
        raise ArgumentTypeError(f"dtype: expected one of PyTorch's, got {dtype!r}{told}")
    if not dtype.is_floating_point:
        raise ArgumentError(f"dtype: expected one of real numbers, got {dtype}")
    return dtype


def _is_numpy(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) or (
        isinstance(dtype, type) and issubclass(dtype, np.generic)
    )


def given_settings(settings: Any, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a mapping and those by keyword."""
    if settings is not None and not isinstance(settings, Mapping):
        raise ArgumentTypeError(
            f"settings: expected a mapping of names to values, got {type(settings).__name__}"
        )
    twice = [name for name in sizes if name in (settings or {})]
    if twice:
        raise ArgumentTypeError(f"{twice[0]}: was passed twice, by keyword and in settings")
    return {**(settings or {}), **sizes}


def has_values(tensor: torch.Tensor) -> bool:
    """Whether its numbers can be looked at: nothing compiles or transforms, and there are some."""
    if torch.compiler.is_compiling() or isinstance(tensor, FakeTensor):
        return False
    return not torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def check_is_tensor(name: str, value: Any, words: Callable[[], str]) -> None:
    if not isinstance(value, torch.Tensor):
        raise ArgumentTypeError(
            f"{name}: expected a tensor {words()}, got {type(value).__name__}{_advice(name, value)}"
        )
    if value.is_nested:
        raise ArgumentTypeError(
            f"{name}: expected a tensor {words()}, got a nested one; pass "
            f"torch.nested.to_padded_tensor({name}, 0.0) and lengths="
        )
    if value.layout is not torch.strided:
        raise ArgumentTypeError(
            f"{name}: expected a tensor {words()}, got one of {value.layout}; pass "
            f"{name}.to_dense()"
        )


def refuse_tracing() -> None:
    """Raises where TorchScript would write down one number of steps for all."""
    if torch._C._get_tracing_state() is not None:
        raise RuntimeError(
            "TorchScript (torch.jit.trace, torch.onnx.export with dynamo=False) is not supported: "
            "it would fix the number of steps; use torch.export or torch.compile"
        )


def _advice(name: str, value: Any) -> str:
    """What makes a tensor of it, where something does."""
    match value:
        case np.ndarray():
            return f"; pass torch.from_numpy({name})"
        case list() | tuple():
            return f"; pass torch.tensor({name})"
    return f"; pass torch.tensor(np.asarray({name}))" if hasattr(value, "__array__") else ""


def _check_real(name: str, value: torch.Tensor, like: torch.Tensor | None) -> None:
    wanted = None if like is None else like.dtype
    if not value.is_floating_point() or (
        wanted is not None and value.dtype != wanted and not _is_cast(value)
    ):
        told = f"{wanted or 'real numbers'}"
        dtype = wanted or torch.get_default_dtype()
        given = f"torch.view_as_real({name})" if value.is_complex() else name
        raise ArgumentTypeError(
            f"{name}: expected {told}, as the layer's parameters are, got {value.dtype}; pass "
            f"{given}.to({dtype})"
        )


def _check_device(name: str, value: torch.Tensor, like: torch.Tensor | None) -> None:
    if like is not None and value.device != like.device:
        raise ArgumentError(
            f"{name}: expected a tensor on {like.device}, where the layer's parameters are, got "
            f"one on {value.device}; pass {name}.to({str(like.device)!r})"
        )


def _is_cast(value: torch.Tensor) -> bool:
    return bool(torch.is_autocast_enabled(value.device.type))


def check_shape(
    name: str, value: torch.Tensor, slot: Slot, lead: Sequence[str], sizes: Sequence[int | None]
) -> None:
    """Whether a tensor has axes called `lead` of these sizes (None: any), then those of a slot."""
    wanted = (*sizes, *slot.shape)
    found = tuple(value.shape)
    fits = len(found) == len(wanted) and all(
        want is None or want == got for want, got in zip(wanted, found, strict=True)
    )
    if not fits:
        words = shape_words((*lead, *slot.axes), wanted)
        raise ArgumentError(f"{name}: expected {words}, got {found}{_turned(found, wanted, lead)}")


def _turned(found: tuple[int, ...], wanted: tuple[int | None, ...], lead: Sequence[str]) -> str:
    """What to do where the first two axes were exchanged."""
    if len(found) != len(wanted) or len(lead) != 2 or found[2:] != wanted[2:]:
        return ""
    turned = zip(wanted[:2], found[1::-1], strict=True)
    if not all(want is None or want == got for want, got in turned):
        return ""
    return "; its first two axes look exchanged (batch_first)"


def check_lengths(lengths: Any, steps: int, batch: int) -> torch.Tensor:
    """`lengths` (B,) as int64 on the CPU.  Raises where one is negative or over T."""
    if not isinstance(lengths, torch.Tensor):
        raise ArgumentTypeError(
            f"lengths: expected a tensor of (B={batch},) integers, got {type(lengths).__name__}; "
            "pass torch.as_tensor(lengths)"
        )
    if lengths.dtype not in INTEGERS:
        raise ArgumentTypeError(
            f"lengths: expected integers, got {lengths.dtype}; pass lengths.long()"
        )
    if tuple(lengths.shape) != (batch,):
        raise ArgumentError(f"lengths: expected (B={batch},), got {tuple(lengths.shape)}")
    found = lengths.to(device="cpu", dtype=torch.int64)
    if has_values(found):
        check_known_lengths(found, steps)
    return found


def check_known_lengths(lengths: torch.Tensor, steps: int) -> None:
    """Raises where one is negative or over T."""
    wrong = ((lengths < 0) | (lengths > steps)).nonzero()
    if len(wrong):
        place = int(wrong[0, 0])
        raise ArgumentError(
            f"lengths: expected 0 to T={steps}, got {int(lengths[place])} for sequence {place}"
        )


def check_resets(resets: Any, lead: Sequence[str], sizes: Sequence[int]) -> torch.Tensor:
    """Truth values of this shape, (T, B) by its names."""
    if not isinstance(resets, torch.Tensor):
        raise ArgumentTypeError(
            f"resets: expected a tensor of truth values, got {type(resets).__name__}; pass "
            "torch.as_tensor(resets)"
        )
    if resets.dtype != torch.bool:
        raise ArgumentTypeError(
            f"resets: expected truth values, got {resets.dtype}; pass resets != 0"
        )
    if tuple(resets.shape) != tuple(sizes):
        words = shape_words(lead, sizes)
        turned = tuple(resets.shape) == tuple(sizes)[::-1] and len(sizes) > 1
        hint = "; pass resets.T" if turned else ""
        raise ArgumentError(f"resets: expected {words}, got {tuple(resets.shape)}{hint}")
    return resets
