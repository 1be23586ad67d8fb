"""The options of a command that opens a model reach its task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.tiny_models import save_tiny, save_tiny_vectors

from albertkit import FillMask, TextEmbedder
from albertkit.cli.main import run
from albertkit.spec.pooling_config import PoolingConfig

LINES = ["a glass of water", "How old are you?", "the", "my phone is not good at all"]


def test_deterministic_vectors_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    path = save_tiny_vectors(tmp_path / "vectors", PoolingConfig())
    for name, lines in (("one", LINES), ("other", [*LINES[::-1], "an old [MASK]"])):
        (tmp_path / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")
        asked = ["--model", str(path), "--deterministic", "-o", str(tmp_path / f"{name}.npy")]
        assert run(["embed", "--input", str(tmp_path / f"{name}.txt"), *asked]) == 0
    one, other = (np.load(tmp_path / f"{name}.npy") for name in ("one", "other"))
    np.testing.assert_array_equal(one, other[3::-1])
    np.testing.assert_array_equal(one[2], TextEmbedder(path, deterministic=True).encode("the"))


@pytest.mark.parametrize("option", ["engine", "device"])
@pytest.mark.parametrize("verb", ["embed", "similarity", "fill-mask"])
def test_an_option_that_excludes_deterministic_is_one_line(
    verb: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"engine": "torch", "device": "cuda"}[option]
    assert run([verb, "a text", "a [MASK]", "--deterministic", f"--{option}", given]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"error: deterministic is asked for, and {option} is '{given}'; torch")
    assert line.count("\n") == 1


def test_words_and_similarities_are_those_of_the_tasks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = save_tiny(tmp_path / "words", ["masked_lm"])
    text = "a [MASK] of water"
    assert run(["fill-mask", text, "--model", str(words), "--deterministic", "-k", "3"]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected: Any = FillMask(words, deterministic=True)(text, top_k=3)
    assert [(each["token"], each["score"]) for each in shown] == [
        (each["token"], each["score"]) for each in expected
    ]
    path = save_tiny_vectors(tmp_path / "vectors", PoolingConfig())
    assert run(["similarity", *LINES, "--model", str(path), "--deterministic"]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    embedder = TextEmbedder(path, deterministic=True)
    vectors = embedder.encode(LINES)
    near = embedder.similarity(vectors, vectors)
    np.testing.assert_allclose([each["similarity"] for each in shown], near, atol=1e-7)  # printed
