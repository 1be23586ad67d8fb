"""A preprocessor packs as TF Hub's does, row for row."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.support.tiny_models import PIECES, save_tiny

from albertkit import AlbertTokenizer, hub
from albertkit.errors import InputError
from albertkit.hub.encoder import Encoder
from albertkit.hub.preprocessor import Preprocessor, Ragged, round_robin


@pytest.fixture(scope="module")
def preprocessor() -> Preprocessor:
    return Preprocessor(AlbertTokenizer.from_pretrained(PIECES, policy="tfhub"))


@pytest.fixture(scope="module")
def published(shared: Path) -> tuple[Preprocessor, Any]:
    """TF Hub's own vocabulary and rules, and what its module gave."""
    result = hub.load(shared / "fixtures" / "spiece.model", policy="tfhub")
    assert isinstance(result, Preprocessor)
    return result, json.loads((shared / "fixtures" / "preprocess_reference.json").read_text())


def test_all_reference_texts_get_the_published_ids(published: tuple[Preprocessor, Any]) -> None:
    preprocessor, wanted = published
    assert preprocessor.tokenize(wanted["texts"]).to_list() == wanted["tokenize"]
    packed = preprocessor(wanted["texts"])
    assert packed["input_word_ids"].shape == (95, 128)
    real = wanted["call"]["input_word_ids"]
    for row, mask, ids in zip(
        packed["input_word_ids"].tolist(), packed["input_mask"].tolist(), real, strict=True
    ):
        assert row[: sum(mask)] == ids
    specials = preprocessor.tokenize.get_special_tokens_dict()
    assert {name: int(value) for name, value in specials.items()} == wanted["special_tokens_dict"]
    assert {value.dtype for value in specials.values()} == {torch.int32}


def test_all_reference_rows_are_packed_as_published(published: tuple[Preprocessor, Any]) -> None:
    preprocessor, wanted = published
    singles = preprocessor.tokenize(wanted["texts"][:24])
    for length, packed in wanted["pack_single"].items():
        rows = preprocessor.bert_pack_inputs([singles], seq_length=int(length))
        assert {name: value.tolist() for name, value in rows.items()} == packed
    first, second = (
        preprocessor.tokenize(list(side)) for side in zip(*wanted["pairs"], strict=True)
    )
    for length, packed in wanted["pack_pairs"].items():
        rows = preprocessor.bert_pack_inputs([first, second], seq_length=int(length))
        assert {name: value.tolist() for name, value in rows.items()} == packed


def test_every_combination_of_lengths_is_cut_as_published(
    published: tuple[Preprocessor, Any],
) -> None:
    _, wanted = published
    for length, first, second, kept_first, kept_second in wanted["truncation"]["rows"]:
        assert round_robin(first, second, max(0, length - 3)) == (kept_first, kept_second)


def test_round_robin_gives_a_piece_to_each_in_turn() -> None:
    for room in range(12):
        for first in range(9):
            for second in range(9):
                a = b = 0
                while a + b < room and (a < first or b < second):
                    if a < first:
                        a += 1
                    if a + b < room and b < second:
                        b += 1
                assert round_robin(first, second, room) == (a, b)


def test_a_call_gives_three_int32_tensors_of_128(preprocessor: Preprocessor) -> None:
    packed = preprocessor(["How old are you?", ""])
    assert set(packed) == {"input_word_ids", "input_mask", "input_type_ids"}
    assert {(value.dtype, value.shape) for value in packed.values()} == {
        (torch.int32, torch.Size((2, 128)))
    }
    assert packed["input_word_ids"][1, :3].tolist() == [2, 3, 0]
    assert packed["input_mask"][1].sum() == 2


def test_words_pieces_arrays_and_bytes_are_read(preprocessor: Preprocessor) -> None:
    flat = preprocessor.bert_pack_inputs([[[5, 6, 7], []]], 8)
    words = preprocessor.bert_pack_inputs([[[[5], [6, 7]], []]], 8)
    assert torch.equal(flat["input_word_ids"], words["input_word_ids"])
    assert flat["input_word_ids"].tolist() == [[2, 5, 6, 7, 3, 0, 0, 0], [2, 3, 0, 0, 0, 0, 0, 0]]
    texts = ["one", "two"]
    wanted = preprocessor.tokenize(texts).to_list()
    assert preprocessor.tokenize(np.array(texts)).to_list() == wanted
    assert preprocessor.tokenize([text.encode() for text in texts]).to_list() == wanted


def test_a_pair_has_types_and_is_cut_to_any_length(preprocessor: Preprocessor) -> None:
    first, second = [[11, 12, 13]], [[21, 22]]
    rows = preprocessor.bert_pack_inputs([first, second], seq_length=9)
    assert rows["input_word_ids"].tolist() == [[2, 11, 12, 13, 3, 21, 22, 3, 0]]
    assert rows["input_type_ids"].tolist() == [[0, 0, 0, 0, 0, 1, 1, 1, 0]]
    assert rows["input_mask"].tolist() == [[1, 1, 1, 1, 1, 1, 1, 1, 0]]
    for length, row in ((6, [2, 11, 12, 3, 21, 3]), (2, [2, 3]), (1, [2]), (0, [])):
        packed = preprocessor.bert_pack_inputs([first, second], seq_length=length)
        assert packed["input_word_ids"].tolist() == [row]


def test_ragged_rows_are_read_one_by_one() -> None:
    rows = Ragged(torch.tensor([5, 6, 7], dtype=torch.int32), torch.tensor([0, 2, 2, 3]))
    assert len(rows) == 3
    assert rows[0].tolist() == [5, 6]
    assert rows[-1].tolist() == [7]
    assert rows.to_list() == [[5, 6], [], [7]]
    with pytest.raises(IndexError):
        rows[3]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: p("one text"), r"a str; .*\[input-not-texts\]"),
        (lambda p: p([3]), r"\[text-not-a-string\]"),
        (lambda p: p.bert_pack_inputs([[5]] * 3), r"3 segments.*\[option-invalid\]"),
        (lambda p: p.bert_pack_inputs(p.tokenize(["a"])), r"a Ragged.*\[option-invalid\]"),
        (lambda p: p.bert_pack_inputs([[[5]], [[5], [6]]]), r"1 and 2 rows.*\[pairs-unequal\]"),
        (lambda p: p.bert_pack_inputs([[[5]]], seq_length=-1), r"-1.*\[option-invalid\]"),
    ],
    ids=["text", "number", "three", "ragged", "rows", "length"],
)
def test_what_cannot_be_packed_is_one_line(
    preprocessor: Preprocessor, call: object, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        call(preprocessor)  # type: ignore[operator]  # a lambda of the list above


@pytest.mark.parametrize("length", [48, 128])
def test_the_default_length_is_the_modules_own(length: int, shared: Path, tmp_path: Path) -> None:
    with tarfile.open(shared / "fixtures" / "tfhub_preprocess_tiny.tar.gz") as archive:
        archive.extractall(tmp_path / "m", filter="data")
    graph = tmp_path / "m" / "saved_model.pb"
    # a dimension's size is field 1 of its message: one byte up to 127, two for 128
    if length < 128:
        data = graph.read_bytes()
        graph.write_bytes(data.replace(b"\x12\x03\x08\x80\x01", b"\x12\x03\x08\xb0\x00"))
    preprocessor = hub.load(tmp_path / "m")
    assert isinstance(preprocessor, Preprocessor)
    assert preprocessor(["one text"])["input_word_ids"].shape == (1, length)
    assert preprocessor.bert_pack_inputs([[[5]]], seq_length=7)["input_mask"].shape == (1, 7)


def test_a_models_preprocessor_gives_no_more_ids_than_it_has_positions(tmp_path: Path) -> None:
    encoder = hub.load(save_tiny(tmp_path / "m", pooler=True))
    assert isinstance(encoder, Encoder)
    assert encoder.preprocessor is not None
    positions = encoder.config.max_position_embeddings
    inputs = encoder.preprocessor(["a long text " * 100])
    assert inputs["input_word_ids"].shape == (1, min(128, positions))
    assert encoder(inputs)["pooled_output"].shape == (1, encoder.config.hidden_size)
