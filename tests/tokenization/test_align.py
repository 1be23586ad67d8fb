"""The traced line is the normalized line, and every range is inside the text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from albertkit.tokenization.align import trace
from albertkit.tokenization.normalization import normalize
from albertkit.tokenization.policy import POLICIES, REFERENCE, WORDPIECE, TokenizerPolicy

from .texts import any_texts

VARIANTS = (
    *POLICIES,
    replace(REFERENCE, name="accents kept", form="kept", marks="kept"),
    replace(REFERENCE, name="composed marks kept", marks="kept"),
    replace(REFERENCE, name="cased", case="kept"),
    replace(WORDPIECE, name="wordpiece cased", case="kept", form="kept", marks="kept"),
)


@pytest.mark.parametrize("policy", VARIANTS, ids=lambda policy: policy.name)
@settings(max_examples=80)
@given(text=any_texts)
def test_the_traced_line_is_the_normalized_one(policy: TokenizerPolicy, text: str) -> None:
    traced = trace(text, policy)
    assert traced.line == normalize(text, policy)
    assert len(traced.starts) == len(traced.ends) == len(traced.line)
    assert all(
        0 <= start <= end <= len(text)
        for start, end in zip(traced.starts, traced.ends, strict=True)
    )


@pytest.mark.parametrize(
    ("text", "part", "origin"),
    [
        ("a ﬁsh", "fi", "ﬁ"),
        ("cafe\u0301 x", "cafe", "cafe\u0301"),
        ("x  Über\ty", "uber", "Über"),
        ("½", "⁄", "½"),
        ("한글", "ᅡ", "한"),
    ],
)
def test_a_part_of_the_line_comes_from(text: str, part: str, origin: str) -> None:
    traced = trace(text, REFERENCE)
    offset = traced.line.index(part)
    start, end = traced.source_of(offset, offset + len(part))
    assert text[start:end] == origin
