"""Tokenizers opened from TensorFlow's modules: the ids that TensorFlow gave."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import struct
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albertkit.errors import AlbertKitError, FormatError
from albertkit.fileformats.tensorflow.crc32c import crc32c, mask_checksum
from albertkit.fileformats.tensorflow.sstable import encode_sstable, read_sstable
from albertkit.fileformats.tensorflow.tensor_bundle import read_bundle
from albertkit.tokenization import AlbertTokenizer, Encodings
from albertkit.tokenization.normalization import IDEOGRAPH, casefold_character
from albertkit.tokenization.policy import REFERENCE, TFHUB, TFHUB_WORDPIECE, WORDPIECE
from albertkit.tokenization.wordpiece import UNKNOWN_WORD
from tests.support.modules import HERE, fixture

from .texts import any_texts

Json = dict[str, Any]


@pytest.fixture(scope="module")
def bert_preprocessor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fixture("bert_preprocess_tiny", HERE, tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def bert_tokenizer(bert_preprocessor: Path) -> AlbertTokenizer:
    return AlbertTokenizer.from_pretrained(bert_preprocessor)


@pytest.fixture(scope="module")
def bert_reference() -> Json:
    result: Json = json.loads((HERE / "bert_preprocess_reference.json").read_text())
    return result


@pytest.fixture(scope="module")
def preprocessor(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fixture("tfhub_preprocess_v3", shared / "fixtures", tmp_path_factory.mktemp("albert"))


@pytest.fixture(scope="module")
def preprocess_reference(shared: Path) -> Json:
    result: Json = json.loads((shared / "fixtures" / "preprocess_reference.json").read_text())
    return result


def ids_of(tokenizer: AlbertTokenizer, texts: list[str]) -> list[list[int]]:
    return [row.ids[1:-1].tolist() for row in tokenizer.encode_batch(texts)]


def test_a_preprocessors_ids_are_tensorflows(
    preprocessor: Path, preprocess_reference: Json
) -> None:
    tokenizer = AlbertTokenizer.from_pretrained(preprocessor)
    assert tokenizer.policy == TFHUB
    assert ids_of(tokenizer, preprocess_reference["texts"]) == preprocess_reference["tokenize"]
    assert_specials(tokenizer, preprocess_reference)
    assert_packed(tokenizer, preprocess_reference)


def test_five_thousand_random_texts(shared: Path, preprocessor: Path) -> None:
    with gzip.open(shared / "fixtures" / "preprocess_fuzz_reference.json.gz") as file:
        fuzz = json.load(file)
    tokenizer = AlbertTokenizer.from_pretrained(preprocessor)
    assert ids_of(tokenizer, fuzz["texts"]) == fuzz["tokenize"]


def test_berts_preprocessors_ids_are_tensorflows(
    bert_tokenizer: AlbertTokenizer, bert_reference: Json
) -> None:
    assert bert_tokenizer.policy == TFHUB_WORDPIECE
    wanted = [[number for word in text for number in word] for text in bert_reference["tokenize"]]
    assert ids_of(bert_tokenizer, bert_reference["texts"]) == wanted
    assert_specials(bert_tokenizer, bert_reference)
    assert_packed(bert_tokenizer, bert_reference)


@settings(max_examples=150)
@given(any_texts)
def test_the_fast_way_equals_the_slow_one(bert_tokenizer: AlbertTokenizer, text: str) -> None:
    assert_slow_ids(bert_tokenizer, text)


def assert_slow_ids(tokenizer: AlbertTokenizer, text: str) -> None:
    """The ids of the slow words, looked up one by one, with offsets and without."""
    words = [word if len(word.encode()) <= 100 else UNKNOWN_WORD for word in slow_words(text)]
    result = [tokenizer.vocabulary.encode_lines([word]).ids.tolist() for word in words]
    wanted = [number for word in result for number in word]
    assert ids_of(tokenizer, [text]) == [wanted]
    (traced,) = tokenizer.encode_batch([text], offset_mapping=True)
    assert traced.ids[1:-1].tolist() == wanted


def slow_words(text: str) -> list[str]:
    """TensorFlow Text's BasicTokenizer, one character at a time.

    Gives the same ids as TensorFlow 2.20 on 7,599 random texts.
    """
    folded = unicodedata.normalize("NFC", "".join(map(casefold_character, text)))
    decomposed = unicodedata.normalize("NFD", folded)
    words = [""]
    for c in decomposed:
        category = unicodedata.category(c)
        if category == "Mn":
            continue
        if category in ("Cc", "Cf") or c == " ":
            words.append("")
        elif category[0] == "P" or (c.isascii() and not c.isalnum()) or re.match(IDEOGRAPH, c):
            words += [c, ""]
        else:
            words[-1] += c
    return [word for word in words if word]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\u2028line\u2029para\x85nel", 2),  # RE2's \\s is ASCII's alone
        ("㍿a", 5),  # folded to four ideographs before words are cut
        ("ᾳ", 1),  # folded to a iota that the other order would drop
        (f"{'é' * 51} {'ж' * 50} {'ж' * 51}", 3),
    ],
)
def test_folding_comes_before_all_else(
    bert_tokenizer: AlbertTokenizer, text: str, words: int
) -> None:
    assert len(slow_words(text)) == words
    assert_slow_ids(bert_tokenizer, text)


def assert_specials(tokenizer: AlbertTokenizer, wanted: Json) -> None:
    specials = tokenizer.vocabulary.table.specials
    assert wanted["special_tokens_dict"] == {
        "vocab_size": tokenizer.vocab_size,
        "start_of_sequence_id": specials.cls,
        "end_of_segment_id": specials.sep,
        "padding_id": specials.pad,
        "mask_id": specials.mask,
    }


def assert_packed(tokenizer: AlbertTokenizer, wanted: Json) -> None:
    """One text, and two cut in turns, to every length that leaves room for a piece."""
    for length, packed in wanted["pack_single"].items():
        rows = packed["input_word_ids"]
        if int(length) > 2:
            result = tokenizer.encode_batch(wanted["texts"][: len(rows)], max_length=int(length))
            assert pad_rows(result, int(length)) == (rows, packed["input_type_ids"])
    first, second = map(list, zip(*wanted["pairs"], strict=True))
    for length, packed in wanted["pack_pairs"].items():
        if int(length) > 3:
            result = tokenizer.encode_batch(
                first, second, max_length=int(length), truncation="round_robin"
            )
            assert pad_rows(result, int(length)) == (
                packed["input_word_ids"],
                packed["input_type_ids"],
            )


def pad_rows(result: Encodings, length: int) -> tuple[list[list[int]], list[list[int]]]:
    rows = list(result)
    ids, types = np.zeros((2, len(rows), length), np.int32)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = row.ids
        types[number, : len(row.ids)] = row.type_ids
    return ids.tolist(), types.tolist()


def test_an_encoders_vocabulary_is_read_as_its_file_asks(
    tmp_path: Path, encoder: Path, bert_encoder: Path
) -> None:
    """By the module's directory, by its assets, and by the file itself."""
    for path in (encoder, encoder / "assets", encoder / "assets" / "tiny_sp1000.model"):
        assert AlbertTokenizer.from_pretrained(path).policy == REFERENCE
    for path in (bert_encoder, bert_encoder / "assets", bert_encoder / "assets/tiny_vocab.txt"):
        tokenizer = AlbertTokenizer.from_pretrained(path)
        assert (tokenizer.policy, tokenizer.vocab_size) == (WORDPIECE, 800)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fixture("tfhub_tiny_v3_nomlm", HERE, tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def bert_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fixture("bert_tiny_v3", HERE, tmp_path_factory.mktemp("bert_encoder"))


def test_an_encoder_that_keeps_case_is_cased(tmp_path: Path, bert_encoder: Path) -> None:
    """`do_lower_case` is one byte of the data, and its checksum is in the index."""
    path = shutil.copytree(bert_encoder, tmp_path / "cased")
    data = path / "variables" / "variables.data-00000-of-00001"
    index = path / "variables" / "variables.index"
    key = "do_lower_case/.ATTRIBUTES/VARIABLE_VALUE"
    changed = bytearray(data.read_bytes())
    changed[read_bundle(path / "variables" / "variables").entries[key].offset] = 0
    data.write_bytes(changed)
    lower, kept = (struct.pack("<I", mask_checksum(crc32c(value))) for value in (b"\1", b"\0"))
    pairs = dict(read_sstable(memoryview(index.read_bytes()), "index"))
    pairs[key.encode()] = pairs[key.encode()].replace(lower, kept)
    index.write_bytes(encode_sstable(pairs.items()))
    assert AlbertTokenizer.from_pretrained(path).policy.name == "wordpiece, cased"


def test_a_given_policy_overrides_the_graph(bert_preprocessor: Path) -> None:
    """A policy for SentencePiece means its like for words."""
    for policy, meant in (("reference", WORDPIECE), ("tfhub", TFHUB_WORDPIECE)):
        assert AlbertTokenizer.from_pretrained(bert_preprocessor, policy=policy).policy == meant


def test_steps_that_the_graph_lacks_are_not_done(bert_preprocessor: Path, tmp_path: Path) -> None:
    path = replace_in_graph(bert_preprocessor, tmp_path, b"CaseFoldUTF8", b"KeepCaseUTF8")
    tokenizer = AlbertTokenizer.from_pretrained(path)
    assert tokenizer.policy.name == "tfhub-wordpiece, cased"
    assert "the preprocessor's own graph" in tokenizer.policy_reason
    assert tokenizer.policy.keeps_case


def test_a_preprocessor_with_other_rules_is_refused(
    bert_preprocessor: Path, tmp_path: Path
) -> None:
    path = replace_in_graph(bert_preprocessor, tmp_path, b"\x12\x02##", b"\x12\x02@@")
    with pytest.raises(FormatError, match=r"cuts words.*@@.*vocabulary-unsupported"):
        AlbertTokenizer.from_pretrained(path)


def test_a_preprocessor_without_marks_taken_off(shared: Path, tmp_path: Path) -> None:
    whole = fixture("tfhub_preprocess_tiny", shared / "fixtures", tmp_path)
    bare = replace_in_graph(whole, tmp_path, b"NormalizeUTF8", b"NormalizeUTF9", "bare")
    with pytest.raises(
        FormatError, match=r"normalizes texts by b'' and then.*vocabulary-unsupported"
    ):
        AlbertTokenizer.from_pretrained(bare)
    kept = replace_in_graph(bare, tmp_path, b"StaticRegexReplace", b"StaticRegexRetains", "kept")
    tokenizer = AlbertTokenizer.from_pretrained(kept)
    assert tokenizer.policy.name == "tfhub, accents kept"
    assert tokenizer.policy.marks == "kept"


def test_what_is_saved_reads_as_before(bert_tokenizer: AlbertTokenizer, tmp_path: Path) -> None:
    bert_tokenizer.save_pretrained(tmp_path / "saved")
    again = AlbertTokenizer.from_pretrained(tmp_path / "saved")
    assert again.policy == TFHUB_WORDPIECE
    assert again.fingerprint == bert_tokenizer.fingerprint


def test_a_module_without_a_vocabulary_is_refused(encoder: Path, tmp_path: Path) -> None:
    path = replace_in_graph(encoder, tmp_path, b"sp_model_file", b"xx_model_file")
    with pytest.raises(FormatError, match=r"holds no vocabulary; it has no sp_model_file or"):
        AlbertTokenizer.from_pretrained(path)


def test_an_asset_outside_of_the_assets_is_refused(encoder: Path, tmp_path: Path) -> None:
    path = replace_in_graph(encoder, tmp_path, b"tiny_sp1000.model", b"../sp_10000.model")
    with pytest.raises(FormatError, match=r"an asset has the name '../sp_10000.model'"):
        AlbertTokenizer.from_pretrained(path)


def replace_in_graph(
    path: Path, tmp_path: Path, old: bytes, new: bytes, name: str = "changed"
) -> Path:
    """A copy of a module with some bytes of its graph exchanged for as many others."""
    assert len(old) == len(new)
    copy = shutil.copytree(path, tmp_path / name)
    graph = copy / "saved_model.pb"
    data = graph.read_bytes()
    assert old in data
    graph.write_bytes(data.replace(old, new))
    return copy


@settings(max_examples=40)
@given(st.data())
def test_a_damaged_preprocessor_is_read_or_refused(
    bert_preprocessor: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damaged = tmp_path_factory.mktemp("damaged")
    (damaged / "assets").mkdir()
    words = bert_preprocessor / "assets" / "tiny_vocab.txt"
    (damaged / "assets" / words.name).hardlink_to(words)
    broken = bytearray((bert_preprocessor / "saved_model.pb").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    size = data.draw(st.integers(len(broken) // 2, len(broken)))
    (damaged / "saved_model.pb").write_bytes(broken[:size])
    try:
        tokenizer = AlbertTokenizer.from_pretrained(damaged)
    except AlbertKitError:
        return
    assert tokenizer.vocab_size == 800
