"""Results are those of transformers' pipeline, with each of its strategies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from tests.support.tiny_heads import SENTENCES, save_head

from albertkit.engine.packing import pack_single
from albertkit.engine.protocol import OutputRequest
from albertkit.errors import InputError
from albertkit.tasks import TokenClassifier
from albertkit.tasks.classify import softmax
from albertkit.tasks.options import Aggregation
from albertkit.tokenization import AlbertTokenizer

HEAD = "token_classification"
BIO = dict(enumerate(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]))
IOB = dict(enumerate(["I-PER", "O", "I-LOC"]))
PLAIN = dict(enumerate(["NOUN", "VERB", "O"]))
STRATEGIES: tuple[Aggregation, ...] = ("none", "simple", "first", "average", "max")


def assert_alike(text: str, ours: list[Any], theirs: list[dict[str, Any]]) -> None:
    """The same results, but for two things that are better known here.

    The word of a group is the text itself, not its lower-case pieces; and a word starts behind the
    spaces before it, which in transformers 5 belong to it.
    """
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert list(mine) == list(other)
        other["start"] += len(text[other["start"] :]) - len(text[other["start"] :].lstrip())
        for name in other:
            if name == "score":
                assert mine[name] == pytest.approx(float(other[name]), abs=2e-5)
            elif name != "word" or "entity" in other:
                assert mine[name] == other[name]


def words_of_whole_pieces(tokenizer: AlbertTokenizer, text: str) -> str:
    """The words that do not begin with the piece ▁, a word of its own in transformers."""
    words = [word for word in text.split() if tokenizer.tokenize(word)[0] != "▁"]
    assert words
    return "  ".join(words)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("names", [BIO, IOB, PLAIN], ids=["bio", "iob", "plain"])
@pytest.mark.filterwarnings("ignore:Tokenizer does not support real words")
def test_results_are_those_of_the_pipeline(
    names: dict[int, str], strategy: Aggregation, tmp_path: Path
) -> None:
    save_head(tmp_path / "model", HEAD, names=names, scale=3)
    ours = TokenClassifier(tmp_path / "model")
    pipe = transformers.pipeline("token-classification", model=str(tmp_path / "model"))
    texts = [words_of_whole_pieces(ours.tokenizer, text) for text in SENTENCES[:3] + SENTENCES[4:]]
    for ignored in (["O"], [names[0], "PER"]):
        keywords: dict[str, Any] = {"aggregation_strategy": strategy, "ignore_labels": ignored}
        theirs = [pipe(text, **keywords) for text in texts]
        for text, mine, other in zip(texts, ours(texts, **keywords), theirs, strict=True):
            assert_alike(text, mine, other)
    assert_alike(
        texts[0],
        ours(texts[0], aggregation_strategy=strategy),
        pipe(texts[0], aggregation_strategy=strategy),
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_offsets_are_exact_in_the_original(strategy: Aggregation, tmp_path: Path) -> None:
    tagger = TokenClassifier(save_head(tmp_path / "model", HEAD, names=BIO, scale=3))
    checked = 0
    for text in SENTENCES:
        for entity in tagger(text, aggregation_strategy=strategy, ignore_labels=[]):
            word = text[entity["start"] : entity["end"]]
            assert word == word.strip()
            if strategy != "none":
                assert entity["word"] == word
                checked += 1
    assert checked or strategy == "none"


def test_one_ignored_label_needs_no_list(tmp_path: Path) -> None:
    tagger = TokenClassifier(save_head(tmp_path / "model", HEAD, names=BIO, scale=3))
    expected = tagger(SENTENCES[0], aggregation_strategy="simple", ignore_labels=["PER"])
    assert {item["entity_group"] for item in expected} >= {"O"}
    result = tagger(SENTENCES[0], aggregation_strategy="simple", ignore_labels="PER")
    assert result == expected


def test_spans_of_bioes_end_where_the_tags_say(tmp_path: Path) -> None:
    names = dict(enumerate(["S-PER", "B-PER", "E-PER", "I-PER"]))
    tagger = TokenClassifier(save_head(tmp_path / "model", HEAD, names=names, scale=5))
    tags = tagger(SENTENCES[4])
    groups = tagger(SENTENCES[4], aggregation_strategy="simple")
    assert {group["entity_group"] for group in groups} == {"PER"}
    expected, begin = [], 0
    for index, tag in enumerate(tags):
        is_last = index + 1 == len(tags) or tags[index + 1]["entity"][0] in "BS"
        if is_last or tag["entity"][0] in "ES":
            if tags[begin]["start"] < tag["end"]:  # not ▁ alone
                expected.append((tags[begin]["start"], tag["end"]))
            begin = index + 1
    assert [(group["start"], group["end"]) for group in groups] == expected
    assert len(expected) > 5


def test_a_long_text_is_tagged_as_its_windows_are(tmp_path: Path) -> None:
    """Each piece has the scores of the window in which it has most context."""
    tagger = TokenClassifier(save_head(tmp_path / "model", HEAD, names=BIO, scale=3))
    text = " ".join(SENTENCES[number % 5] for number in range(40))
    tags = tagger(text, ignore_labels=[])
    assert len(tags) == len(tagger.tokenizer.tokenize(text))
    assert [tag["index"] for tag in tags] == list(range(1, len(tags) + 1))
    checked: dict[int, Any] = {}
    whole: Any = tagger.tokenizer(text, return_offsets_mapping=True)
    spans = [tuple(span) for span in whole["offset_mapping"][1:-1]]
    assert [(tag["start"], tag["end"]) for tag in tags] == spans
    ids = np.array(whole["input_ids"][1:-1])
    engine = tagger.model.engines.engine_for(tagger.tokenizer.encode_batch([text]))
    room, step = 126, 126 - 63
    best = np.full(len(ids), -1)
    for begin in range(0, len(ids) - 63, step):
        window = ids[begin : begin + room]
        batch = pack_single(
            np.array([2, *window, 3], np.int32), np.zeros(len(window) + 2, np.int32), 128
        )
        logits = engine.run(batch, OutputRequest(head=HEAD)).head_logits
        assert logits is not None
        for place, row in enumerate(softmax(logits)[1:-1]):
            context = min(place, len(window) - 1 - place)
            if context > best[begin + place]:
                best[begin + place] = context
                tag = tags[begin + place]
                expected = (BIO[int(row.argmax())], pytest.approx(float(row.max()), abs=2e-5))
                checked[begin + place] = ((tag["entity"], tag["score"]), expected)
    assert len(checked) == len(tags)
    for ours, theirs in checked.values():
        assert ours == theirs


def test_iterators_give_iterators_and_empty_texts_give_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tagger = TokenClassifier(save_head(tmp_path / "model", HEAD, names=BIO, scale=3))
    caplog.clear()
    assert list(tagger(iter(SENTENCES))) == tagger(SENTENCES)
    assert tagger(["", " "], aggregation_strategy="first", ignore_labels=[]) == [[], []]
    assert tagger("", ignore_labels=[]) == []
    assert "[text-empty]" in caplog.records[0].message
    assert tagger([]) == []


def test_wrong_inputs_are_refused(tmp_path: Path) -> None:
    tagger = TokenClassifier(save_head(tmp_path / "model", HEAD, names=BIO))
    with pytest.raises(InputError, match=r"\[input-not-texts\]"):
        tagger([("a", "b")])
    with pytest.raises(InputError, match=r"\[input-not-texts\]"):
        tagger(None)
    with pytest.raises(InputError, match=r"\[option-invalid\]"):
        tagger("a", aggregation_strategy="best")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"\[option-invalid\]"):
        tagger("a", stride=-1)
    with pytest.raises(InputError, match=r"token_classification.*\[head-missing\]"):
        TokenClassifier("small-en")
