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


def test_a_table_shows_the_numbers_of_parts(capsys: pytest.CaptureFixture[str], model: str) -> None:
    assert run(["embed", LONG, "-m", model, "--chunk", "24", "--format", "table"]) == 0
    head, first, *_ = capsys.readouterr().out.splitlines()
    assert head.split() == ["row", "part", "start", "end", "text", "vector"]
    assert first.split()[:3] == ["1", "0", "0"]


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "texts"
    path.mkdir()
    (path / "a.md").write_text(LONG)
    (path / "b.txt").write_text("a short one")
    return path


def test_each_file_is_a_document_with_its_name(
    capsys: pytest.CaptureFixture[str], model: str, folder: Path
) -> None:
    rows = rows_of(capsys, "-i", folder, "-m", model, "--files", "--chunk", 24)
    assert list(rows[0]) == ["file", "part", "start", "end", "text", "vector"]
    names = [str(folder / "a.md")] * len(TextEmbedder(model).chunk(LONG, 24))
    assert [row["file"] for row in rows] == [*names, str(folder / "b.txt")]
    whole = rows_of(capsys, "-i", folder, "-m", model, "--files", "--keep", "file")
    assert [list(row) for row in whole] == [["file", "vector"]] * 2


def test_a_job_of_documents_counts_files(
    capsys: pytest.CaptureFixture[str], model: str, folder: Path, tmp_path: Path
) -> None:
    arguments = ["embed", "-i", folder, "-m", model, "--files", "--chunk", 24, "-o"]
    arguments += [f"{tmp_path}/out/", "--shard-rows", 1, "--format", "jsonl"]
    assert run(list(map(str, arguments))) == 0
    assert "in 2 files written" in capsys.readouterr().err
    (row,) = (tmp_path / "out" / "part-00001.jsonl").read_text().splitlines()
    assert json.loads(row)["text"] == "a short one"


def test_files_with_a_text_as_argument_is_one_line(
    capsys: pytest.CaptureFixture[str], model: str, folder: Path
) -> None:
    assert "[usage]" in refusal(capsys, "a text", "-m", model, "--files")
    assert "[usage]" in refusal(capsys, "a text", "-i", folder, "-m", model, "--files")
    assert "[option-invalid]" in refusal(
        capsys, "-i", folder, "-m", model, "--files", "--input-format", "csv"
    )
