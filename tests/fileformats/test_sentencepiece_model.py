"""Every byte of a model file is accounted for before the C++ library sees it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from albertkit.arrays import Int64Array
from albertkit.errors import FormatError
from albertkit.fileformats import sentencepiece_model
from albertkit.fileformats.protobuf import encode_record, read_field
from albertkit.fileformats.reader import ByteReader
from albertkit.fileformats.sentencepiece_model import (
    DENORMALIZER,
    NORMALIZER,
    PIECES,
    TRAINER,
    PieceColumns,
    PieceType,
    find_plain_records,
    read_sentencepiece_model,
    take_piece,
    take_plain_pieces,
    write_sentencepiece_model,
)

TINY = Path(__file__).parents[1] / "fixtures" / "tiny_sp1000.model"
DATA = TINY.read_bytes()
SMALL_NAMES = ["<unk>", "▁", "a", "ab", "é"]
SMALL_TYPES: list[PieceType] = ["unknown", "normal", "normal", "user-defined", "unused"]
SMALL = write_sentencepiece_model(
    SMALL_NAMES, [0.0, -1.0, -2.5, 0.0, -3.0], SMALL_TYPES, character_map=b""
)


def piece(name: bytes, score: float = -1.0, kind: int = 1) -> bytes:
    fields = encode_record(1, name) + b"\x15" + struct.pack("<f", score) + bytes((0x18, kind))
    return encode_record(PIECES, fields)


def test_it_reads_what_the_library_reads() -> None:
    model = read_sentencepiece_model(DATA, "tiny")
    library = sentencepiece.SentencePieceProcessor(model_proto=DATA)
    assert list(model.pieces) == [library.id_to_piece(n) for n in range(len(library))]
    assert np.array_equal(model.scores, [library.get_score(n) for n in range(len(library))])
    assert model.ids_of("unknown") == (library.unk_id(),)
    assert [library.is_control(n) for n in range(6)] == [
        kind == "control" for kind in model.types[:6]
    ]
    assert model.ids_of("user-defined") == tuple(range(5, 13))
    assert (model.algorithm, model.space_is_suffix) == ("unigram", False)
    assert model.normalizer.name == "nmt_nfkc"
    assert model.normalizer.adds_prefix
    assert model.normalizer.collapses_spaces


def test_what_it_writes_it_reads_and_the_library_too() -> None:
    model = read_sentencepiece_model(SMALL, "small")
    assert list(model.pieces) == SMALL_NAMES
    assert list(model.types) == SMALL_TYPES
    assert model.scores.tolist() == [0.0, -1.0, -2.5, 0.0, -3.0]
    library = sentencepiece.SentencePieceProcessor(model_proto=SMALL)
    assert library.encode("aab") == [1, 2, 3]


def test_fields_may_have_any_order() -> None:
    turned = b"\x18\x02" + b"\x15" + struct.pack("<f", 0.5) + encode_record(1, b"<unk>")
    model = read_sentencepiece_model(
        SMALL.replace(SMALL[: SMALL.index(b"\x0a", 8)], b"", 1) + encode_record(PIECES, turned),
        "turned",
    )
    assert model.pieces[-1] == "<unk>"
    assert model.types[-1] == "unknown"
    assert model.scores[-1] == 0.5


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20),
            st.floats(width=32),
            st.integers(0, 9),
            st.booleans(),
        ),
        max_size=8,
    ),
    st.binary(max_size=12),
)
def test_records_taken_together_are_those_taken_one_by_one(
    written: list[tuple[str, float, int, bool]], rest: bytes
) -> None:
    records = b"".join(
        piece(name.encode(), score, kind) if kind else _without_kind(name.encode(), score, turned)
        for name, score, kind, turned in written
    )
    reader, table = ByteReader(records + rest, "made"), PieceColumns.empty()
    take_plain_pieces(records + rest, reader, table)
    slow, other = PieceColumns.empty(), ByteReader(records + rest, "made")
    while other.offset < reader.offset:
        take_piece(ByteReader(read_field(other).record(other), "made"), slow)
    assert other.offset == reader.offset
    assert table == slow
    turned = (n for n, (_, _, kind, is_turned) in enumerate(written) if is_turned and not kind)
    assert len(table.kinds) >= next(turned, len(written))


def test_records_of_another_form_are_scanned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each scan reads to the end of the file: a scan for each record would take quadratic time."""
    scans: list[int] = []

    def count(data: bytes, first: int) -> tuple[Int64Array, Int64Array, Int64Array, int]:
        scans.append(first)
        return find_plain_records(data, first)

    monkeypatch.setattr(sentencepiece_model, "find_plain_records", count)
    turned = b"".join(_without_kind(b"%d" % n, 0.5, n % 2 == 0) for n in range(100))
    model = read_sentencepiece_model(SMALL + turned, "turned")
    assert len(model.pieces) == 105
    assert len(scans) <= 3


def _without_kind(name: bytes, score: float, turned: bool) -> bytes:
    fields = [encode_record(1, name), b"\x15" + struct.pack("<f", score)]
    return encode_record(PIECES, b"".join(fields[::-1] if turned else fields))


def refusal_of(data: bytes) -> str | None:
    """The code with which these bytes are refused; None where they are read."""
    try:
        read_sentencepiece_model(data, "spiece.model")
    except FormatError as error:
        return error.diagnostic.code
    return None


@settings(max_examples=200)
@given(st.integers(0, len(DATA) - 1))
def test_a_file_that_ends_early_is_refused(end: int) -> None:
    refusal = refusal_of(DATA[:end])
    if refusal is None:  # all that is missing is one whole record that need not be there
        assert DATA[end] == DENORMALIZER << 3 | 2
    else:
        assert refusal in ("file-truncated", "file-malformed", "file-wrong-format")


@settings(max_examples=300)
@given(st.data())
def test_changed_bytes_are_refused_or_harmless(data: st.DataObject) -> None:
    broken = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    if refusal_of(bytes(broken)) is None:
        encode_if_opened(bytes(broken))


@settings(max_examples=100)
@given(st.data())
def test_a_changed_character_map_is_refused_or_harmless(data: st.DataObject) -> None:
    offset = DATA.index(b"nmt_nfkc")
    broken = bytearray(DATA)
    for _ in range(data.draw(st.integers(1, 30))):
        broken[data.draw(st.integers(offset + 10, len(broken) - 20))] = data.draw(
            st.integers(0, 255)
        )
    if refusal_of(bytes(broken)) is None:
        encode_if_opened(bytes(broken))


def encode_if_opened(data: bytes) -> None:
    """The library may refuse with its own error, which pieces.py turns into ours."""
    try:
        library = sentencepiece.SentencePieceProcessor(model_proto=data)
    except RuntimeError:
        return
    library.encode("The model ½ ﬁ … (ab) é 日本")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a SentencePiece model: it begins with b''.*file-wrong-format"),
        (b"PK\x03\x04 zip", "not a SentencePiece model.*file-wrong-format"),
        (b'{"model": 1}', "not a SentencePiece model.*file-wrong-format"),
        (piece(b"<unk>", kind=2), "ends after its pieces.*file-truncated"),
        (SMALL + b"\x0a", "needs 1 byte and has 0.*file-truncated"),
        (SMALL + b"\x00\x00", "number 0.*file-malformed"),
        (SMALL + encode_record(9, b"x"), "field 9 is unknown.*file-malformed"),
        (SMALL + b"\x0b", "wire form 3.*file-malformed"),
        (SMALL + b"\x80" * 11, "longer than 10 bytes.*file-malformed"),
        (SMALL + piece(b"a"), "'a' occurs twice.*file-malformed"),
        (SMALL + piece(b""), "piece 5 is empty.*file-malformed"),
        (SMALL + piece(b"x", float("nan")), "score of piece 5 is nan.*file-malformed"),
        (SMALL + piece(b"x", float("inf")), "score of piece 5 is inf.*file-malformed"),
        (SMALL + piece(b"x", kind=7), "piece 5 has the type 7.*file-malformed"),
        (SMALL + piece(b"x", kind=2), "2 pieces are of the type unknown.*file-malformed"),
        (SMALL + piece(b"\xff\xfe"), "not UTF-8.*file-malformed"),
        (SMALL + piece(b"x\0y"), "NUL.*file-malformed"),
        (
            piece(b"a") + encode_record(TRAINER, b"") + encode_record(NORMALIZER, b""),
            "0 pieces are of the type unknown.*file-malformed",
        ),
        (SMALL + encode_record(TRAINER, b"\x18\x09"), "model type 9.*file-malformed"),
        (SMALL + encode_record(TRAINER, b"\x18"), "file-truncated"),
        (SMALL + encode_record(NORMALIZER, encode_record(2, b"abc")), "own sizes.*file-malformed"),
    ],
)
def test_what_is_broken_is_named(data: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_sentencepiece_model(data, "spiece.model")


def character_map(units: list[int], texts: bytes) -> bytes:
    trie = np.array(units, "<u4").tobytes()
    return len(trie).to_bytes(4, "little") + trie + texts


@pytest.mark.parametrize(
    ("units", "texts", "message"),
    [
        ([0] * 256, b"x", "own sizes"),  # the last text does not end
        ([0] * 255, b"x\0", "own sizes"),
        ([1 << 31 | 2, *[0] * 255], b"x\0", "outside its texts"),
        ([256 << 10, *[0] * 255], b"x\0", "outside its trie"),
    ],
)
def test_a_map_that_leaves_its_own_bounds_is_refused(
    units: list[int], texts: bytes, message: str
) -> None:
    data = write_sentencepiece_model(
        SMALL_NAMES, [0.0] * 5, SMALL_TYPES, character_map=character_map(units, texts)
    )
    with pytest.raises(FormatError, match=message):
        read_sentencepiece_model(data, "spiece.model")
