"""FillMask against Hugging Face's pipeline on the same random weights."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.support.axes import random_weights
from tests.support.tiny_models import PIECES, TINY, save_tiny
from tests.support.words import words_of
from transformers import AlbertForMaskedLM, AutoTokenizer, Pipeline, pipeline

from albertkit.arrays import FloatArray
from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.errors import AlbertKitError, InputError
from albertkit.tasks import FillMask, fill_mask
from albertkit.tasks.fill_mask import softmax
from albertkit.tokenization import AlbertTokenizer

TEXTS = [
    "The cat sat on the [MASK].",
    "a [MASK] of water",
    "[MASK] is the capital, and [MASK] the river.",
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "words", ["masked_lm"])


@pytest.fixture(scope="module")
def fill(path: Path) -> FillMask:
    return FillMask(path)


@pytest.fixture(scope="module")
def theirs(path: Path) -> Pipeline:
    torch.set_num_threads(1)
    model = AlbertForMaskedLM.from_pretrained(path)
    return pipeline("fill-mask", model=model, tokenizer=AutoTokenizer.from_pretrained(path))


def assert_same_words(ours: object, theirs: object) -> None:
    """The same nesting, pieces and strings, and scores within 1e-5."""
    if isinstance(ours, list):
        assert isinstance(theirs, list)
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same_words(one, other)
        return
    assert isinstance(ours, dict)
    assert isinstance(theirs, dict)
    assert set(ours) == set(theirs)
    assert ours["score"] == pytest.approx(theirs["score"], abs=1e-5)
    for key in ("token", "token_str"):
        assert ours[key] == theirs[key]
    assert ours["sequence"].replace(" ", "") == theirs["sequence"].replace(" ", "")


def read_alike(fill: FillMask, theirs: Pipeline, text: str) -> bool:
    """Whether both tokenizers give the same ids: around a [MASK] they may differ."""
    ours = fill.tokenizer.encode_batch([text]).ids.tolist()
    assert theirs.tokenizer is not None
    return bool(theirs.tokenizer(text)["input_ids"] == ours)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_gets_what_the_pipeline_gives(fill: FillMask, theirs: Pipeline, text: str) -> None:
    assert read_alike(fill, theirs, text)
    assert_same_words(fill(text), theirs(text))


def test_a_list_gets_a_list_and_a_list_of_one_its_only_answer(
    fill: FillMask, theirs: Pipeline
) -> None:
    assert_same_words(fill(TEXTS), theirs(TEXTS))
    assert_same_words(fill(TEXTS[:1]), theirs(TEXTS[:1]))
    assert fill([]) == []


def test_many_texts_are_answered_as_each_alone(fill: FillMask) -> None:
    many = [TEXTS[number % 3] for number in range(300)]
    answers = fill(many, top_k=2)
    assert len(answers) == 300
    for number in (0, 1, 2, 127, 128, 299):
        assert_same_words(answers[number], fill(TEXTS[number % 3], top_k=2))


def test_top_k_is_how_many_words_come_and_never_more_than_there_are(fill: FillMask) -> None:
    assert len(fill(TEXTS[0], top_k=1)) == 1
    words = words_of(fill(TEXTS[0], top_k=2000))
    assert len(words) == 995, "of 1,000 pieces the unknown one and four special ones are not words"
    specials = {fill.tokenizer.unk_token_id, *fill.tokenizer.vocabulary.table.specials.all()}
    assert specials.isdisjoint(word["token"] for word in words)
    assert 0.9 < sum(word["score"] for word in words) < 1
    assert [word["score"] for word in words] == sorted((w["score"] for w in words), reverse=True)


def test_targets_are_the_only_words_and_keep_their_probability(
    fill: FillMask, theirs: Pipeline
) -> None:
    pieces = ["▁the", "▁a", "▁of"]
    ours = words_of(fill(TEXTS[0], targets=pieces))
    assert_same_words(ours, theirs(TEXTS[0], targets=pieces))
    everything = {word["token"]: word["score"] for word in words_of(fill(TEXTS[0], top_k=1000))}
    assert all(everything[word["token"]] == word["score"] for word in ours)


def test_a_target_is_the_whole_word_where_the_vocabulary_has_one(fill: FillMask) -> None:
    pieces = fill.tokenizer.get_vocab()
    assert {"▁the", "the"} <= set(pieces), "both the word and the continuation are pieces"
    for written in ("the", "The", "▁the"):
        words = words_of(fill(TEXTS[0], targets=written))
        assert [word["token"] for word in words] == [pieces["▁the"]]


def test_an_unknown_target_is_its_first_piece_and_the_log_says_so(
    fill: FillMask, caplog: pytest.LogCaptureFixture
) -> None:
    (word,) = words_of(fill(TEXTS[0], targets=["xylophonist"]))
    assert "xylophonist".startswith(word["token_str"])
    assert "[target-unknown]" in caplog.text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no mask here", "no mask here"),
        ("", "it is empty"),
        ("a [mask] of water", "'[mask]'"),
        ("a <mask> of water", "'<mask>'"),
    ],
)
def test_a_text_without_a_mask_is_refused_with_the_reason(
    fill: FillMask, text: str, reason: str
) -> None:
    with pytest.raises(InputError, match=r"\[mask-missing\]") as caught:
        fill([TEXTS[0], text])
    assert "text 2 has no [MASK]" in str(caught.value)
    assert reason in str(caught.value)


def test_a_mask_that_the_policy_reads_as_text_is_refused_by_name(path: Path) -> None:
    with pytest.raises(InputError, match="policy 'tfhub' reads it as plain text"):
        FillMask(path, policy="tfhub")(TEXTS[0])


def test_a_long_text_is_refused_unless_cutting_is_asked_for(
    path: Path, fill: FillMask, caplog: pytest.LogCaptureFixture
) -> None:
    long = "[MASK] " + "water " * 60
    with pytest.raises(InputError, match=r"\[text-too-long\]"):
        fill(long)
    assert len(FillMask(path, truncation="warn")(long)) == 5
    assert "[text-truncated]" in caplog.text
    with pytest.raises(InputError, match="truncation cut it off"):
        FillMask(path, truncation="off")("water " * 60 + "[MASK]")


@pytest.mark.parametrize(
    "options",
    [
        {"top_k": 0},
        {"top_k": 2.5},
        {"targets": []},
        {"top_k": True},
        {"targets": [" "]},
        {"targets": [3]},
    ],
    ids=str,
)
def test_impossible_options_are_refused(fill: FillMask, options: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"\[option-invalid\]"):
        fill(TEXTS[0], **options)  # type: ignore[call-overload]  # that is the test


def test_a_model_without_the_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AlbertKitError, match=r"\[head-missing\]"):
        FillMask(save_tiny(tmp_path / "bare"))


def test_a_filler_can_be_copied_pickled_and_printed(path: Path, fill: FillMask) -> None:
    expected = fill(TEXTS[0])
    for other in (copy.deepcopy(fill), pickle.loads(pickle.dumps(fill))):  # noqa: S301
        assert other(TEXTS[0]) == expected
    assert repr(fill) == f"FillMask('{path}', 1,000 pieces)"


def test_an_iterator_of_texts_is_read(fill: FillMask) -> None:
    assert fill(text for text in TEXTS) == fill(TEXTS)


def test_whole_numbers_of_numpy_are_whole_numbers(fill: FillMask) -> None:
    assert fill(TEXTS[0], top_k=np.int64(3)) == fill(TEXTS[0], top_k=3)  # type: ignore[call-overload]  # that is the test


def test_unknown_and_special_pieces_are_targets_only_by_name(fill: FillMask) -> None:
    unknown = fill.tokenizer.convert_ids_to_tokens(fill.tokenizer.unk_token_id)
    (word,) = words_of(fill(TEXTS[0], targets=[unknown]))
    assert word["token"] == fill.tokenizer.unk_token_id


def test_few_masks_are_scored_at_a_time(fill: FillMask, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["[MASK] [MASK] [MASK]", "a [MASK]", "[MASK] b [MASK]", "[MASK]", *TEXTS]
    expected = fill(texts)
    sizes: list[int] = []

    def record(logits: FloatArray) -> FloatArray:
        sizes.append(len(logits))
        return softmax(logits)

    monkeypatch.setattr(fill_mask, "MASKS_AT_ONCE", 2)
    monkeypatch.setattr(fill_mask, "softmax", record)
    assert_same_words(fill(texts), expected)
    assert sizes == [3, 1, 2, 2, 3]
    assert fill([]) == []


def test_a_padded_row_is_no_word(tmp_path: Path) -> None:
    weights = random_weights(replace(TINY, vocab_size=1024), ["masked_lm"])
    HUGGINGFACE.write(Checkpoint(weights), tmp_path)
    AlbertTokenizer.from_pretrained(PIECES).save_pretrained(tmp_path)
    words: Any = FillMask(tmp_path)("a [MASK]", top_k=1024)
    assert max(word["token"] for word in words) < 1000
