"""Compiled passes called by XLA do what the reference does, for every cell that comes along."""

from __future__ import annotations

import pytest

from celldsl.runtime.threads import thread_count
from tests.cells import EVERY
from tests.end_to_end.compare import Setup
from tests.end_to_end.subject import FEATURES
from tests.jax.compare import compare
from tests.tenth import marked
from tests.zoo.subject import sized_subject, zoo_subject

pytest.importorskip("jax")

SETUPS = (Setup(), Setup(given=False, reverse=True, T=3, B=2))
SHORTER = Setup(lengths=(2, 0, 4), given=False)
MORE = (
    SHORTER,
    Setup(lengths=(3, 4, 0, 1, 4), B=5, threads=2, reverse=True),
    Setup(sizes=1, T=1, B=1),
    Setup(sizes=2, T=2, B=5, given=False),
    Setup(sizes=3, T=2, B=2, given=False),
    Setup(T=0),
    Setup(threads=2, B=5),
)


@pytest.mark.parametrize("name", ["agent_lstm", "captioner_lstm"])
def test_inputs_of_other_kinds(name: str) -> None:
    for setup in (Setup(), SHORTER):
        compare(zoo_subject(name), setup, "kernels")


@pytest.mark.parametrize("name", marked(EVERY))
def test_kernels_agree_with_the_reference(name: str) -> None:
    for setup in SETUPS:
        compare(zoo_subject(name), setup, "kernels")


@pytest.mark.parametrize("name", ["learned_start", "sub_in_for", "concats"])
def test_features_agree_with_the_reference(name: str) -> None:
    compare(sized_subject(FEATURES / f"{name}.cell"), Setup(), "kernels")


@pytest.mark.parametrize("setup", [Setup(), SHORTER], ids=str)
def test_plain_code_agrees_with_the_reference(setup: Setup) -> None:
    compare(zoo_subject("lstm"), setup, "plain")


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_kernels_agree_in_other_setups(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_count, "SMALL_WORK", 0)
    before = thread_count.get_threads()
    try:
        for setup in MORE:
            thread_count.set_threads(setup.threads)
            compare(zoo_subject(name), setup, "kernels")
    finally:
        thread_count.set_threads(before)
