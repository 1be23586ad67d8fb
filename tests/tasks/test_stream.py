"""encode on iterators: the vectors of a list, in order, a window at a time."""

from __future__ import annotations

import itertools
import json
import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.support.tiny_models import save_tiny_vectors

from albertkit.errors import InputError
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tasks import TextEmbedder, inputs
from albertkit.tasks.encode import VectorStream
from albertkit.tasks.inputs import prefetch, split_windows
from albertkit.tasks.options import VECTOR_TYPES, VectorType
from albertkit.tasks.vector_types import compute_ranges, get_dtype, quantize_embeddings

MANY = [f"the {number} of {number * 7} waters" + " and more" * (number % 5) for number in range(23)]


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> TextEmbedder:
    where = tmp_path_factory.mktemp("models") / "vectors"
    return TextEmbedder(save_tiny_vectors(where, PoolingConfig(max_length=20)), engine="numpy")


@pytest.fixture(autouse=True)
def windows_of_five(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "WINDOW_TEXTS", 5)


def own_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "albertkit" in thread.name]


def note_reads(texts: Iterable[str], read: list[str]) -> Iterator[str]:
    """The texts, each of which is added to `read` when it is taken."""
    for text in texts:
        read.append(text)
        yield text


def test_windows_end_by_number_and_by_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(split_windows("abcdefg", len)) == [list("abcde"), list("fg")]
    monkeypatch.setattr(inputs, "WINDOW_CHARACTERS", 4)
    assert list(split_windows(["aaa", "b", "cccccc", "d"], len)) == [
        ["aaa", "b"],
        ["cccccc"],
        ["d"],
    ]
    assert list(split_windows([], len)) == []


def test_a_generator_gives_the_vectors_of_the_list_in_order(embedder: TextEmbedder) -> None:
    answers = embedder.encode(text for text in MANY)
    assert isinstance(answers, Iterator)
    vectors = list(answers)
    assert [vector.shape for vector in vectors] == [(32,)] * len(MANY)
    np.testing.assert_array_equal(vectors, embedder.encode(MANY))
    assert own_threads() == []


def test_pairs_and_prompts_and_options_stream_too(embedder: TextEmbedder) -> None:
    pairs = list(itertools.pairwise(MANY))
    options = {"prompt": "so ", "normalize_embeddings": True, "truncate_dim": 9}
    np.testing.assert_array_equal(
        list(embedder.encode(iter(pairs), **options)), embedder.encode(pairs, **options)
    )
    tokens = list(embedder.encode(iter(MANY), output_value="token_embeddings"))
    for mine, other in zip(
        tokens, embedder.encode(MANY, output_value="token_embeddings"), strict=True
    ):
        np.testing.assert_array_equal(mine, other)
    tensors = embedder.encode(iter(MANY), convert_to_tensor=True)
    assert all(isinstance(tensor, torch.Tensor) for tensor in tensors)


def test_an_empty_iterator_gives_an_empty_one(embedder: TextEmbedder) -> None:
    assert list(embedder.encode(iter([]))) == []


def test_no_more_than_three_windows_are_read_for_the_first_answer(embedder: TextEmbedder) -> None:
    read: list[str] = []
    answers: object = embedder.encode(note_reads(itertools.cycle(MANY), read))
    assert isinstance(answers, VectorStream)
    assert read == []
    next(answers)
    assert len(read) <= 15
    for _ in range(200):
        next(answers)
    assert len(read) <= 201 + 15
    answers.close()
    assert own_threads() == []
    with pytest.raises(StopIteration):
        next(answers)


def test_a_stream_that_is_dropped_ends_its_thread(embedder: TextEmbedder) -> None:
    for vector in embedder.encode(iter(MANY)):
        assert vector.shape == (32,)
        break
    assert own_threads() == []


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_what_breaks_off_the_generator_comes_out_and_ends_the_thread(
    embedder: TextEmbedder, error: type[BaseException]
) -> None:
    def breaking() -> Iterator[str]:
        yield from MANY[:12]
        raise error("the disk was pulled")

    answers = embedder.encode(breaking())
    with pytest.raises(error, match="the disk was pulled"):
        list(answers)
    assert own_threads() == []


def test_an_error_of_the_other_thread_comes_where_its_window_would() -> None:
    answers = prefetch(iter([1, 2, 0, 4]), lambda number: 12 // number)
    assert [next(answers), next(answers)] == [12, 6]
    with pytest.raises(ZeroDivisionError):
        next(answers)
    assert own_threads() == []


def test_texts_are_taken_on_the_callers_thread(embedder: TextEmbedder) -> None:
    # a cursor of sqlite refuses any other
    base = sqlite3.connect(":memory:")
    base.execute("create table texts (text)")
    base.executemany("insert into texts values (?)", [(text,) for text in MANY])
    rows = (text for (text,) in base.execute("select text from texts"))
    assert len(list(embedder.encode(rows))) == len(MANY)


@pytest.mark.parametrize("bad", [None, 3, ["a", "pair"], ["three", "of", "them"]], ids=str)
def test_what_is_no_text_is_named_by_its_place_in_the_stream(
    embedder: TextEmbedder, bad: object
) -> None:
    with pytest.raises(InputError, match=r"item 7 is .*\[input-not-texts\]"):
        list(embedder.encode(iter([*MANY[:7], bad, *MANY[:9]])))


def test_pairs_after_texts_are_refused(embedder: TextEmbedder) -> None:
    with pytest.raises(InputError, match=r"item 5 is .*\[input-not-texts\]"):
        list(embedder.encode(iter([*MANY[:5], *[["a", "pair"]] * 5])))


def test_a_stream_warns_once_with_the_count_of_all_texts(
    embedder: TextEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    texts = [*MANY[:7], " ", "water " * 50, *MANY[:6], "", "water " * 60]
    with caplog.at_level(logging.WARNING):
        list(embedder.encode(iter(texts)))
    empty, cut = (record.getMessage() for record in caplog.records)
    assert empty.startswith("2 of 17 texts are empty, the first is number 8")
    assert cut.startswith("2 of 17 texts were cut to 20 ids")


def test_a_text_that_is_too_long_is_named_by_its_place(embedder: TextEmbedder) -> None:
    strict = TextEmbedder(embedder.model.path, truncation="error", engine="numpy")
    with pytest.raises(InputError, match=r"text 9 is too long; .*\[text-too-long\]"):
        list(strict.encode(iter([*MANY[:8], "water " * 50])))


def test_one_text_is_spoken_of_as_one(
    embedder: TextEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        embedder.encode(" ")
        embedder.encode("water " * 50)
        embedder.encode(["a", ""])
    lines = [record.getMessage() for record in caplog.records]
    assert [line.partition(";")[0] for line in lines] == [
        "the text is empty",
        "the text was cut to 20 ids, 82 ids lost",
        "1 of 2 texts is empty, number 2",
    ]


@pytest.mark.parametrize("kind", VECTOR_TYPES)
def test_a_list_has_its_own_ranges_and_a_stream_its_first_windows(
    embedder: TextEmbedder, kind: VectorType
) -> None:
    plain = embedder.encode(MANY)
    np.testing.assert_array_equal(
        embedder.encode(MANY, precision=kind), quantize_embeddings(plain, kind)
    )
    answers: object = embedder.encode(iter(MANY), precision=kind)
    assert isinstance(answers, VectorStream)
    np.testing.assert_array_equal(
        list(answers), quantize_embeddings(plain, kind, calibration_embeddings=plain[:5])
    )
    if kind in ("int8", "uint8"):
        np.testing.assert_array_equal(answers.ranges, compute_ranges(plain[:5]))
        again = embedder.encode(MANY, precision=kind, ranges=answers.ranges)
        np.testing.assert_array_equal(
            again, quantize_embeddings(plain, kind, ranges=answers.ranges)
        )


def test_progress_without_a_total_counts_the_texts(
    embedder: TextEmbedder, capsys: pytest.CaptureFixture[str]
) -> None:
    list(embedder.encode(iter(MANY), show_progress_bar=True))
    shown = capsys.readouterr().err
    assert "23/23 " in shown.split("\r")[-1]
    assert shown.endswith("\n")


def test_long_lists_take_the_same_windows(
    embedder: TextEmbedder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_five = embedder.encode(MANY)
    monkeypatch.setattr(inputs, "WINDOW_TEXTS", 2048)
    np.testing.assert_allclose(embedder.encode(MANY), in_five, atol=1e-5)


@pytest.mark.parametrize("kind", ["float32", "float16", "uint8", "ubinary"])
def test_vectors_go_into_a_file_that_is_mapped(
    embedder: TextEmbedder, tmp_path: Path, kind: VectorType
) -> None:
    given = {"precision": kind, "truncate_dim": 12}
    for texts in (MANY, iter(MANY), iter([])):
        mapped = embedder.encode(texts, output=tmp_path / "v.npy", **given)
        assert mapped.dtype == get_dtype(kind)
        wanted = list(embedder.encode(iter(MANY if len(mapped) else []), **given))
        assert isinstance(mapped, np.memmap)
        np.testing.assert_array_equal(mapped, np.reshape(wanted, mapped.shape))
    assert mapped.shape == (0, 2 if kind == "ubinary" else 12)


@pytest.mark.parametrize("kind", ["float32", "float16", "int8"])
def test_a_table_of_arrows_comes_back_mapped_and_is_not_copied(
    embedder: TextEmbedder, tmp_path: Path, kind: VectorType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow

    monkeypatch.setattr("albertkit.tables.arrow.writing.ROW_GROUP", 8)
    before = pyarrow.total_allocated_bytes()
    table = embedder.encode(iter(MANY), output=tmp_path / "v.arrow", precision=kind)
    column = table["vector"]
    parts = [part.flatten().to_numpy(zero_copy_only=True) for part in column.chunks]
    assert pyarrow.total_allocated_bytes() == before
    assert column.num_chunks == 3
    wanted = embedder.encode(iter(MANY), output=tmp_path / "v.npy", precision=kind)
    actual = np.concatenate(parts).reshape(len(MANY), -1)
    assert actual.dtype == wanted.dtype
    np.testing.assert_array_equal(actual, wanted)
    nothing = embedder.encode(iter([]), output=tmp_path / "w.arrow", precision=kind)
    assert nothing.num_rows == 0
    assert nothing.schema == table.schema


def test_tables_of_vectors_are_written_too(embedder: TextEmbedder, tmp_path: Path) -> None:
    assert embedder.encode(iter(MANY), output=tmp_path / "v.jsonl") == tmp_path / "v.jsonl"
    lines = (tmp_path / "v.jsonl").read_text().splitlines()
    vectors = np.array([json.loads(line)["vector"] for line in lines], np.float32)
    np.testing.assert_array_equal(vectors, list(embedder.encode(iter(MANY))))


def test_a_file_is_whole_or_not_there(embedder: TextEmbedder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="item 11 is None"):
        embedder.encode(iter([*MANY[:11], None]), output=tmp_path / "v.npy")
    assert list(tmp_path.iterdir()) == []
    asked: list[str] = []
    with pytest.raises(InputError, match=r"\[output-format-unknown\]"):
        embedder.encode(note_reads(MANY, asked), output="v.docx")
    assert asked == []
    with pytest.raises(InputError, match=r"output_value with output.*\[option-invalid\]"):
        embedder.encode(MANY, output=tmp_path / "v.npy", output_value=None)


def test_the_ranges_of_a_byte_file_are_in_its_directory(
    embedder: TextEmbedder, tmp_path: Path
) -> None:
    vectors = embedder.encode(iter(MANY), output=tmp_path / "v.npy", precision="int8")
    ranges = np.load(tmp_path / "v.npy.ranges.npy")
    wanted = quantize_embeddings(embedder.encode(MANY), "int8", ranges)
    np.testing.assert_array_equal(vectors, wanted)
    embedder.encode(iter(MANY), output=tmp_path / "w.npy", ranges=ranges)
    assert not (tmp_path / "w.npy.ranges.npy").exists(), "floats are set against nothing"
