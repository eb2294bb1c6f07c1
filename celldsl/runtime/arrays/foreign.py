"""Arrays of other libraries.  In: what was passed for an array.  Out: what to write instead.

    advice("x", tensor, "float32")      # x.detach().cpu().numpy()

Types are known by the names of their modules, so that nothing is imported for it.
"""

from __future__ import annotations

import numpy as np

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
