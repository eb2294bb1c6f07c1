"""Which parameters of ours are which of a library's.  In: nothing.  Out: ROWS.

ROWS["torch.lstm"]["packed_lstm"]        the Row by which a recorded run goes into that cell
"""

from __future__ import annotations

from tests.zoo.weights import contrib, core, layers, memory, recurrent, spiking, time
from tests.zoo.weights.row import Row

# A module for each group of libraries; a row is in one of them.
MODULES = (core, contrib, recurrent, memory, layers, spiking, time)

ROWS: dict[str, dict[str, Row]] = {}
for module in MODULES:
    for name, files in module.ROWS.items():
        assert not set(ROWS.setdefault(name, {})) & set(files)
        ROWS[name] |= files
