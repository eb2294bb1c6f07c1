"""Plans leave the room that the GEMM asks for."""

from __future__ import annotations

import pytest

from celldsl.ir.size import Size
from celldsl.jit.gemm.packing import sum_panels
from celldsl.jit.gemm.sizes import COLUMNS_MOST
from celldsl.jit.lowering.vector_width import WIDEST_PANEL
from celldsl.plan.products import panels_length


@pytest.mark.parametrize("columns", [1, 2, 31, 32, 33, 127, 512, 513, 4096])
def test_there_is_room_for_a_sum_over_rows(columns: int) -> None:
    assert panels_length(Size.of(columns)).evaluate({}) >= sum_panels(columns)
    assert WIDEST_PANEL <= COLUMNS_MOST
