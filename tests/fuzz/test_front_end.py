"""A short run of the fuzzer; `benchmarks/fuzz_front_end.py` makes long ones."""

from __future__ import annotations

from benchmarks.fuzz_front_end import Record, fuzz


def test_nothing_raises() -> None:
    record = fuzz(count=120, seed=7, record=Record())
    assert record.failures == {}
    assert sum(record.kinds.values()) == 120
    assert len(record.codes) > 5
