"""`celldsl inspect FILE`.  In: a cell, its weights, an input.  Out: words, and pictures.

What the words and pictures are is in `celldsl/inspection`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from celldsl.cli.options import add_choice, parse_settings, whole
from celldsl.cli.output import PICTURES, CommandError, write_figure

EXAMPLE = (
    "celldsl inspect lstm --set I=8 --set H=32\n"
    "  celldsl inspect mine.cell --weights mine.safetensors --input x.npy --out pictures"
)
STEPS, BATCH = 100, 4


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .cell file, or a cell that comes along")
    parser.add_argument("--weights", type=Path, metavar="W", help="what `cell.save` wrote")
    what = "x.npy (T, B, …) or (T, …), or an .npz with an array for each input"
    drawn = f"(default: {STEPS} steps of {BATCH} sequences, drawn)"
    parser.add_argument("--input", type=Path, metavar="X", help=f"{what} {drawn}")
    parser.add_argument("--row", type=whole(0), default=0, metavar="B", help="the sequence to draw")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where pictures go (default: none are drawn)"
    )
    add_choice(parser)


def run(arguments: Namespace) -> int:
    from celldsl.inspection.seen import look
    from celldsl.runtime.errors import ArgumentError, ArgumentTypeError, WeightsError

    _check_folder(arguments.out)
    try:
        cell = _cell(arguments)
        x = _drawn(cell) if arguments.input is None else _read(cell, arguments.input)
        batch = next(a.shape[1] for name, a in x.items() if name in _each_step(cell))
        if not 0 <= arguments.row < batch:
            raise CommandError(f"--row: there are {batch} sequences, from 0", 2)
        seen = look(cell, x, row=arguments.row)
    except (ArgumentError, ArgumentTypeError, WeightsError) as error:
        raise CommandError(str(error)) from None
    print(seen.told())
    if arguments.out is not None:
        _draw(seen, arguments.out)
    return 0


def _check_folder(path: Path | None) -> None:
    """Before anything is computed; there are several pictures."""
    if path is None or path.is_dir() or (path.suffix not in PICTURES and not path.exists()):
        return
    told = "pictures go into a folder"
    raise CommandError(f"--out: {told}, and {path} is a file; `--out {path.stem}` would do", 2)


def _cell(arguments: Namespace) -> Any:
    """With the weights of a file, which has the sizes too, or as it begins."""
    from celldsl.api import load

    found = load(arguments.file, arguments.cell, arguments.root)
    settings = parse_settings(arguments.set)
    if arguments.weights is None:
        _require_sizes(found, settings)
        return found(**settings)
    if settings:
        raise CommandError("--set: the weights have the sizes and hyperparameters already", 2)
    return found.from_file(arguments.weights)


def _require_sizes(found: Any, settings: dict[str, Any]) -> None:
    dims = found.description.dims
    missing = [d.name for d in dims if d.default is None and d.fixed is None]
    missing = [name for name in missing if name not in settings]
    if missing:
        options = " ".join(f"--set {name}=8" for name in missing)
        told = f"{found.description.name} needs a size for {', '.join(missing)}"
        raise CommandError(f"{told}: {options}, or weights that have it", 2)


def _each_step(cell: Any) -> list[str]:
    return [each.name for each in cell.description.inputs if each.per == "step"]


def _drawn(cell: Any) -> dict[str, Any]:
    """Normal numbers, and whole ones below their limit."""
    import numpy as np

    from celldsl.runtime.arrays.inputs import drawn_input

    draw, lead = np.random.default_rng(0), (STEPS, BATCH)
    inputs = cell.description.inputs
    return {each.name: drawn_input(each, cell.dims, lead, draw, cell.dtype) for each in inputs}


def _read(cell: Any, path: Path) -> dict[str, Any]:
    """Arrays by input, in the cell's dtype; one sequence may go without its axis."""
    import numpy as np

    inputs = cell.description.inputs
    try:
        loaded = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise CommandError(f"{path}: this is no .npy or .npz file of numbers: {error}") from None
    arrays = dict(loaded) if hasattr(loaded, "files") else {inputs[0].name: loaded}
    missing = [each.name for each in inputs if each.name not in arrays]
    if missing:
        told = "an .npz has an array for each input"
        raise CommandError(f"{path}: there is no array {missing[0]}; {told}")
    found = {}
    for slot in cell._signature.input_slots:
        array = arrays[slot.name]
        if slot.per == "step" and array.ndim == len(slot.shape) + 1:
            array = array[:, None]
        found[slot.name] = array.astype(cell.dtype) if array.dtype.kind == "f" else array
    return found


def _draw(seen: Any, folder: Path) -> None:
    try:
        from celldsl.inspection import figures
    except ImportError:
        raise CommandError('pictures need matplotlib: pip install "celldsl[inspect]"') from None
    drawn = {
        "values": figures.values_figure(seen),
        "gradient": figures.gradient_figure(seen),
        "spectrum": figures.spectrum_figure(seen),
        "range": figures.range_figure(seen),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in drawn.items():
        if figure is None:
            print("The state is too large for eigenvalues.")
            continue
        write_figure(figure, folder / f"{name}.png", dpi=100)
