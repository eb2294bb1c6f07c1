"""Modules that were written for another runtime."""

from __future__ import annotations

from dataclasses import replace

import pytest

from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.description import ABI
from tests.runtime.fake_cell import Fake


@pytest.mark.parametrize("abi", [0, ABI - 1, ABI + 1])
def test_a_module_for_another_runtime_says_how_to_write_it_anew(abi: int) -> None:
    with pytest.raises(ImportError, match=r"Fake was written by celldsl 0\.1\.0.*compile fake"):

        class Old(Cell):
            description = replace(Fake.description, abi=abi)
