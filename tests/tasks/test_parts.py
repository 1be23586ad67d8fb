"""Long texts in `encode`: a vector of each part, the mean of them, and windows as a policy."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from tests.support.tiny_models import save_tiny_vectors

from albertkit.errors import InputError
from albertkit.spec.pooling_config import Normalize, PoolingConfig
from albertkit.tasks import TextEmbedder

LONG = "The waters rose. The mountains were high, and only a few came. " * 6
TEXTS = ["a short one", LONG, "", LONG[:200]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    plan = PoolingConfig(max_length=32, prompts={"query": "the question: "})
    return save_tiny_vectors(tmp_path_factory.mktemp("models") / "vectors", plan)


@pytest.fixture(scope="module")
def embedder(place: Path) -> TextEmbedder:
    return TextEmbedder(place, engine="numpy")


def test_each_part_has_the_vector_of_its_text(embedder: TextEmbedder) -> None:
    parts = embedder.chunk(TEXTS, 24, overlap=4)
    arrays = embedder.encode(TEXTS, chunk=24, overlap=4)
    assert [len(own) for own in parts] == [len(array) for array in arrays]
    assert len(arrays[0]) == 1
    assert len(arrays[1]) > 3
    for text, own, array in zip(TEXTS, parts, arrays, strict=True):
        assert [text[part.start : part.end] for part in own] == [part.text for part in own]
        expected = embedder.encode([part.text for part in own])
        np.testing.assert_allclose(array, expected, atol=1e-5)


def test_one_text_has_one_array(embedder: TextEmbedder) -> None:
    array = embedder.encode(LONG, chunk=24)
    assert array.shape == (len(embedder.chunk(LONG, 24)), 32)
    assert embedder.encode([], chunk=24) == []
    assert embedder.chunk("") == [("", 0, 0)]


def test_an_iterator_gives_an_array_of_each_text(embedder: TextEmbedder) -> None:
    stream = embedder.encode(iter(TEXTS), chunk=24, overlap=4)
    for array, expected in zip(stream, embedder.encode(TEXTS, chunk=24, overlap=4), strict=True):
        np.testing.assert_allclose(array, expected, atol=1e-5)


def test_the_mean_is_weighted_by_characters(embedder: TextEmbedder) -> None:
    means = embedder.encode(TEXTS, chunk=24, overlap=4, parts="mean")
    for number, parts in enumerate(embedder.chunk(TEXTS, 24, overlap=4)):
        vectors = embedder.encode([part.text for part in parts])
        sizes = [max(part.end - part.start, 1) for part in parts]
        np.testing.assert_allclose(
            means[number], np.average(vectors, axis=0, weights=sizes), atol=1e-5
        )


@pytest.mark.parametrize("steps", [(), (Normalize(),)], ids=["asked for", "the model's"])
def test_the_mean_of_vectors_of_length_one_has_length_one(
    steps: tuple[Normalize, ...], tmp_path: Path
) -> None:
    place = save_tiny_vectors(tmp_path / "unit", PoolingConfig(max_length=32, steps=steps))
    embedder = TextEmbedder(place, engine="numpy")
    means = embedder.encode(TEXTS, chunk=24, parts="mean", normalize_embeddings=not steps)
    np.testing.assert_allclose(np.linalg.norm(means, axis=1), 1, atol=1e-6)


def test_windows_read_all_of_a_text_and_change_no_other(
    place: Path, embedder: TextEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    windows = TextEmbedder(place, truncation="windows", deterministic=True)
    whole = TextEmbedder(place, deterministic=True)
    with caplog.at_level(logging.WARNING):
        vectors = windows.encode([TEXTS[0], LONG])
    # without a build of the native engine its replacement is logged
    assert [line for line in caplog.messages if "[engine-replaced]" not in line] == []
    np.testing.assert_array_equal(vectors[0], whole.encode(TEXTS[0]))
    expected = embedder.encode([LONG], chunk=32, parts="mean")[0]
    np.testing.assert_allclose(vectors[1], expected, atol=1e-5)
    assert np.abs(vectors[1] - embedder.encode(LONG)).max() > 1e-3


def test_windows_are_of_single_texts_and_their_vectors(place: Path) -> None:
    windows = TextEmbedder(place, truncation="windows")
    with pytest.raises(InputError, match=r"are pairs, .* 'windows'.*\[option-invalid\]"):
        windows.encode([("a", "b")])
    for value in ("token_embeddings", None):
        with pytest.raises(InputError, match=r"output_value.*'windows'.*\[option-invalid\]"):
            windows.encode("a", output_value=value)


def test_a_prompt_is_read_with_each_part(embedder: TextEmbedder) -> None:
    parts = embedder.chunk(LONG, 24, prompt_name="query")
    assert len(parts) > len(embedder.chunk(LONG, 24))
    array = embedder.encode(LONG, chunk=24, prompt_name="query")
    expected = embedder.encode([f"the question: {part.text}" for part in parts])
    np.testing.assert_allclose(array, expected, atol=1e-5)


def test_markup_is_not_read(embedder: TextEmbedder) -> None:
    marked = "# The waters\n\nThey **rose**."
    vector = embedder.encode("The waters They rose.")
    np.testing.assert_allclose(embedder.encode(marked, markdown=True), vector, atol=1e-5)
    np.testing.assert_allclose(
        embedder.encode(marked, markdown=True, chunk=24)[0], vector, atol=1e-5
    )
    assert embedder.chunk(marked, markdown=True)[0][1:] == (0, len(marked))


@pytest.mark.parametrize("precision", ["int8", "ubinary"])
def test_parts_can_have_other_types(embedder: TextEmbedder, precision: str) -> None:
    arrays = embedder.encode(TEXTS, chunk=24, precision=precision)
    parts = [part.text for own in embedder.chunk(TEXTS, 24) for part in own]
    expected = embedder.encode(parts, precision=precision)
    distance = np.abs(np.concatenate(arrays).astype(int) - expected)
    assert distance.max() <= (precision == "int8")  # of rounding


def test_a_file_has_a_row_for_each_part(embedder: TextEmbedder, tmp_path: Path) -> None:
    import pyarrow

    table = embedder.encode(TEXTS, chunk=24, output=tmp_path / "v.arrow")
    assert isinstance(table, pyarrow.Table)
    assert table.column_names == ["row", "part", "start", "end", "vector"]
    spans = [(part.start, part.end) for own in embedder.chunk(TEXTS, 24) for part in own]
    assert list(zip(*table.select(["start", "end"]).to_pydict().values(), strict=True)) == spans
    assert table["row"].to_pylist()[:3] == [1, 2, 2]
    empty = embedder.encode([], chunk=24, output=tmp_path / "none.arrow")
    assert empty.schema == table.schema


def test_warnings_count_texts_and_not_parts(
    embedder: TextEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    unknown = "水の上 " * 40
    with caplog.at_level(logging.WARNING):
        embedder.encode([LONG, unknown, "", "a"], chunk=24)
    assert "1 of 4 texts is empty, number 3" in caplog.text
    assert "1 of 4 texts consists of unknown pieces only, number 2" in caplog.text


def test_a_letter_that_no_part_holds_is_cut_with_a_warning(
    embedder: TextEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    letter = "\ufdfa"  # 18 letters in NFKC
    ids = len(embedder.tokenizer.encode_batch([letter]).ids)
    with caplog.at_level(logging.WARNING):
        embedder.encode([f"a {letter} b", "a"], chunk=4)
    (message,) = caplog.messages
    assert f"1 of 2 texts has letters of more ids than a part of 4, {ids - 4} ids lost" in message
    assert f"Give a chunk of {ids} or more" in message
    caplog.clear()
    embedder.encode([f"a {letter} b", "a"], chunk=ids)
    assert not caplog.messages
    strict = TextEmbedder(embedder.model.path, truncation="error")
    with pytest.raises(InputError, match=r"a letter has .* a part 4\. .*\[text-too-long\]"):
        strict.encode([f"a {letter} b", "a"], chunk=4)


REFUSED = {
    "longer than the model reads": ({"chunk": 33}, "chunk-too-large"),
    "no room": ({"chunk": 2}, "chunk-too-small"),
    "overlap of a whole part": ({"chunk": 16, "overlap": 14}, "overlap-too-large"),
    "overlap without parts": ({"overlap": 4}, "option-invalid"),
    "no number": ({"chunk": 0}, "option-invalid"),
    "token vectors": ({"chunk": 16, "output_value": "token_embeddings"}, "option-invalid"),
    "another word": ({"chunk": 16, "parts": "all"}, "option-invalid"),
}


@pytest.mark.parametrize(("options", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_is_refused(
    embedder: TextEmbedder, options: dict[str, object], code: str
) -> None:
    with pytest.raises(InputError, match=rf"\[{code}\]"):
        embedder.encode(TEXTS, **options)


def test_pairs_are_not_cut_into_parts(embedder: TextEmbedder) -> None:
    with pytest.raises(InputError, match=r"texts are pairs.*\[option-invalid\]"):
        embedder.encode([("a", "b")], chunk=16)
    with pytest.raises(InputError, match=r"texts are pairs.*\[option-invalid\]"):
        embedder.chunk([("a", "b")])
