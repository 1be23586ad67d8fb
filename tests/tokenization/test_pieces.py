"""Ids of normalized lines: google's rule, prefixes, and models of other kinds."""

from __future__ import annotations

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings

from albertkit.errors import FormatError
from albertkit.fileformats.protobuf import encode_record
from albertkit.fileformats.sentencepiece_model import (
    TRAINER,
    PieceType,
    write_sentencepiece_model,
)
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.pieces import FEW_LINES, SentencePieces, open_processor
from albertkit.tokenization.policy import REFERENCE

from . import slow_reference
from .conftest import TINY
from .texts import any_texts

SPECIALS = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
SPECIAL_TYPES: list[PieceType] = ["control", "unknown", "control", "control", "control"]


def model_of(*pieces: str) -> bytes:
    """A unigram model of the specials and these pieces, longer ones better."""
    normal: list[PieceType] = ["normal"] * len(pieces)
    return write_sentencepiece_model(
        [*SPECIALS, *pieces],
        [0.0] * 5 + [float(len(piece) - 20) for piece in pieces],
        [*SPECIAL_TYPES, *normal],
        character_map=b"",
    )


@pytest.fixture(scope="module")
def plain_processor() -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(TINY))


@settings(max_examples=300)
@given(text=any_texts)
def test_ids_equal_the_slow_reference(
    tiny: AlbertTokenizer, plain_processor: sentencepiece.SentencePieceProcessor, text: str
) -> None:
    if "[MASK]" in text:
        text = text.replace("[MASK]", "")
    result = tiny.encode_batch([text]).ids[1:-1].tolist()
    assert result == slow_reference.ids(text, plain_processor)


def test_a_line_has_the_same_ids_alone_in_a_few_and_in_many() -> None:
    pieces = SentencePieces(TINY.read_bytes(), "tiny")
    lines = [f"the river of {number}, and 2001, the sea" for number in range(2 * FEW_LINES)]
    alone = [pieces.encode_lines([line]).ids.tolist() for line in lines]
    for count in (0, FEW_LINES - 1, FEW_LINES, len(lines)):
        result = pieces.encode_lines(lines[:count])
        assert np.array_equal(result.offsets, np.cumsum([0, *map(len, alone[:count])]))
        assert result.ids.tolist() == [number for line in alone[:count] for number in line]
        assert result.ids.dtype == np.int32


@pytest.mark.parametrize("text", ["2001,", "0, 1,2, 30,", "²,", "a1,", "1990, 1,000,"])
def test_a_piece_in_digit_and_comma_is_split(
    tiny: AlbertTokenizer, plain_processor: sentencepiece.SentencePieceProcessor, text: str
) -> None:
    assert tiny.tokenize(text) == slow_reference.pieces(text, plain_processor)
    assert not any(len(x) > 1 and x[-1] == "," and x[-2].isdigit() for x in tiny.tokenize(text))


def test_the_rule_inside_a_word_drops_the_new_space() -> None:
    pieces = SentencePieces(model_of("▁", "a", "1", ",", "1,", "▁1"), "made")
    line = "a1,"
    result = pieces.encode_lines([line]).ids.tolist()
    assert [pieces.table.names[number] for number in result] == ["▁", "a", "1", ","]
    aligned = pieces.encode_aligned(line)
    assert [(piece.name, piece.start, piece.end) for piece in aligned] == [
        ("▁", 0, 0),
        ("a", 0, 1),
        ("1", 1, 2),
        (",", 2, 3),
    ]


def test_a_comma_that_is_no_piece_is_still_split_off() -> None:
    pieces = SentencePieces(model_of("▁", "a"), "made")
    assert pieces.encode_lines(["a1,", "a"]).ids.tolist() == [5, 6, 1, 1, 5, 6]
    processor = sentencepiece.SentencePieceProcessor(model_proto=pieces.data)
    assert slow_reference.ids("a1,", processor) == [5, 6, 1, 1]


@pytest.mark.parametrize("ties_unrounded", [False, True])
def test_lines_have_the_ids_of_their_aligned_pieces_without_a_comma_too(
    ties_unrounded: bool,
) -> None:
    data = model_of("▁", "a", "1", "2", "a2,")
    pieces = SentencePieces(data, "made", ties_unrounded=ties_unrounded)
    lines = ["a1,", "a", "", "1,1, 22, a,", "a,a", "z3,z", "a2, a2,,", "²,", "1 ,"] * FEW_LINES
    result = pieces.encode_lines(lines)
    aligned = [[piece.id for piece in pieces.encode_aligned(line)] for line in lines]
    assert result.offsets.tolist() == np.cumsum([0, *map(len, aligned)]).tolist()
    assert result.ids.tolist() == [number for line in aligned for number in line]


def test_without_prefix_a_line_goes_on_with_the_word(tiny: AlbertTokenizer) -> None:
    vocabulary = tiny.vocabulary
    with_space, without = (
        vocabulary.encode_lines(["ing"], prefixed=prefixed).ids.tolist()
        for prefixed in (True, False)
    )
    assert tiny.convert_ids_to_tokens(without) == ["ing"]
    assert tiny.convert_ids_to_tokens(with_space)[0].startswith("▁")


def test_whitespace_that_the_model_keeps_is_collapsed_before_it() -> None:
    pieces = SentencePieces(model_of("▁", "a", "b"), "made")  # no character map: tabs stay
    assert "\t" in pieces.collapsing
    tokenizer = AlbertTokenizer(pieces, REFERENCE)
    assert tokenizer.encode_batch(["a\t b\n"]).ids.tolist() == [2, 5, 6, 5, 7, 3]


def test_a_vocabulary_of_any_size_and_case_works() -> None:
    pieces = SentencePieces(model_of("▁", *(f"▁Wörd{n}" for n in range(500))), "made")
    cased = AlbertTokenizer.from_pretrained(TINY).policy
    assert len(pieces.table) == 506
    tokenizer = AlbertTokenizer(
        pieces, type(cased)("cased", form="kept", marks="kept", case="kept")
    )
    assert tokenizer.tokenize("Wörd7 Wörd499") == ["▁Wörd7", "▁Wörd499"]


def test_a_vocabulary_without_a_mask_is_refused() -> None:
    data = write_sentencepiece_model(
        ["<pad>", "<unk>", "[CLS]", "[SEP]", "a"],
        [0.0] * 5,
        ["control", "unknown", "control", "control", "normal"],
        character_map=b"",
    )
    with pytest.raises(FormatError, match=r"no piece '\[MASK\]'.*special-piece-missing"):
        SentencePieces(data, "made")


def test_byte_pieces_and_other_algorithms_are_refused() -> None:
    trainer = encode_record(TRAINER, b"\x18\x02")  # model_type BPE
    with pytest.raises(FormatError, match=r"algorithm bpe.*vocabulary-unsupported"):
        SentencePieces(model_of("▁", "a") + trainer, "made")
    data = write_sentencepiece_model(
        [*SPECIALS, "<0x41>"], [0.0] * 6, [*SPECIAL_TYPES, "byte"], character_map=b""
    )
    with pytest.raises(FormatError, match=r"byte pieces.*vocabulary-unsupported"):
        SentencePieces(data, "made")


def test_what_only_the_library_refuses_is_still_one_line() -> None:
    with pytest.raises(FormatError, match=r"sentencepiece library refuses.*file-malformed"):
        open_processor(b"nonsense", "made")
