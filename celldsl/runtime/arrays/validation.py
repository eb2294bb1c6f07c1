"""Checks of what a user passes.  In: names, arrays, sizes.  Out: flat arrays, or errors that help.

    check_array("x", x, dtype, (None, None, 28), lambda: "(T, B, I=28)")
    declared_words("[2*H]", (256,))                         # (2*H=256,)
    shape_words(("T", "B", "I"), (None, None, 28))          # (T, B, I=28)
    advice("x", tensor, "float32")                          # x.detach().cpu().numpy()

Every message names the argument, what was expected in the cell's own dims, and what was passed:
`x: expected (T, B, I=28), got (100, 32, 27)`.  Nothing is cast or broadcast.  Of an array of
another library it says what to write instead; types are known by the names of their modules, so
that nothing is imported for it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import DTypeLike

from celldsl.runtime.errors import (
    ArgumentError,
    ArgumentTypeError,
    WeightsWarning,
    caller_level,
    unknown_argument,
)

DType: TypeAlias = "np.dtype[Any]"
Values: TypeAlias = "np.ndarray[Any, DType]"
Expected = tuple[int | None, ...]


def check_array(
    name: str, value: object, dtype: DTypeLike, shape: Expected, words: Callable[[], str]
) -> Values:
    """`value`, checked, contiguous and writeable: itself where it is so already, else a copy.

    A size of None in `shape` is free; `words` says the shape in an error.  Raises ArgumentTypeError
    for what is no array or has another dtype, ArgumentError for another shape.
    """
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        expected = f"a NumPy array {words()}".rstrip()
        raise ArgumentTypeError(
            f"{name}: expected {expected} of {dtype}, got {kind_of(value)}"
            f"{advice(name, value, dtype)}"
        )
    if value.dtype != dtype:
        given = f"{name}.astype(np.{dtype})"
        if value.dtype.kind == "c":
            parts = f"np.stack([{name}.real, {name}.imag], axis=-1)"
            given = f"both parts of complex numbers: {parts}.astype(np.{dtype})"
        raise ArgumentTypeError(f"{name}: expected {dtype}, got {value.dtype}; pass {given}")
    found = value.shape
    if found != shape and (len(found) != len(shape) or not _free_fit(found, shape)):
        raise ArgumentError(f"{name}: expected {words()}, got {found}")
    # Compiled kernels take plain arrays that are aligned, contiguous and writeable, and no others.
    if type(value) is np.ndarray and value.flags.carray:
        return value
    return np.array(value, order="C", subok=False)


def is_plain(value: object, shape: tuple[int, ...], dtype: DType) -> TypeGuard[Values]:
    """Whether `check_array` would return the value itself."""
    return (
        type(value) is np.ndarray
        and value.shape == shape
        and value.dtype == dtype
        and value.flags.carray
    )


def _free_fit(found: tuple[int, ...], shape: Expected) -> bool:
    return all(want is None or want == got for want, got in zip(shape, found, strict=True))


def check_lengths(lengths: object, steps: int, batch: int) -> Values:
    """`lengths` (B,) as int64.  Raises where one is negative or more than there are steps."""
    if type(lengths) is np.ndarray and lengths.dtype == np.int64 and lengths.shape == (batch,):
        plain: Values = lengths
        if _are_lengths(lengths.tobytes(), steps):
            return plain
    if not isinstance(lengths, np.ndarray) or isinstance(lengths, np.ma.MaskedArray):
        raise ArgumentTypeError(
            f"lengths: expected a NumPy array (B={batch},) of integers, got {kind_of(lengths)}"
            f"{advice('lengths', lengths, 'int64')}"
        )
    if lengths.dtype.kind not in "iu":
        raise ArgumentTypeError(
            f"lengths: expected integers, got {lengths.dtype}; pass lengths.astype(np.int64)"
        )
    if lengths.shape != (batch,):
        raise ArgumentError(f"lengths: expected (B={batch},), got {lengths.shape}")
    wrong = np.flatnonzero((lengths < 0) | (lengths > steps))
    if wrong.size:
        place = int(wrong[0])
        raise ArgumentError(
            f"lengths: expected 0 to T={steps}, got {lengths[place]} for sequence {place}"
        )
    return lengths.astype(np.int64)


@lru_cache(maxsize=64)
def _are_lengths(numbers: bytes, steps: int) -> bool:
    found = np.frombuffer(numbers, np.int64)
    return bool(((found >= 0) & (found <= steps)).all())


def check_resets(
    resets: object, shape: tuple[int, ...], names: tuple[str, ...], called: str = "resets"
) -> Values:
    """An array of truth values of this shape, (T, B) or (B,) by its `names`."""
    if type(resets) is np.ndarray and resets.dtype == np.bool_ and resets.shape == shape:
        plain: Values = resets
        return plain
    wanted = ", ".join(f"{name}={size}" for name, size in zip(names, shape, strict=True))
    wanted += "," * (len(shape) == 1)
    if not isinstance(resets, np.ndarray) or isinstance(resets, np.ma.MaskedArray):
        raise ArgumentTypeError(
            f"{called}: expected a NumPy array ({wanted}) of truth values, got {kind_of(resets)}"
            f"{advice(called, resets, 'bool_')}"
        )
    if resets.dtype != np.bool_:
        raise ArgumentTypeError(
            f"{called}: expected truth values, got {resets.dtype}: pass `{called} != 0`"
        )
    if resets.shape != shape:
        turned = resets.shape == shape[::-1] and len(shape) > 1
        hint = f": arrays are time-major, pass {called}.T" if turned else ""
        raise ArgumentError(f"{called}: expected ({wanted}), got {resets.shape}{hint}")
    return np.asarray(resets)


def check_dtype(dtype: DTypeLike) -> DType:
    """The dtype of a cell: float32 or float64."""
    try:
        # NumPy takes None for float64.
        found: DType = np.dtype(bool if dtype is None else dtype)
    except TypeError:
        found = np.dtype(bool)
    if found not in (np.dtype("float32"), np.dtype("float64")):
        raise ArgumentError(f'dtype: expected "float32" or "float64", got {dtype!r}')
    return found


def check_flag(name: str, value: object) -> bool:
    """A truth value, which is `True` or `False` and nothing else."""
    if not isinstance(value, bool | np.bool_):
        raise ArgumentTypeError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def warn_not_finite(name: str, array: Values, tell: bool = True) -> bool:
    """Whether all numbers are finite; where they are not, a WeightsWarning says so."""
    with np.errstate(all="ignore"):
        if np.isfinite(np.add.reduce(array, axis=None)):
            return True
    wrong = np.argwhere(~np.isfinite(array))
    if tell and len(wrong):
        place = f"[{', '.join(map(str, wrong[0]))}]" if array.ndim else ""
        warnings.warn(
            f"{name} is not finite: {name}{place} is {array[tuple(wrong[0])]}",
            WeightsWarning,
            stacklevel=caller_level(),
        )
    return not len(wrong)


def check_integer(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ArgumentTypeError(f"{name}: expected an integer, got {value!r}")
    if value < least:
        raise ArgumentError(f"{name}: expected {least} or more, got {value}")
    return int(value)


def by_name(what: str, value: object, names: tuple[str, ...]) -> list[object]:
    """What was passed for several names, in their order; None for those left out of a mapping.

    `value` is a mapping, a (named) tuple or list, or, where there is one name, the value itself.
    """
    if isinstance(value, Mapping):
        for key in value:
            if key not in names:
                raise unknown_argument(what, str(key), names)
        return [value.get(name) for name in names]
    if isinstance(value, tuple) or (isinstance(value, list) and len(names) > 1):
        if len(value) != len(names):
            raise ArgumentTypeError(
                f"{what}: expected {len(names)} ({', '.join(names)}), got {len(value)}"
            )
        return list(value)
    if len(names) == 1:
        return [value]
    found = type(value).__name__
    raise ArgumentTypeError(
        f"{what}: expected a tuple or mapping of {', '.join(names)}, got {found}"
    )


def axes_of(text: str) -> tuple[str, ...]:
    """`[2*H, I]` as its axes; `int[V]` has none."""
    inside = re.search(r"\[(.*)\]", text)
    if inside is None or text.startswith("int"):
        return ()
    return tuple(axis.strip() for axis in inside[1].split(",") if axis.strip())


def axis_words(name: str, size: int | None) -> str:
    """`I=28`, or `I` where the size is free, or `3`."""
    return name if size is None or name == str(size) else f"{name}={size}"


def shape_words(axes: Iterable[str], sizes: Iterable[int | None]) -> str:
    parts = [axis_words(axis, size) for axis, size in zip(axes, sizes, strict=True)]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def declared_words(text: str, shape: tuple[int, ...]) -> str:
    """A declared shape with its sizes."""
    return shape_words(axes_of(text), shape)


# Of a type's module: what makes an array of `{x}`, and may make one of another dtype.
CONVERSIONS = {
    "torch": "{x}.detach().cpu().numpy()",
    "tensorflow": "{x}.numpy()",
    "jax": "np.asarray({x})",
    "jaxlib": "np.asarray({x})",
    "mlx": "np.array({x})",
    "cupy": "{x}.get()",
    "pandas": "{x}.to_numpy(np.{dtype})",
    "polars": "{x}.to_numpy().astype(np.{dtype})",
    "xarray": "{x}.to_numpy()",
    "scipy": "{x}.toarray()",
    "builtins": "np.array({x}, dtype=np.{dtype})",
}
FILLS = {"b": "False", "i": "0", "u": "0"}
SEQUENCES = (list, tuple, range)
NUMBERS = (int, float, complex, np.generic)


def advice(name: str, value: object, dtype: object) -> str:
    """`; pass x.numpy()` for what can be made an array of, else nothing."""
    if isinstance(value, np.ma.MaskedArray):
        fill = FILLS.get(value.dtype.kind, "0.0")
        ends = "" if name == "lengths" else ", and lengths where rows end early"
        return f"; say what stands in masked places: pass {name}.filled({fill}){ends}"
    if not (isinstance(value, SEQUENCES) or is_array_of_another_library(value)):
        return ""
    write = CONVERSIONS[_library_of(value)]
    return f"; pass {write.format(x=name, dtype=dtype)}"


def is_array_of_another_library(value: object) -> bool:
    known = _library_of(value) in CONVERSIONS and hasattr(value, "shape")
    return known and not isinstance(value, NUMBERS)


def kind_of(value: object) -> str:
    """A type's name as its library writes it: `torch.Tensor`, `list`."""
    library = _library_of(value)
    name = type(value).__name__
    return name if library in ("builtins", "numpy", "celldsl") else f"{library}.{name}"


def _library_of(value: object) -> str:
    return type(value).__module__.partition(".")[0]
