"""Parts of long texts: exact spans, whole cover, never more ids than the model reads."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from albertkit.errors import InputError
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.parts import PartCutter, Parts, can_be_cut, is_border, pack_units
from tests.tokenization.texts import TRICKY

# Long texts of words, marks, emoji of several characters, and scripts without spaces.
LONG_TRICKY = (
    *TRICKY,
    *("the ", "waters ", "a mountain. ", "Then ", ".\n\n", "?! ", "。", "\u0301\u0323"),
    *("👩\u200d👩\u200d👧", "👍🏽", "❤\ufe0f", "🇩🇪", "ﷺ", "x" * 70, "水の上。" * 9, "e\u0301" * 30),
)
long_texts = st.lists(st.sampled_from(LONG_TRICKY), max_size=60).map("".join)


@pytest.fixture(scope="module", params=["reference", "huggingface", "tfhub", "words"])
def tokenizer(request: pytest.FixtureRequest) -> AlbertTokenizer:
    from tests.tokenization.conftest import TINY, TINY_WORDS

    if request.param == "words":
        return AlbertTokenizer.from_pretrained(TINY_WORDS)
    return AlbertTokenizer.from_pretrained(TINY, policy=request.param)


def _spans(parts: Parts) -> list[tuple[int, int]]:
    return list(zip(parts.starts.tolist(), parts.ends.tolist(), strict=True))


@given(st.lists(long_texts, max_size=3), st.integers(4, 40), st.integers(0, 12))
@example(["ﷺ" * 9, "", "a"], 8, 3)
@example(["\x85a", "\x85" * 9, " \x85 ", "¿ŉ▁"], 4, 0)
def test_parts_cover_the_text_and_fit_the_model(
    tokenizer: AlbertTokenizer, texts: list[str], max_length: int, overlap: int
) -> None:
    cutter = PartCutter(tokenizer, max_length, min(overlap, max_length - 3))
    parts, encodings = cutter.cut(texts)
    assert len(parts.offsets) == len(texts) + 1
    assert (encodings.lengths <= max_length).all()
    for number in encodings.dropped.nonzero()[0].tolist():
        assert not can_be_cut(parts.texts[number])
    for number, text in enumerate(texts):
        own = slice(*parts.offsets[number : number + 2].tolist())
        spans = _spans(parts)[own]
        assert parts.texts[own] == [text[start:end] for start, end in spans]
        covered = {index for start, end in spans for index in range(start, end)}
        assert all(text[i].isspace() for i in range(len(text)) if i not in covered)
        for (start, end), (next_start, next_end) in pairwise(spans):
            assert start < next_start
            assert end < next_end
        assert all(
            text[start - 1].isspace() or text[start].isspace() or is_border(text, start)
            for start, _ in spans
            if start
        )


@given(st.lists(long_texts, min_size=1, max_size=3), st.integers(12, 40))
def test_the_ids_are_those_of_the_parts_alone(
    tokenizer: AlbertTokenizer, texts: list[str], max_length: int
) -> None:
    """So anybody can compute a part's vector again from its span."""
    parts, encodings = PartCutter(tokenizer, max_length, 5).cut(texts)
    again = tokenizer.encode_batch(parts.texts, max_length=max_length)
    assert encodings.ids.tolist() == again.ids.tolist()


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=40),
    st.sets(st.integers(1, 39)),
    st.integers(1, 20),
    st.integers(0, 19),
)
def test_units_are_packed_in_order_with_the_overlap_that_was_asked(
    counts: list[int], sentences: set[int], room: int, overlap: int
) -> None:
    overlap = min(overlap, room - 1)
    starts = sorted(number for number in sentences if number < len(counts))
    parts = list(pack_units(counts, starts, room, overlap))
    assert parts[0][0] == 0
    assert parts[-1][1] == len(counts)
    for first, last in parts:
        assert sum(counts[first:last]) <= room or last == first + 1
    for (first, last), (next_first, next_last) in pairwise(parts):
        assert first < next_first <= last < next_last
        assert sum(counts[next_first:last]) <= overlap
        # the overlap is not smaller than it must be
        if overlap and next_first not in starts and next_first > first + 1:
            more = sum(counts[next_first - 1 : last])
            assert more > overlap or more + counts[last] > room


def test_a_part_ends_with_a_sentence_if_it_is_half_full(tiny: AlbertTokenizer) -> None:
    text = "The waters rose. The mountains were high. " * 4
    parts, _ = PartCutter(tiny, 24).cut([text])
    assert len(parts.texts) > 1
    assert all(part.endswith(".") and part.startswith("The") for part in parts.texts)


def test_the_overlap_is_whole_sentences_if_they_fit(tiny: AlbertTokenizer) -> None:
    text = "One day. Two days. Three days. Four days. Five days. Six days. Seven days."
    size = len(tiny.tokenize("Three days."))
    parts, _ = PartCutter(tiny, 22, size + 2).cut([text])
    for (_, end), (start, _) in pairwise(_spans(parts)):
        shared = text[start:end]
        assert shared.endswith("days.")
        assert shared.count("days.") == 1


def test_a_text_that_fits_is_one_part_with_its_spaces(tiny: AlbertTokenizer) -> None:
    parts, _ = PartCutter(tiny, 20).cut([" a mountain ", "", "  "])
    assert parts.texts == [" a mountain ", "", "  "]
    assert parts.text_numbers.tolist() == [0, 1, 2]


def test_numbers_of_parts_begin_anew_in_each_text(tiny: AlbertTokenizer) -> None:
    parts, _ = PartCutter(tiny, 8).cut(["the waters " * 4, "a", "the waters " * 3])
    assert parts.text_numbers.tolist() == sorted(parts.text_numbers.tolist())
    counts = [parts.text_numbers.tolist().count(number) for number in range(3)]
    assert parts.part_numbers.tolist() == [n for count in counts for n in range(count)]


@given(long_texts, st.sampled_from(["query: ", "query:", "Represent this: "]))
def test_a_prompt_takes_its_room(tiny: AlbertTokenizer, text: str, prompt: str) -> None:
    parts, encodings = PartCutter(tiny, 30, prompt=prompt).cut([text])
    again = tiny.encode_batch([prompt + part for part in parts.texts])
    assert again.ids.tolist() == encodings.ids.tolist()


def test_spans_are_those_of_the_markdown(tiny: AlbertTokenizer) -> None:
    text = "# A title\n\nThe **waters** of [the mountain](https://a.b/c).\n\n" * 4
    parts, _ = PartCutter(tiny, 16, markdown=True).cut([text, "**", "*all*"])
    assert parts.texts[-2:] == ["**", "all"]
    own = slice(0, int(parts.offsets[1]))
    assert not any(mark in part for part in parts.texts[own] for mark in "#*[")
    for part, (start, end) in zip(parts.texts[own], _spans(parts)[own], strict=True):
        assert (text[start], text[end - 1]) == (part[0], part[-1])


def test_lower_case_is_counted_as_it_is_read(tiny: AlbertTokenizer) -> None:
    text = "THE WATERS İ " * 20
    parts, encodings = PartCutter(tiny, 16, lower_case=True).cut([text])
    again = tiny.encode_batch([part.lower() for part in parts.texts])
    assert again.ids.tolist() == encodings.ids.tolist()


def test_a_very_long_word_is_cut_between_pieces(tiny: AlbertTokenizer) -> None:
    text = "mountainwaters" * 2000
    parts, encodings = PartCutter(tiny, 32).cut([text])
    assert "".join(parts.texts) == text
    assert not encodings.dropped.any()


def test_a_part_without_room_is_refused(tiny: AlbertTokenizer) -> None:
    with pytest.raises(InputError, match=r"special tokens take 2.* 3 or more.*\[chunk-too-small\]"):
        PartCutter(tiny, 2)
    with pytest.raises(InputError, match=r"tokens and the prompt take .*\[chunk-too-small\]"):
        PartCutter(tiny, 6, prompt="a rather long prompt: ")


def test_an_overlap_without_anything_new_is_refused(tiny: AlbertTokenizer) -> None:
    PartCutter(tiny, 10, 7)
    with pytest.raises(InputError, match=r"overlap is 8; .*\[overlap-too-large\]"):
        PartCutter(tiny, 10, 8)
