"""`albertkit embed --chunk`: a row for each part of a text, or the mean of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.support.tiny_models import save_tiny_vectors

from albertkit.cli.main import run
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tasks import TextEmbedder

LONG = "The waters rose. The mountains were high, and only a few came. " * 6


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    where = tmp_path_factory.mktemp("models") / "vectors"
    return str(save_tiny_vectors(where, PoolingConfig(max_length=32)))


def rows_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, object]]:
    """The rows of a command that ends well and prints JSON lines."""
    status = run(["embed", *map(str, arguments), "--format", "jsonl"])
    shown = capsys.readouterr()
    assert status == 0, shown.err
    return [json.loads(line) for line in shown.out.splitlines()]


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line of a command that ends badly."""
    assert run(["embed", *map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_each_part_is_printed_with_its_span(
    capsys: pytest.CaptureFixture[str], model: str, tmp_path: Path
) -> None:
    path = tmp_path / "in.txt"
    path.write_text(f"a short one\n{LONG}\n")
    rows = rows_of(capsys, "-i", path, "-m", model, "--chunk", 24, "--overlap", 4)
    assert list(rows[0]) == ["row", "part", "start", "end", "text", "vector"]
    expected = TextEmbedder(model).chunk(["a short one", LONG], 24, overlap=4)
    assert [(row["row"], row["part"], row["text"], row["start"], row["end"]) for row in rows] == [
        (number, index, *part)
        for number, parts in enumerate(expected, 1)
        for index, part in enumerate(parts)
    ]


def test_the_mean_is_one_row_a_text(capsys: pytest.CaptureFixture[str], model: str) -> None:
    (row,) = rows_of(capsys, LONG, "-m", model, "--chunk", 24, "--parts", "mean")
    assert list(row) == ["text", "vector"]
    expected = TextEmbedder(model).encode(LONG, chunk=24, parts="mean")
    np.testing.assert_allclose(np.array(row["vector"]), expected, atol=1e-5)


def test_windows_need_no_chunk(capsys: pytest.CaptureFixture[str], model: str) -> None:
    (row,) = rows_of(capsys, LONG, "-m", model, "--truncation", "windows")
    expected = TextEmbedder(model, truncation="windows").encode(LONG)
    np.testing.assert_allclose(np.array(row["vector"]), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--chunk", 64), "chunk-too-large"),
        (("--chunk", 2), "chunk-too-small"),
        (("--chunk", 16, "--overlap", 14), "overlap-too-large"),
        (("--overlap", 4), "option-invalid"),
    ],
)
def test_what_cannot_be_is_one_line(
    capsys: pytest.CaptureFixture[str], model: str, arguments: tuple[object, ...], code: str
) -> None:
    assert f"[{code}]" in refusal(capsys, "a text", "-m", model, *arguments)
