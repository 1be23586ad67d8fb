"""What each command prints and writes is what the library computes."""

from __future__ import annotations

import csv
import importlib
import io
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.tiny_models import PIECES, save_tiny, save_tiny_vectors

from albertkit.cli.main import run
from albertkit.runtime.choose_engine import choose_precision
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tasks import FillMask, TextEmbedder
from albertkit.tokenization import AlbertTokenizer

TEXTS = ["I like my phone", "My phone is not good.", "how old are you?"]
MASKED = "Plants create [MASK] through a process."


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny(tmp_path_factory.mktemp("models") / "words", ["masked_lm"]))


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> str:
    plan = PoolingConfig(max_length=20, prompts={"query": "query: "})
    return str(save_tiny_vectors(tmp_path_factory.mktemp("models") / "vectors", plan))


def print_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command prints; it must end well."""
    status = run(arguments)
    shown = capsys.readouterr()
    assert status == 0, shown.err
    return shown.out


def rows_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_embed_prints_the_librarys_vectors(
    capsys: pytest.CaptureFixture[str], vectors: str
) -> None:
    rows = rows_of(print_of(capsys, "embed", *TEXTS, "-m", vectors))
    assert [row["text"] for row in rows] == TEXTS
    wanted = TextEmbedder(vectors).encode(TEXTS)
    np.testing.assert_array_equal(np.array([r["vector"] for r in rows], np.float32), wanted)


def test_embed_passes_its_options_to_the_library(
    capsys: pytest.CaptureFixture[str], vectors: str
) -> None:
    options = ["--normalize", "--truncate-dim", "7", "--prompt-name", "query", "--pooling", "max"]
    rows = rows_of(print_of(capsys, "embed", *TEXTS, "-m", vectors, *options, "--engine", "numpy"))
    wanted = TextEmbedder(vectors, pooling="max", engine="numpy").encode(
        TEXTS, normalize_embeddings=True, truncate_dim=7, prompt_name="query"
    )
    np.testing.assert_array_equal(np.array([r["vector"] for r in rows], np.float32), wanted)


def test_texts_come_from_arguments_files_and_standard_input_in_order(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    vectors: str,
    tmp_path: Path,
) -> None:
    (tmp_path / "a.txt").write_text("from a file\n")
    (tmp_path / "b.csv").write_text("n,title\n1,from a table\n")
    pipe(monkeypatch, b"from a pipe\n")
    out = print_of(
        capsys, "embed", "an argument", "-", "-i", str(tmp_path / "a.txt"),
        "-i", str(tmp_path / "b.csv"), "--column", "title", "-m", vectors,
    )  # fmt: skip
    texts = ["an argument", "from a pipe", "from a file", "from a table"]
    assert [row["text"] for row in rows_of(out)] == texts


def test_a_pipe_is_read_where_nothing_else_is_given(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    pipe(monkeypatch, MASKED.encode() + b"\n")
    rows = rows_of(print_of(capsys, "fill-mask", "--model", words))
    keys = ("score", "token", "token_str", "sequence")
    assert [{key: row[key] for key in keys} for row in rows] == FillMask(words)(MASKED)


@pytest.mark.parametrize("command", ["similarity", "fill-mask", "tokens"])
def test_a_pipe_is_read_in_the_given_format(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    pipe(monkeypatch, b"n,body\n1,one [MASK]\n2,two [MASK]\n")
    assert run([command, "--input-format", "csv", "--column", "title"]) == 2
    assert "the columns are n, body" in capsys.readouterr().err
    pipe(monkeypatch, b"one [MASK]\n")
    assert run([command, "--column", "body"]) == 2
    assert "Name its format (--input-format csv)" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--column", "title"], ["--input-format", "csv"]], ids=str)
def test_options_of_files_are_refused_without_files(
    capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    assert run(["tokens", "a text", *option]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"error: {option[0]} is given, and all texts are arguments; it")
    assert line.endswith(f"or leave {option[0]} out. [usage]\n")


def test_empty_lines_keep_their_rows_and_get_a_warning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, vectors: str
) -> None:
    pipe(monkeypatch, b"one\n\nthree\n")
    assert run(["embed", "-m", vectors]) == 0
    shown = capsys.readouterr()
    assert [row["text"] for row in rows_of(shown.out)] == ["one", "", "three"]
    assert shown.err.count("[text-empty]") == 1


def test_truncated_texts_get_a_warning(capsys: pytest.CaptureFixture[str], vectors: str) -> None:
    assert run(["embed", "water " * 50, "-m", vectors]) == 0
    shown = capsys.readouterr()
    assert shown.err.splitlines()[-1].endswith("[text-truncated]")
    assert len(rows_of(shown.out)) == 1


@pytest.mark.parametrize("kind", ["npy", "jsonl", "csv", "parquet"])
def test_results_go_to_a_file_of_the_kind_of_its_name(
    capsys: pytest.CaptureFixture[str], vectors: str, tmp_path: Path, kind: str
) -> None:
    if kind == "parquet":
        import pyarrow  # noqa: F401
    path = tmp_path / f"out.{kind}"
    assert print_of(capsys, "embed", *TEXTS, "-m", vectors, "-o", str(path)) == ""
    assert path.stat().st_size > 0
    if kind == "npy":
        wanted = TextEmbedder(vectors).encode(TEXTS)
        np.testing.assert_array_equal(np.load(path), wanted)


def test_csv_is_printed_on_request(capsys: pytest.CaptureFixture[str], vectors: str) -> None:
    out = print_of(capsys, "embed", *TEXTS, "-m", vectors, "--format", "csv")
    assert [row["text"] for row in csv.DictReader(io.StringIO(out))] == TEXTS


def test_similarity_is_the_librarys_and_names_the_nearest(
    capsys: pytest.CaptureFixture[str], vectors: str
) -> None:
    rows = rows_of(print_of(capsys, "similarity", *TEXTS, "-m", vectors))
    embedder = TextEmbedder(vectors)
    own = embedder.encode(TEXTS)
    near = embedder.similarity(own, own)
    np.testing.assert_array_equal(np.array([r["similarity"] for r in rows], np.float32), near)
    np.fill_diagonal(near, -1)
    assert [row["nearest"] for row in rows] == (near.argmax(1) + 1).tolist()
    assert [(row["row"], row["text"]) for row in rows] == [*enumerate(TEXTS, 1)]


def test_the_table_for_people_counts_from_one(
    capsys: pytest.CaptureFixture[str], vectors: str
) -> None:
    lines = print_of(capsys, "similarity", *TEXTS, "-m", vectors, "-f", "table").splitlines()
    assert lines[0].split() == ["text", "1", "2", "3", "nearest"]
    assert [line.split()[0] for line in lines[1:]] == ["1", "2", "3"]
    assert all("1.00" in line for line in lines[1:])
    assert all(line.split()[-1] in "123" for line in lines[1:])


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_heatmap_is_drawn_whole(
    capsys: pytest.CaptureFixture[str], vectors: str, tmp_path: Path, kind: str
) -> None:
    import matplotlib  # noqa: F401

    path = tmp_path / f"heat.{kind}"
    assert run(["similarity", "costs $5", "and $6 more", "-m", vectors, "--plot", str(path)]) == 0
    assert f"Image written to {path}" in capsys.readouterr().err
    head = path.read_bytes()[:8]
    assert head == b"\x89PNG\r\n\x1a\n" if kind == "png" else head.startswith(b"<?xml")


def test_letters_without_a_font_are_one_warning(
    capsys: pytest.CaptureFixture[str], vectors: str, tmp_path: Path
) -> None:
    import matplotlib  # noqa: F401

    texts = ["\U0001343f an Egyptian sign", "\U00012399 a cuneiform sign"]
    with warnings.catch_warnings(record=True) as seen:
        assert run(["similarity", *texts, "-m", vectors, "--plot", str(tmp_path / "x.png")]) == 0
    assert [str(warning.message) for warning in seen] == []
    lines = [line for line in capsys.readouterr().err.splitlines() if "[font-missing]" in line]
    assert len(lines) == 1


def test_an_image_of_an_unknown_kind_is_refused_before_anything_is_computed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["similarity", "a", "b", "-m", "no-such-model", "--plot", "x.docx"]) == 2
    assert capsys.readouterr().err.strip().endswith("[output-format-unknown]")


def test_fill_mask_numbers_texts_and_masks(capsys: pytest.CaptureFixture[str], words: str) -> None:
    two = "[MASK] and [MASK]"
    rows = rows_of(print_of(capsys, "fill-mask", MASKED, two, "-m", words, "-k", "2"))
    assert [(row["row"], row["mask"]) for row in rows] == [
        (1, 1), (1, 1), (2, 1), (2, 1), (2, 2), (2, 2),
    ]  # fmt: skip
    assert [row["text"] for row in rows] == [MASKED] * 2 + [two] * 4
    first, second = FillMask(words)([MASKED, two], top_k=2)
    wanted = [word["token"] for words_of in (first, *second) for word in words_of]
    assert [row["token"] for row in rows] == wanted


def test_fill_mask_shows_words_and_texts_to_people(
    capsys: pytest.CaptureFixture[str], words: str
) -> None:
    out = print_of(capsys, "fill-mask", MASKED, "-m", words, "-k", "1", "-f", "table")
    header, line = out.splitlines()
    assert header.split() == ["score", "word", "text"]
    assert line.endswith("through a process.")
    several = print_of(capsys, "fill-mask", "a [MASK], a [MASK]", "-m", words, "-f", "table")
    assert "[CLS]" not in several
    assert several.splitlines()[0].split() == ["mask", "score", "word", "text"]


def test_fill_mask_takes_targets(capsys: pytest.CaptureFixture[str], words: str) -> None:
    out = print_of(capsys, "fill-mask", MASKED, "-m", words, "--target", "the", "--target", "of")
    assert {row["token_str"] for row in rows_of(out)} == {"the", "of"}


@pytest.mark.parametrize("model", ["directory", "file"])
def test_tokens_shows_which_characters_a_piece_stands_for(
    capsys: pytest.CaptureFixture[str], words: str, model: str
) -> None:
    text = "Hello ﬁne World"
    path = words if model == "directory" else str(PIECES)
    rows = rows_of(print_of(capsys, "tokens", text, "-m", path))
    tokenizer = AlbertTokenizer.from_pretrained(path)
    assert [row["id"] for row in rows] == tokenizer.encode_batch([text]).ids.tolist()
    assert rows[0]["piece"] == "[CLS]"
    assert all(text[row["begin"] : row["end"]] == row["characters"] for row in rows)
    assert "ﬁne" in {row["characters"] for row in rows}


def test_tokens_reads_by_the_policy_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], words: str
) -> None:
    exact = rows_of(print_of(capsys, "tokens", "a [MASK].", "-m", words))
    plain = rows_of(print_of(capsys, "tokens", "a [MASK].", "-m", words, "--policy", "tfhub"))
    assert "[MASK]" in {row["piece"] for row in exact}
    assert "[MASK]" not in {row["piece"] for row in plain}


@pytest.mark.parametrize("command", ["embed", "similarity", "fill-mask"])
def test_the_chosen_precision_is_logged(
    capsys: pytest.CaptureFixture[str], words: str, command: str
) -> None:
    texts = ["a [MASK] here", "a [MASK] there"]
    assert run([command, *texts, "-m", words, "--precision", "auto"]) == 0
    logged = capsys.readouterr().err
    assert f"precision: {choose_precision('auto').line()}" in logged


def test_inspect_describes_a_directory(
    capsys: pytest.CaptureFixture[str], words: str, vectors: str
) -> None:
    (facts,) = rows_of(print_of(capsys, "inspect", words))
    assert facts["format"] == "huggingface"
    assert facts["heads"] == "masked_lm"
    assert facts["tokenizer policy"] == "reference"
    assert facts["policy chosen by"] == "saved by albertkit"
    assert facts["parameters"] == FillMask(words).model.weights.table().count()
    (facts,) = rows_of(print_of(capsys, "inspect", words, "--policy", "huggingface"))
    assert (facts["tokenizer policy"], facts["policy chosen by"]) == (
        "huggingface",
        "given by the caller",
    )
    (facts,) = rows_of(print_of(capsys, "inspect", vectors))
    assert facts["format"] == "sentence-transformers"
    assert facts["vectors"] == "mean pooling"
    assert facts["longest text"] == "20 ids"
    assert facts["precision auto"] == choose_precision("auto").line()
    lines = print_of(capsys, "inspect", vectors, "-f", "table").splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["location", "format"]


def test_a_gpu_that_is_not_here_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], vectors: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for command in (["embed", TEXTS[0]], ["similarity", *TEXTS]):
        assert run([*command, "-m", vectors, "--device", "cuda"]) == 3
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith("[device-unavailable]")


def test_torch_computes_if_it_is_the_engine(
    capsys: pytest.CaptureFixture[str], vectors: str
) -> None:
    importlib.import_module("torch")  # of which the command says that it is missing
    asked = ("embed", *TEXTS, "-m", vectors, "--engine")
    mine, other = (rows_of(print_of(capsys, *asked, name)) for name in ("torch", "numpy"))
    for row, wanted in zip(mine, other, strict=True):
        np.testing.assert_allclose(row["vector"], wanted["vector"], rtol=0, atol=1e-5)


def test_similarities_of_many_texts_do_not_flood_a_terminal(
    capsys: pytest.CaptureFixture[str],
    vectors: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Up to 20 texts are a matrix, more are one line a text, and a terminal shows 100 lines."""
    texts = [f"the {number} waters of {number % 7}" for number in range(130)]
    (tmp_path / "lines.txt").write_text("\n".join(texts), encoding="utf-8")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert run(["similarity", "-i", str(tmp_path / "lines.txt"), "-m", vectors]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 101
    assert shown.err.startswith("30 more rows are not shown; --output FILE writes all of them\n")
    monkeypatch.undo()
    rows = rows_of(print_of(capsys, "similarity", "-i", str(tmp_path / "lines.txt"), "-m", vectors))
    assert len(rows) == len(rows[0]["similarity"]) == 130


@pytest.mark.parametrize(
    ("option", "level"), [(["-q"], logging.ERROR), (["-v"], logging.INFO), ([], logging.WARNING)]
)
def test_quiet_and_verbose_set_what_is_logged(
    capsys: pytest.CaptureFixture[str], words: str, option: list[str], level: int
) -> None:
    for line in (["tokens", "a", "-m", words, *option], [*option, "tokens", "a", "-m", words]):
        print_of(capsys, *line)
        assert logging.getLogger("albertkit").level == level
