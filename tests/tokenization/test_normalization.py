"""Many lines at once come out as one by one, and as the rules say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albertkit.tokenization.normalization import normalize, normalize_many
from albertkit.tokenization.policy import (
    HUGGINGFACE,
    POLICIES,
    REFERENCE,
    TFHUB,
    WORDPIECE,
    TokenizerPolicy,
)

from . import slow_reference
from .texts import any_texts


@given(any_texts)
def test_the_reference_is_googles_clean(text: str) -> None:
    assert normalize(text, REFERENCE) == slow_reference.clean(text)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
@settings(max_examples=60)
@given(texts=st.lists(any_texts, max_size=8))
def test_many_lines_are_normalized_as_one_by_one(policy: TokenizerPolicy, texts: list[str]) -> None:
    assert normalize_many(texts, policy) == [normalize(text, policy) for text in texts]


@given(st.lists(any_texts, max_size=8))
def test_only_the_whitespace_that_was_named_is_collapsed(texts: list[str]) -> None:
    lines = normalize_many(texts, REFERENCE, "\x0b")
    for line, text in zip(lines, texts, strict=True):
        assert line.split() == normalize(text, REFERENCE).split()
        assert "\x0b" not in line


@pytest.mark.parametrize(
    ("text", "policy", "line"),
    [
        ("  Café\u00a0Naïve\n", REFERENCE, "cafe naive"),
        ("ﬁ ½ Ⅳ", REFERENCE, "fi 1⁄2 iv"),
        ("กำ", REFERENCE, "ก\u0e4dา"),  # a mark of class 0 stays
        ("``a''", REFERENCE, "``a''"),
        ("``a''", HUGGINGFACE, '"a"'),
        ("Straße \u00adx\u200by", TFHUB, "strasse xy"),
        ("ΟΔΟΣ", REFERENCE, "οδος"),
        ("ΟΔΟΣ", TFHUB, "οδοσ"),
        ("A\tB", TFHUB, "a\tb"),
        ("你好x!\0", WORDPIECE, "你  好 x ! "),
    ],
)
def test_examples(text: str, policy: TokenizerPolicy, line: str) -> None:
    if policy is WORDPIECE:
        assert normalize(text, policy).split() == line.split()
    else:
        assert normalize(text, policy) == line
