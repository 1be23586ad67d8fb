"""Labels and scores are those of transformers' pipeline on every axis of the config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from tests.support.tiny_heads import SENTENCES, save_head
from tests.support.tiny_models import TINY, save_tiny, save_tiny_vectors

from albertkit.errors import FormatError, InputError
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.spec.vector_head import VectorHead
from albertkit.tasks import TextClassifier
from albertkit.tasks.inputs import Texts

HEAD = "sequence_classification"
AXES: dict[str, dict[str, Any]] = {
    "two": {},
    "five": {"labels": 5},
    "names": {"names": {0: "no", 1: "perhaps", 2: "yes"}},
    "one": {"labels": 1},
    "single label": {"labels": 3, "problem_type": "single_label_classification"},
    "several labels": {"labels": 4, "problem_type": "multi_label_classification"},
    "regression": {"labels": 1, "problem_type": "regression"},
    "regression of two": {"labels": 2, "problem_type": "regression"},
}
CALLS: list[dict[str, Any]] = [
    {},
    {"top_k": None},
    {"top_k": 1},
    {"top_k": 2},
    *({"function_to_apply": name, "top_k": None} for name in ("sigmoid", "softmax", "none")),
]


def assert_alike(ours: Any, theirs: Any) -> None:
    """The same lists, dicts and labels; scores to 2e-5, as the engines' parity with torch."""
    if isinstance(theirs, list):
        assert isinstance(ours, list)
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            assert_alike(mine, other)
    else:
        assert list(ours) == list(theirs)
        assert ours["label"] == theirs["label"]
        assert ours["score"] == pytest.approx(theirs["score"], abs=2e-5)


@pytest.mark.parametrize("axis", AXES)
def test_answers_are_those_of_the_pipeline(axis: str, tmp_path: Path) -> None:
    save_head(tmp_path / "model", HEAD, **AXES[axis])
    pipe = transformers.pipeline("text-classification", model=str(tmp_path / "model"))
    ours = TextClassifier(tmp_path / "model")
    pair = {"text": SENTENCES[0], "text_pair": SENTENCES[4]}
    for keywords in CALLS if axis == "five" else CALLS[:2]:
        for inputs in (SENTENCES[0], SENTENCES[:2], [pair], pair):
            assert_alike(ours(inputs, **keywords), pipe(inputs, **keywords))


def test_iterators_give_iterators_in_the_same_order(tmp_path: Path) -> None:
    classifier = TextClassifier(save_head(tmp_path / "model", HEAD, 3))
    texts = [f"{sentence} {number}" for number in range(20) for sentence in SENTENCES]
    stream = classifier(iter(texts))
    assert not isinstance(stream, list)
    assert [next(stream)["label"], *(answer["label"] for answer in stream)] == [
        answer["label"] for answer in classifier(texts)
    ]


def test_pairs_are_tuples_or_dicts(tmp_path: Path) -> None:
    classifier = TextClassifier(save_head(tmp_path / "model", HEAD))
    as_dict = classifier([{"text": "a house", "text_pair": "a king"}])
    assert classifier([("a house", "a king")]) == as_dict
    assert list(classifier(iter([("a house", "a king")]))) == as_dict
    assert classifier([]) == []


def test_the_temperature_of_the_config_divides_the_logits(tmp_path: Path) -> None:
    plain = TextClassifier(save_head(tmp_path / "plain", HEAD, 3))
    warm = TextClassifier(save_head(tmp_path / "warm", HEAD, 3, temperature=2.5))
    logits = plain.compute_logits(SENTENCES)
    np.testing.assert_allclose(warm.scores(logits), plain.scores(logits / 2.5), rtol=1e-6)
    assert warm.predict(SENTENCES) == plain.predict(SENTENCES)
    np.testing.assert_array_equal(warm.scores(logits, "none"), logits)


def test_labels_below_a_threshold_are_none(tmp_path: Path) -> None:
    classifier = TextClassifier(save_head(tmp_path / "model", HEAD, 3, abstain_below=0.999))
    assert classifier.predict(SENTENCES) == [None] * 5
    assert [answer["label"] for answer in classifier(SENTENCES)] == [None] * 5
    assert None not in [answer["label"] for answer in classifier(SENTENCES, abstain_below=0.0)]


def test_decisions_follow_the_thresholds_of_the_config(tmp_path: Path) -> None:
    several: dict[str, Any] = {"problem_type": "multi_label_classification", "labels": 3}
    plain = TextClassifier(save_head(tmp_path / "plain", HEAD, **several))
    scores = plain.scores(plain.compute_logits(SENTENCES))
    assert plain.predict(SENTENCES) == [
        [plain.labels[number] for number in np.flatnonzero(row >= 0.5)] for row in scores
    ]
    thresholds = {"LABEL_0": 0.0, "LABEL_2": 1.0}
    strict = TextClassifier(
        save_head(tmp_path / "strict", HEAD, **several, decision_threshold=thresholds)
    )
    assert strict.predict(SENTENCES) == [
        ["LABEL_0", *(["LABEL_1"] if row[1] >= 0.5 else [])] for row in scores
    ]
    two = TextClassifier(save_head(tmp_path / "two", HEAD, 2, decision_threshold=0.0))
    assert two.predict(SENTENCES) == ["LABEL_1"] * 5
    number = TextClassifier(save_head(tmp_path / "one", HEAD, 1, problem_type="regression"))
    assert number.predict(["a house"]) == [pytest.approx(number("a house")[0]["score"])]


@pytest.mark.parametrize(
    "extra",
    [
        {"temperature": 0},
        {"temperature": "warm"},
        {"decision_threshold": {"LABEL_9": 0.5}},
        {"decision_threshold": [0.5]},
        {"abstain_below": True},
    ],
)
def test_settings_that_are_no_numbers_are_refused(extra: dict[str, Any], tmp_path: Path) -> None:
    save_head(tmp_path / "model", HEAD, **extra)
    with pytest.raises(FormatError, match=r"config.json.*\[config-value-invalid\]"):
        TextClassifier(tmp_path / "model")


def test_a_model_without_the_head_is_refused_with_the_heads_that_it_has(tmp_path: Path) -> None:
    save_tiny(tmp_path / "words", ("masked_lm",))
    with pytest.raises(InputError, match=r"its heads are masked_lm.*finetune.*\[head-missing\]"):
        TextClassifier(tmp_path / "words")
    with pytest.raises(InputError, match=r"'small-en' has no sequence_class.*\[head-missing\]"):
        TextClassifier()


def test_wrong_inputs_are_refused(tmp_path: Path) -> None:
    classifier = TextClassifier(save_head(tmp_path / "model", HEAD))
    for wrong in (None, 3, [None], [{"text_pair": "x"}], {"text": 3}):
        with pytest.raises(InputError, match=r"\[input-not-texts\]"):
            classifier(wrong)
    with pytest.raises(InputError, match=r"\[option-invalid\]"):
        classifier("a", top_k=0)
    with pytest.raises(InputError, match=r"\[option-invalid\]"):
        classifier("a", function_to_apply="tanh")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"\[option-invalid\]"):
        classifier("a", abstain_below=1.5)
    with pytest.raises(InputError, match=r"abstain_below is '0\.5'.*\[option-invalid\]"):
        classifier("a", abstain_below="0.5")  # type: ignore[arg-type]
    assert classifier(np.array("a"), top_k=1) == classifier("a", top_k=1)
    with pytest.raises(InputError, match=r"\[unknown-keyword\]"):
        classifier("a", topk=1)  # type: ignore[call-arg]
    with pytest.raises(InputError, match=r"\[text-too-long\]"):
        TextClassifier(tmp_path / "model", truncation="error")("house " * 300)


def test_long_texts_are_cut_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    classifier = TextClassifier(save_head(tmp_path / "model", HEAD))
    caplog.clear()
    assert len(classifier(["house " * 300, "a", "king " * 290])) == 3
    warnings = [record.message for record in caplog.records]
    assert len(warnings) == 1
    assert "2 of 3 texts were cut" in warnings[0]
    assert "[text-truncated]" in warnings[0]


def test_both_texts_of_a_pair_have_its_number(tmp_path: Path) -> None:
    place = save_tiny_vectors(tmp_path / "model", PoolingConfig(max_length=20))
    weight = np.ones((2, 4 * TINY.hidden_size), np.float32)
    VectorHead(weight, np.zeros(2, np.float32), ("a", "b"), reads_pairs=True).write(place)
    call = TextClassifier(place).call()
    long = "the house " * 50
    rows = [  # of a table, as a job has them
        Texts(["a", "b"], ["c", "d"], False, [2, 3]),
        Texts(["a", "b"], [" ", long], False, [5, 8]),
    ]
    assert [len(answers) for answers in call.answers(iter(rows))] == [2, 2]
    assert (call.report.empty.first, call.report.truncated.first) == (5, 8)
    classifier = TextClassifier(place, truncation="error")
    with pytest.raises(InputError, match=r"text 2 is too long.*\[text-too-long\]"):
        classifier([("a", "b"), ("c", long)])
