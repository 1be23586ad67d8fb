"""Read and write SentencePiece model files (`spiece.model`, `30k-clean.model`).

Every byte is checked before the C++ library reads it: some damage makes that library crash, or
split text into other pieces without an error.
Format: sentencepiece_model.proto (message ModelProto) in the wire format of protocol buffers.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.errors import FormatError
from albertkit.fileformats.protobuf import encode_record, read_field, read_fields
from albertkit.fileformats.reader import ByteReader

PieceType = Literal["normal", "unknown", "control", "user-defined", "unused", "byte"]
TYPES: Final[tuple[PieceType, ...]] = (
    "normal",
    "unknown",
    "control",
    "user-defined",
    "unused",
    "byte",
)  # the file counts from 1
ALGORITHMS = ("unigram", "bpe", "word", "char")  # the file counts from 1

PIECES, TRAINER, NORMALIZER, SELF_TEST, DENORMALIZER = 1, 2, 3, 4, 5
UNKNOWN_TYPE = 2  # the type's number in the file
SMALLEST_RECORD = 4  # bytes of the shortest piece: two tags, two lengths
KIND = "a SentencePiece model"
UNIT_BYTES = 4  # bytes of one unit of the character map's trie
FAN_OUT = 256  # the children of a trie node are within 256 units


@dataclass(frozen=True, slots=True)
class NormalizerSpec:
    """How the model normalizes a text before it splits it into pieces."""

    name: str  # of the rule, such as "nmt_nfkc"; empty if it has none
    character_map: bytes
    adds_prefix: bool  # whether a ▁ precedes the text's first piece
    collapses_spaces: bool


@dataclass(frozen=True, slots=True)
class SentencePieceModel:
    """The contents of a model file; piece n has id n."""

    pieces: tuple[str, ...]  # [V]
    scores: FloatArray  # [V]
    types: tuple[PieceType, ...]  # [V]
    algorithm: str
    space_is_suffix: bool  # whether ▁ ends a word; usually it begins one
    normalizer: NormalizerSpec

    def ids_of(self, kind: PieceType) -> tuple[int, ...]:
        """List the ids of all pieces of a type."""
        return tuple(number for number, own in enumerate(self.types) if own == kind)


def looks_like_sentencepiece(head: bytes) -> bool:
    """Check whether a file with these first bytes may be a model: a piece comes first."""
    return (
        len(head) > SMALLEST_RECORD
        and head[0] == PIECES << 3 | 2
        and head[1] < 0x80
        and head[2] == PIECES << 3 | 2
        and head[3] < head[1]
    )


def read_sentencepiece_model(data: bytes, name: str) -> SentencePieceModel:
    """Read a whole model.

    Args:
        data: The file's bytes.
        name: The file's name, for messages.

    Returns:
        The model.

    Raises:
        FormatError: [file-wrong-format], [file-truncated], [file-malformed].
    """
    if not looks_like_sentencepiece(data):
        raise FormatError(
            "file-wrong-format",
            f"this is not a SentencePiece model: it begins with {bytes(data[:12])!r}",
            why="such a model begins with its first piece",
            fix="Give the binary model file (spiece.model or 30k-clean.model)",
            where=name,
        )
    reader = ByteReader(data, name, kind=KIND)
    table, settings = PieceColumns.empty(), dict[int, bytes]()
    while reader.remaining:
        others = take_plain_pieces(data, reader, table)
        # the scan has seen these already: to scan them again would take quadratic time
        for _ in range(max(others, 1)):
            if reader.remaining:
                take_field(reader, table, settings)
    if not settings.keys() >= {TRAINER, NORMALIZER}:
        raise FormatError(
            "file-truncated",
            "the file ends after its pieces",
            why="in every model the settings of trainer and normalizer follow them",
            fix="Download or copy it again",
            where=name,
        )
    pieces = decode_pieces(table, reader)
    scores = np.frombuffer(table.scores, "<f4")  # [V]
    check_pieces(pieces, scores, table.kinds, reader)
    algorithm, suffix = read_trainer(settings[TRAINER], name)
    return SentencePieceModel(
        tuple(pieces),
        scores,
        tuple([TYPES[kind - 1] for kind in table.kinds]),
        algorithm,
        suffix,
        read_normalizer(settings[NORMALIZER], name),
    )


@dataclass(frozen=True, slots=True)
class PieceColumns:
    """The fields of all piece records, a column each, as bytes."""

    names: bytearray  # [V], a NUL after each
    scores: bytearray  # [V], little-endian floats
    kinds: bytearray  # [V]

    @classmethod
    def empty(cls) -> Self:
        """Make columns without rows."""
        return cls(bytearray(), bytearray(), bytearray())


def take_field(reader: ByteReader, table: PieceColumns, settings: dict[int, bytes]) -> None:
    """Take one field of a model: a piece, or settings by their field numbers."""
    field = read_field(reader)
    if field.number == PIECES:
        piece = field.record(reader)
        start = reader.offset - len(piece)
        take_piece(ByteReader(piece, reader.name, kind=KIND, start=start), table)
    elif field.number in (TRAINER, NORMALIZER):  # a message given twice is merged
        settings[field.number] = settings.get(field.number, b"") + field.record(reader)
    elif field.number not in (SELF_TEST, DENORMALIZER):
        raise reader.format_error(f"field {field.number} is unknown")


def take_plain_pieces(data: bytes, reader: ByteReader, table: PieceColumns) -> int:
    """Take the next piece records as long as they have the form that all known writers use.

    Args:
        data: The bytes of `reader`, which are faster to index than its view.
        reader: At a record; left after the last one that is taken.
        table: It gets the records.

    Returns:
        The number of records that were scanned and have another form.
    """
    first = reader.offset
    starts, scores, ends, others = find_plain_records(data, first)
    if not len(starts):
        return others
    size = int(ends[-1])
    reader.take(size)
    octets = np.frombuffer(data, np.uint8, count=size, offset=first).copy()
    table.scores.extend(octets[scores[:, None] + np.arange(1, 5)].tobytes())
    has_kind = ends - scores == 7
    table.kinds.extend(np.where(has_kind, octets[ends - 1], 1).astype(np.uint8).tobytes())
    steps = np.zeros(size, np.int8)
    steps[starts + 4], steps[scores + 1] = 1, -1
    in_name = np.cumsum(steps, dtype=np.int8).view(np.bool_)  # a name, and the score's tag after it
    octets[scores] = 0
    table.names.extend(octets[in_name].tobytes())
    return others


def find_plain_records(data: bytes, first: int) -> tuple[Int64Array, Int64Array, Int64Array, int]:
    """Find the records of the usual form from an offset on, as long as they follow each other.

    The usual form is piece, score and (unless it is normal) type, each once and in this order, all
    lengths below 128. Only the starts are found in a Python loop, because every process waits for
    it when it starts.

    Args:
        data: The whole file.
        first: The offset of a record.

    Returns:
        The offsets of the records, of their scores, and of their ends, [P] each, counted from
        `first`; and the number of records that were scanned in vain.
    """
    positions = []
    offset, last = first, len(data) - 3  # tag, length, tag, length must be there
    while offset < last and data[offset] == 0x0A and (length := data[offset + 1]) < 0x80:
        positions.append(offset)
        offset += 2 + length
    octets = np.frombuffer(data, np.uint8)
    starts = np.array(positions, np.int64)
    ends = starts + 2 + octets[starts + 1]
    scores = starts + 4 + octets[starts + 3]
    left = ends - scores
    # records that are cut off or have another length may point outside the data
    whole = (ends <= len(data)) & ((left == 5) | (left == 7))
    has_kind = whole & (left == 7)
    plain = whole & (octets[starts + 2] == 0x0A) & (octets[np.where(whole, scores, 0)] == 0x15)
    plain &= ~has_kind | (octets[np.where(has_kind, scores + 5, 0)] == 0x18)
    count = len(positions) if plain.all() else int(plain.argmin())
    return (
        starts[:count] - first,
        scores[:count] - first,
        ends[:count] - first,
        len(positions) - count,
    )


def take_piece(reader: ByteReader, table: PieceColumns) -> None:
    """Take one piece record whose fields may have any order."""
    name, score, kind = b"", bytes(4), 1
    for field in read_fields(reader):
        if field.number == 1 and isinstance(field.value, bytes):
            name = field.value
        elif field.number == 2 and isinstance(field.value, bytes) and len(field.value) == 4:
            score = field.value
        elif field.number == 3:
            kind = field.count(reader)
        else:
            raise reader.format_error(f"field {field.number} of a piece is unknown")
    table.names.extend(name + b"\0")
    table.scores.extend(score)
    table.kinds.append(min(kind, 255))


def decode_pieces(table: PieceColumns, reader: ByteReader) -> list[str]:
    """Decode the pieces as text."""
    names = table.names
    if names.count(0) != len(table.kinds):
        raise reader.format_error("a piece holds the character NUL")
    try:
        return names[:-1].decode().split("\0")
    except UnicodeDecodeError as error:
        raise reader.format_error(
            f"the pieces are not UTF-8: {bytes(names[error.start :][:12])!r}"
        ) from error


def check_pieces(
    pieces: list[str], scores: FloatArray, kinds: bytearray, reader: ByteReader
) -> None:
    """Check what the C++ library relies on: valid types, one unknown, no piece empty or twice."""
    invalid = [kind for kind in set(kinds) if not 1 <= kind <= len(TYPES)]
    if invalid:
        raise reader.format_error(f"piece {kinds.index(invalid[0])} has the type {invalid[0]}")
    if kinds.count(UNKNOWN_TYPE) != 1:
        raise reader.format_error(
            f"{kinds.count(UNKNOWN_TYPE)} pieces are of the type unknown, not one"
        )
    if "" in pieces:
        raise reader.format_error(f"piece {pieces.index('')} is empty")
    if len(set(pieces)) < len(pieces):
        first = {piece: number for number, piece in reversed(list(enumerate(pieces)))}
        repeated = next(piece for number, piece in enumerate(pieces) if first[piece] != number)
        raise reader.format_error(f"the piece {repeated!r} occurs twice")
    broken = np.flatnonzero(~np.isfinite(scores))
    if len(broken):
        raise reader.format_error(f"the score of piece {broken[0]} is {scores[broken[0]]}")


def read_trainer(data: bytes, name: str) -> tuple[str, bool]:
    """Read the algorithm of a TrainerSpec, and whether ▁ ends words."""
    reader = ByteReader(data, name, kind=KIND)
    algorithm, suffix = 1, False
    for field in read_fields(reader):
        if field.number == 3:
            algorithm = field.count(reader)
        elif field.number == 24:
            suffix = bool(field.count(reader))
    if not 1 <= algorithm <= len(ALGORITHMS):
        raise reader.format_error(f"model type {algorithm} does not exist")
    return ALGORITHMS[algorithm - 1], suffix


def read_normalizer(data: bytes, name: str) -> NormalizerSpec:
    """Read a NormalizerSpec."""
    reader = ByteReader(data, name, kind=KIND)
    fields = {field.number: field for field in read_fields(reader)}
    rule = fields[1].text(reader) if 1 in fields else ""
    character_map = fields[2].record(reader) if 2 in fields else b""
    check_character_map(character_map, reader)
    prefix, collapses = (
        bool(fields[number].count(reader)) if number in fields else True for number in (3, 4)
    )
    return NormalizerSpec(rule, character_map, prefix, collapses)


def check_character_map(data: bytes, reader: ByteReader) -> None:
    """Check that no walk through the map's trie leaves it, and that every result is in its texts.

    Layout: size of the trie (4 bytes), the trie (a double array of 4-byte units), texts that each
    end with NUL. Source of the units' bits: darts-clone, darts.h `DoubleArrayUnit`.
    """
    if not data:
        return
    size = int.from_bytes(data[:UNIT_BYTES], "little")
    texts = data[UNIT_BYTES + size :]
    if (
        size == 0
        or size % (UNIT_BYTES * FAN_OUT)
        or len(data) <= UNIT_BYTES + size
        or texts[-1:] != b"\0"
    ):
        raise reader.format_error("the character map contradicts its own sizes")
    units = np.frombuffer(data, "<u4", count=size // UNIT_BYTES, offset=UNIT_BYTES)  # [units]
    is_value = units >> 31 == 1
    if np.any((units[is_value] & 0x7FFFFFFF) >= len(texts)):
        raise reader.format_error("the character map points outside its texts")
    offsets = (units >> 10) << ((units & (1 << 9)) >> 6)
    children = np.arange(len(units), dtype=np.uint32) ^ offsets
    if np.any(children[~is_value] >= len(units)):  # the size is a multiple of the fan-out
        raise reader.format_error("the character map points outside its trie")


def write_sentencepiece_model(
    pieces: Sequence[str],
    scores: Sequence[float],
    types: Sequence[PieceType],
    *,
    character_map: bytes,
) -> bytes:
    """Write a unigram model; all other settings keep their defaults.

    Args:
        pieces: [V] texts, none twice.
        scores: [V] log probabilities.
        types: [V], "unknown" exactly once.
        character_map: The normalizer's compiled map; empty for none.

    Returns:
        The file's bytes.
    """
    records = b"".join(
        encode_record(
            PIECES,
            encode_record(1, piece.encode())
            + b"\x15"
            + struct.pack("<f", score)
            + (b"" if kind == "normal" else bytes((0x18, TYPES.index(kind) + 1))),
        )
        for piece, score, kind in zip(pieces, scores, types, strict=True)
    )
    settings = encode_record(TRAINER, b"") + encode_record(
        NORMALIZER, encode_record(2, character_map)
    )
    return records + settings
