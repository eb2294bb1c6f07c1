"""`celldsl inspect`: words, pictures, and one sentence for what it cannot read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import celldsl
from celldsl.cli.main import main

SIZES = ("--set", "I=3", "--set", "H=4")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "gru.safetensors"
    celldsl.load("gru")(I=3, H=4, seed=3).save(path)
    return path


def test_words_and_pictures_of_saved_weights(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(15, 3)))
    given = ["--weights", str(weights), "--input", str(tmp_path / "x.npy")]
    assert main(["inspect", "gru", *given, "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "The gradient of the last output loses" in told
    assert "u is 0." in told
    drawn = {"values.png", "gradient.png", "spectrum.png", "range.png"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == drawn


def test_a_size_that_is_missing_is_asked_for_by_its_option(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["inspect", "rnn", *SIZES[:2]]) == 2
    assert "RNN needs a size for H: --set H=8, or weights that have it" in capsys.readouterr().err


def test_without_weights_and_input_it_looks_at_a_fresh_cell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["inspect", "rnn", *SIZES]) == 0
    assert "No gate decides it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--row", "9", *SIZES), "--row: there are 4 sequences"),
        (("--set", "I=3"), "H"),
        (("--weights", "WEIGHTS", "--set", "I=3"), "the weights have the sizes"),
        (("--weights", "none.safetensors"), "none.safetensors"),
        (("--input", "none.npy", *SIZES), "none.npy"),
        (("--input", "TEXT", *SIZES), "no .npy or .npz file"),
        (("--input", "WRONG", *SIZES), "expected"),
        (("--input", "ARCHIVE", *SIZES), "there is no array x"),
        (("--out", "look.png", *SIZES), "pictures go into a folder, and look.png is a file"),
        (("--out", "TEXT", *SIZES), "text.npy is a file; `--out text` would do"),
    ],
)
def test_what_it_cannot_read_is_one_message(
    more: tuple[str, ...], why: str, weights: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "text.npy").write_text("no numbers", encoding="utf-8")
    np.save(tmp_path / "wrong.npy", np.zeros((5, 1, 7)))
    np.savez(tmp_path / "archive.npz", y=np.zeros(3))
    named = {"WEIGHTS": weights, "TEXT": tmp_path / "text.npy", "WRONG": tmp_path / "wrong.npy",
             "ARCHIVE": tmp_path / "archive.npz"}  # fmt: skip
    status = main(["inspect", "gru", *(str(named.get(each, each)) for each in more)])
    told = capsys.readouterr().err
    assert status in (1, 2)
    assert why in told
    assert told.count("error:") == 1
    assert "bug" not in told
