"""Times of this project beside others, in one process, in turns, with as many threads for all.

    python benchmarks/speed.py                          # everything: about 20 minutes
    python benchmarks/speed.py --quick                  # S1 and S2, about 3
    python benchmarks/speed.py --cells gru,ln_lstm --shapes S2,100,7,33,65 --peers jax
    python benchmarks/speed.py --cells packed_lstm --sweep H

prints times and ratios, and writes them as JSON and a picture.  A training pass is forward and the
gradients of parameters, inputs and start states.  The limit is the FLOPs of the cell's products at
the rate of NumPy's BLAS, measured in the same turns.  Runs that others disturb are no good: look at
the load before.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from cells import CELLS, QUICK, SHAPES
from setup_threads import cores, set_threads

PEERS = {
    "jax": "jax_scan",
    "torch": "torch_fused",
    "onnx": "onnx_fused",
    "eager": "torch_eager",
    "compile": "torch_compiled",
}
USUAL = "jax,torch,onnx"
MODES = ("train", "infer", "stream")
SWEEPS = {
    "T": [(t, 32, 128, 128) for t in (10, 50, 200, 1000)],
    "B": [(100, b, 128, 128) for b in (1, 2, 3, 7, 8, 16, 17, 64, 65, 128)],
    "H": [(100, 32, 128, h) for h in (16, 31, 64, 65, 127, 128, 129, 256, 257, 512)],
}


def main() -> None:
    arguments = _arguments()
    set_threads(arguments.threads)
    # What reads the environment when it is imported comes after it is set.
    from measure import measure_all, stream_all
    from outcome import draw, print_streams, print_table, save

    cells = [CELLS[name] for name in arguments.cells.split(",")]
    peers = [PEERS[name] for name in arguments.peers.split(",") if name]
    modes = arguments.modes.split(",")
    budget = arguments.budget
    rows = measure_all(cells, _shapes(arguments), peers, modes, arguments.threads, budget)
    streams = stream_all(cells, budget) if "stream" in modes else []
    print_table(rows)
    print_streams(streams)
    out = Path(arguments.output)
    save(rows, streams, arguments.threads, out.with_suffix(".json"))
    if rows:
        draw(rows, out.with_suffix(".png"))
    print(f"wrote {out.with_suffix('.json')}" + (f" and {out.with_suffix('.png')}" if rows else ""))


def _arguments() -> Any:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few shapes, short turns")
    parser.add_argument("--cells", default=",".join(CELLS), help=f"of {', '.join(CELLS)}")
    parser.add_argument("--shapes", help="S1 … S4, or T,B,I,H; several with commas between")
    parser.add_argument("--sweep", choices=SWEEPS, help="many sizes of one dimension instead")
    parser.add_argument("--peers", default=USUAL, help=f"of {', '.join(PEERS)}; default {USUAL}")
    parser.add_argument("--modes", default=",".join(MODES), help=f"of {', '.join(MODES)}")
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    parser.add_argument("--budget", type=float, help="seconds for each line of the table")
    parser.add_argument("--output", default="speed", help="name of what is written")
    found = parser.parse_args()
    found.budget = found.budget or (1.0 if found.quick else 5.0)
    for name, known in (("cells", CELLS), ("peers", PEERS), ("modes", MODES)):
        wrong = [n for n in getattr(found, name).split(",") if n and n not in known]
        if wrong:
            parser.error(f"--{name}: there is no {', '.join(wrong)}")
    return found


def _shapes(arguments: Any) -> dict[str, tuple[int, int, int, int]]:
    if arguments.sweep:
        return {"×".join(map(str, shape)): shape for shape in SWEEPS[arguments.sweep]}
    if not arguments.shapes:
        return QUICK if arguments.quick else SHAPES
    found, numbers = {}, []
    for word in arguments.shapes.split(","):
        if word in SHAPES:
            found[word] = SHAPES[word]
        else:
            numbers.append(int(word))
    if len(numbers) % 4:
        sys.exit("--shapes: a shape is S1 to S4, or four sizes T,B,I,H")
    for i in range(0, len(numbers), 4):
        t, b, inputs, hidden = numbers[i : i + 4]
        found[f"{t}×{b}×{inputs}×{hidden}"] = (t, b, inputs, hidden)
    return found


if __name__ == "__main__":
    main()
