"""WordPiece vocabularies: google's reading of the file, and BERT's pipeline over it."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings

from albertkit.errors import FormatError
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.policy import WORDPIECE
from albertkit.tokenization.wordpiece import WordPieces, read_vocabulary

from .texts import any_texts

SPECIALS = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"
CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def slow_words(text: str) -> list[str]:
    """google's BasicTokenizer, one character at a time."""
    cleaned = ""
    for c in text:
        if c in "\t\n\r" or unicodedata.category(c) == "Zs":
            cleaned += " "
        elif c not in "\0\ufffd" and unicodedata.category(c) not in ("Cc", "Cf"):
            spaced = any(first <= ord(c) <= last for first, last in CJK)
            cleaned += f" {c} " if spaced else c
    words: list[str] = []
    for word in cleaned.split():
        bare = unicodedata.normalize("NFD", word.lower())
        start = True
        for c in bare:
            if unicodedata.category(c) == "Mn":
                continue
            is_mark = (c.isascii() and not c.isalnum()) or unicodedata.category(c)[0] == "P"
            if is_mark or start:
                words.append(c)
            else:
                words[-1] += c
            start = is_mark
    return words


def slow_pieces(text: str, vocabulary: dict[str, int]) -> list[str]:
    """google's WordpieceTokenizer: greedy, longest first."""
    result = []
    for word in slow_words(text):
        pieces: list[str] = []
        start = 0
        while start < len(word) and len(word) <= 200:
            prefix = "##" if start else ""
            ends = (e for e in range(len(word), start, -1) if prefix + word[start:e] in vocabulary)
            end = next(ends, None)
            if end is None:
                break
            pieces.append(prefix + word[start:end])
            start = end
        result += pieces if start == len(word) else ["[UNK]"]
    return result


@settings(max_examples=300)
@given(text=any_texts)
def test_pieces_equal_the_slow_reference(tiny_words: AlbertTokenizer, text: str) -> None:
    text = text.replace("[MASK]", "")
    result = tiny_words.encode_batch([text]).ids[1:-1].tolist()
    expected = slow_pieces(text, tiny_words.get_vocab())
    assert tiny_words.convert_ids_to_tokens(result) == expected


@settings(max_examples=200)
@given(text=any_texts)
def test_slices_hold_the_pieces(tiny_words: AlbertTokenizer, text: str) -> None:
    result = tiny_words.encode_batch([text], offset_mapping=True)
    assert result.offset_mapping is not None
    vocabulary = tiny_words.get_vocab()
    for number, (begin, end) in zip(result.ids[1:-1], result.offset_mapping[1:-1], strict=True):
        piece = tiny_words.convert_ids_to_tokens(int(number))
        if piece not in ("[UNK]", "[MASK]"):
            assert slow_words(text[begin:end]) == [piece.removeprefix("##")]
        elif piece == "[UNK]":
            assert slow_pieces(text[begin:end], vocabulary) == ["[UNK]"]


def test_a_repeated_line_takes_no_id() -> None:
    data = f"{SPECIALS}a\nb\na\n\n\nc\n".encode()
    assert read_vocabulary(data, "vocab.txt")[5:] == ["a", "b", " ", "c"]
    words = WordPieces(read_vocabulary(data, "vocab.txt"), "vocab.txt")
    assert words.table.ids["c"] == 8
    again = WordPieces(read_vocabulary(words.files()["vocab.txt"], "again"), "again")
    assert again.table.names == words.table.names


def test_a_line_is_its_first_word() -> None:
    data = f"{SPECIALS}a 17\n b\tx\r\n".encode()
    assert read_vocabulary(data, "vocab.txt")[5:] == ["a", "b"]


def test_each_ideograph_is_a_word() -> None:
    data = f"{SPECIALS}你\n好\nab\n##c\n".encode()
    tokenizer = AlbertTokenizer(
        WordPieces(read_vocabulary(data, "vocab.txt"), "vocab.txt"), WORDPIECE
    )
    assert tokenizer.tokenize("你好ABC世") == ["你", "好", "ab", "##c", "[UNK]"]
    assert tokenizer.decode(tokenizer.encode("你abc")) == "[CLS] 你 abc [SEP]"  # type: ignore[arg-type]


def test_a_long_word_is_unknown(tiny_words: AlbertTokenizer) -> None:
    assert tiny_words.tokenize("a" * 201) == ["[UNK]"]
    assert tiny_words.tokenize("a" * 200) != ["[UNK]"]


def test_masks_are_special_and_their_neighbours_words(tiny_words: AlbertTokenizer) -> None:
    result = tiny_words.encode_batch(["the [MASK]."]).ids.tolist()
    assert tiny_words.convert_ids_to_tokens(result)[2:] == ["[MASK]", ".", "[SEP]"]


def test_a_vocabulary_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(FormatError, match=r"byte 5 is not UTF-8.*file-malformed"):
        read_vocabulary(b"[PAD]\xff\n", "vocab.txt")


def test_transformers_gives_our_ids_to_a_saved_vocabulary(
    tiny_words: AlbertTokenizer, tmp_path: Path
) -> None:
    import transformers

    tiny_words.save_pretrained(tmp_path)
    peer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in ("The Café, is (a) model!", "你好 world [MASK].", "", "U.S.A. 1,000"):
        assert peer(text)["input_ids"] == tiny_words(text)["input_ids"]
