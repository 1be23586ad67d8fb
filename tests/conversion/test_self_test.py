"""A model that is read wrongly predicts words worse, and the self-test shows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.tiny_models import save_tiny

from albertkit.conversion.self_test import (
    check_metadata,
    explain_doubts,
    list_doubtful_values,
    log_probabilities,
    self_test,
)
from albertkit.errors import InputError
from albertkit.runtime import LoadOptions, open_model
from albertkit.sources import WORDS
from albertkit.spec import AlbertConfig
from albertkit.spec.presets import preset


def test_the_right_number_of_heads_predicts_best() -> None:
    right = open_model(WORDS)  # 4 heads of 64
    wrong = open_model(WORDS, LoadOptions(num_attention_heads=2))
    tested = self_test(wrong)
    assert wrong.weights.config.num_attention_heads == 2, "it shows, and changes nothing"
    figures = {each.name: each.log_probability for each in tested.candidates}
    assert figures["num_attention_heads 4"] > figures["as opened"] + 0.5
    assert tested.verdict.startswith("num_attention_heads 4 is better by")
    assert "num_attention_heads 4 -" in tested.line()
    own = self_test(right)
    assert own.verdict == "none is better by more than 0.01"
    assert own.candidates[0].log_probability == figures["num_attention_heads 4"]


def test_candidates_are_what_no_shape_shows() -> None:
    large = preset("xlarge")
    assert list_doubtful_values(large) == [("hidden_act", "gelu"), ("num_attention_heads", 16)]
    assert list_doubtful_values(replace(large, hidden_act="relu", num_attention_heads=16)) == [
        ("num_attention_heads", 32)
    ]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (preset("base-v1"), []),
        (replace(preset("base-v1"), hidden_act="gelu"), ["hidden_act is 'gelu'"]),
        (preset("xlarge"), []),
        (replace(preset("xlarge"), num_attention_heads=16), ["num_attention_heads is 16"]),
        (AlbertConfig(hidden_size=64, num_attention_heads=4, hidden_act="gelu"), []),
    ],
    ids=["base", "base_erf", "xlarge", "xlarge_16", "own"],
)
def test_known_faults_of_published_configs_are_doubted(
    config: AlbertConfig, expected: list[str]
) -> None:
    doubts = check_metadata(config)
    assert [each.what.split(",")[0] for each in doubts] == expected
    assert all(each.code == "metadata-suspicious" for each in doubts)
    assert all("--self-test" in each.fix for each in doubts)


def test_log_probabilities_are_those_of_the_softmax() -> None:
    logits = np.array([[1000, 1001, 999], [0, 0, 0]], np.float32)
    wanted = np.log([np.exp(1) / (1 + np.exp(1) + np.exp(-1)), 1 / 3])
    np.testing.assert_allclose(log_probabilities(logits, np.array([1, 2])), wanted, rtol=1e-5)


def test_without_what_it_needs_it_says_so(tmp_path: Path) -> None:
    bare = open_model(save_tiny(tmp_path / "bare"))
    with pytest.raises(InputError, match=r"no masked LM head.*\[self-test-impossible\]"):
        self_test(bare)
    words = open_model(save_tiny(tmp_path / "words", ["masked_lm"]))
    with pytest.raises(InputError, match=r"no tokenizer.*\[self-test-impossible\]"):
        self_test(replace(words, optional_tokenizer=None))


def test_a_doubt_comes_with_figures_where_words_can_be_predicted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = replace(preset("small-en"), hidden_act="gelu")
    monkeypatch.setattr(
        "albertkit.conversion.self_test.PRESETS", {"albert-of-this-size": preset("small-en")}
    )
    assert [each.code for each in check_metadata(small)] == ["metadata-suspicious"]
    (tested,) = explain_doubts(open_model(WORDS, LoadOptions(hidden_act="gelu")))
    assert "masked words: as opened -" in tested.why
    assert "hidden_act gelu_new -" in tested.why
    assert explain_doubts(open_model(WORDS)) == ()
