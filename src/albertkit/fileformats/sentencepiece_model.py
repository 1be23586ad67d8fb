"""Read a SentencePiece model file, checking every byte before the C++ library sees it; write one.

In: the bytes of `spiece.model` / `30k-clean.model`. Out: its pieces, scores, types and flags. A
FormatError where the bytes end early, contradict themselves, or belong to something else: the
library itself answers some damage with a crash or with a model that finds other pieces.
Format: sentencepiece_model.proto (message ModelProto) in the wire format of protocol buffers.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Int64Array
from albertkit.errors import FormatError
from albertkit.fileformats.protobuf.messages import Wire, record

PieceType = Literal["normal", "unknown", "control", "user-defined", "unused", "byte"]
TYPES: Final[tuple[PieceType, ...]] = (
    "normal",
    "unknown",
    "control",
    "user-defined",
    "unused",
    "byte",
)  # the numbers in the file count from 1
ALGORITHMS = ("unigram", "bpe", "word", "char")  # likewise

PIECES, TRAINER, NORMALISER, SELF_TEST, DENORMALISER = 1, 2, 3, 4, 5
UNKNOWN = 2  # its type's number
SMALLEST_RECORD = 4  # bytes that one piece costs at least: two tags, two lengths
KIND = "a SentencePiece model"
UNIT = 4  # bytes of one unit of the character map's trie
FAN_OUT = 256  # a trie node's children lie within 256 units


@dataclass(frozen=True, slots=True)
class NormaliserSpec:
    """What the model does to a line before it searches pieces."""

    name: str  # of the rule, as "nmt_nfkc"; empty where it has none
    character_map: bytes
    adds_prefix: bool  # a ▁ before the text's first piece
    collapses_spaces: bool
    escapes_spaces: bool  # a space becomes ▁


@dataclass(frozen=True, slots=True)
class SentencePieceModel:
    """What a model file says; piece n has id n."""

    pieces: tuple[str, ...]  # [V]
    scores: npt.NDArray[np.float32]  # [V]
    types: tuple[PieceType, ...]  # [V]
    algorithm: str
    space_is_suffix: bool  # ▁ ends words instead of beginning them
    normaliser: NormaliserSpec

    def ids_of(self, kind: PieceType) -> tuple[int, ...]:
        """The ids of all pieces of this type."""
        return tuple(number for number, found in enumerate(self.types) if found == kind)


def looks_like_sentencepiece(head: bytes) -> bool:
    """Whether a file that begins so may be a SentencePiece model: a piece record comes first."""
    return (
        len(head) > SMALLEST_RECORD
        and head[0] == PIECES << 3 | 2
        and head[1] < 0x80
        and head[2] == PIECES << 3 | 2
        and head[3] < head[1]
    )


def read_sentencepiece_model(data: bytes, name: str) -> SentencePieceModel:
    """Everything that the file says; FormatError where it is cut off, damaged or foreign.

    name: what messages call the file.
    """
    if not looks_like_sentencepiece(data):
        raise FormatError(
            "file-wrong-format",
            f"this is no SentencePiece model: it begins with {bytes(data[:12])!r}",
            why="such a model begins with a record of its first piece",
            fix="Give the binary model file (spiece.model or 30k-clean.model)",
            where=name,
        )
    wire = Wire(data, name, KIND)
    table = PieceTable.empty()
    trainer: bytes | None = None
    normaliser: bytes | None = None
    while wire.at < len(data):
        take_plain_pieces(wire, table)
        if wire.at == len(data):
            break
        field = wire.field()
        if field.number == PIECES and isinstance(field.value, bytes):
            take_piece(Wire(field.value, name, KIND, wire.at - len(field.value)), table)
        elif field.number == TRAINER and isinstance(field.value, bytes):
            trainer = (trainer or b"") + field.value  # a message given twice is merged
        elif field.number == NORMALISER and isinstance(field.value, bytes):
            normaliser = (normaliser or b"") + field.value
        elif field.number not in (SELF_TEST, DENORMALISER):
            raise wire.malformed(f"field {field.number} is none of a model's")
    if trainer is None or normaliser is None:
        raise wire.truncated("it ends after its pieces: what belongs behind them is missing")
    pieces = decode_pieces(table, wire)
    scores = np.frombuffer(table.scores, "<f4")  # [V]
    check_pieces(pieces, scores, table.kinds, wire)
    algorithm, suffix = read_trainer(trainer, name)
    return SentencePieceModel(
        tuple(pieces),
        scores,
        tuple([TYPES[kind - 1] for kind in table.kinds]),
        algorithm,
        suffix,
        read_normaliser(normaliser, name),
    )


@dataclass(frozen=True, slots=True)
class PieceTable:
    """The columns of the piece records, as bytes."""

    names: bytearray  # [V], a NUL after each
    scores: bytearray  # [V], little-endian floats
    kinds: bytearray  # [V]

    @classmethod
    def empty(cls) -> Self:
        return cls(bytearray(), bytearray(), bytearray())


def take_plain_pieces(wire: Wire, table: PieceTable) -> None:
    """Take the piece records that stand here in the form in which all known writers store them."""
    begins, scores, ends = plain_records(wire.data, wire.at)
    if not len(begins):
        return
    wire.at = int(ends[-1])
    octets = np.frombuffer(wire.data, np.uint8, count=wire.at).copy()
    table.scores.extend(octets[scores[:, None] + np.arange(1, 5)].tobytes())
    has_kind = ends - scores == 7
    table.kinds.extend(np.where(has_kind, octets[ends - 1], 1).astype(np.uint8).tobytes())
    steps = np.zeros(wire.at, np.int8)
    steps[begins + 4], steps[scores + 1] = 1, -1
    named = np.cumsum(steps, dtype=np.int8).view(np.bool_)  # a name, and the score's tag after it
    octets[scores] = 0
    table.names.extend(octets[named].tobytes())


def plain_records(data: bytes, at: int) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Where records of the usual form begin from `at` on, where their scores do, where they end.

    That is piece, score and (unless it is normal) type, each once and in this order, all lengths
    below 128. Only the beginnings are found one by one, and without a call, as every start of a
    process waits for this.
    """
    found = []
    last = len(data) - 3  # tag, length, tag, length must be there
    while at < last and data[at] == 0x0A and (length := data[at + 1]) < 0x80:
        found.append(at)
        at += 2 + length
    octets = np.frombuffer(data, np.uint8)
    begins = np.array(found, np.int64)
    ends = begins + 2 + octets[begins + 1]
    scores = begins + 4 + octets[begins + 3]
    left = ends - scores
    # of what is cut off or has another length no byte is looked at: it may lie outside
    whole = (ends <= len(data)) & ((left == 5) | (left == 7))
    has_kind = whole & (left == 7)
    plain = whole & (octets[begins + 2] == 0x0A) & (octets[np.where(whole, scores, 0)] == 0x15)
    plain &= ~has_kind | (octets[np.where(has_kind, scores + 5, 0)] == 0x18)
    count = len(found) if plain.all() else int(plain.argmin())
    return begins[:count], scores[:count], ends[:count]


def take_piece(wire: Wire, table: PieceTable) -> None:
    """Take one piece record whose fields stand in any order."""
    name, score, kind = b"", bytes(4), 1
    for field in wire.fields():
        if field.number == 1 and isinstance(field.value, bytes):
            name = field.value
        elif field.number == 2 and isinstance(field.value, bytes) and len(field.value) == 4:
            score = field.value
        elif field.number == 3:
            kind = field.count(wire)
        else:
            raise wire.malformed(f"field {field.number} is none of a piece's")
    table.names.extend(name + b"\0")
    table.scores.extend(score)
    table.kinds.append(min(kind, 255))


def decode_pieces(table: PieceTable, wire: Wire) -> list[str]:
    """The pieces as text."""
    names = table.names
    if names.count(0) != len(table.kinds):
        raise wire.malformed("a piece holds the character NUL")
    try:
        return names[:-1].decode().split("\0")
    except UnicodeDecodeError as error:
        raise wire.malformed(
            f"the pieces are not UTF-8 at {bytes(names[error.start :][:12])!r}"
        ) from error


def check_pieces(
    pieces: list[str], scores: npt.NDArray[np.float32], kinds: bytearray, wire: Wire
) -> None:
    """What the C++ library relies on: lawful types, one unknown, no empty or repeated piece."""
    foreign = [kind for kind in set(kinds) if not 1 <= kind <= len(TYPES)]
    if foreign:
        raise wire.malformed(f"piece {kinds.index(foreign[0])} has the type {foreign[0]}")
    if kinds.count(UNKNOWN) != 1:
        raise wire.malformed(f"{kinds.count(UNKNOWN)} pieces are of the type unknown, not one")
    if "" in pieces:
        raise wire.malformed(f"piece {pieces.index('')} is empty")
    if len(set(pieces)) < len(pieces):
        first = {piece: number for number, piece in reversed(list(enumerate(pieces)))}
        twice = next(piece for number, piece in enumerate(pieces) if first[piece] != number)
        raise wire.malformed(f"the piece {twice!r} occurs twice")
    broken = np.flatnonzero(~np.isfinite(scores))
    if len(broken):
        raise wire.malformed(f"the score of piece {broken[0]} is {scores[broken[0]]}")


def read_trainer(data: bytes, name: str) -> tuple[str, bool]:
    """(algorithm, whether ▁ ends words instead of beginning them) of a TrainerSpec."""
    wire = Wire(data, name, KIND)
    algorithm, suffix = 1, False
    for field in wire.fields():
        if field.number == 3:
            algorithm = field.count(wire)
        elif field.number == 24:
            suffix = bool(field.count(wire))
    if not 1 <= algorithm <= len(ALGORITHMS):
        raise wire.malformed(f"model type {algorithm} does not exist")
    return ALGORITHMS[algorithm - 1], suffix


def read_normaliser(data: bytes, name: str) -> NormaliserSpec:
    """A NormalizerSpec."""
    wire = Wire(data, name, KIND)
    found = {field.number: field for field in wire.fields()}
    rule = found[1].text(wire) if 1 in found else ""
    character_map = found[2].value if 2 in found else b""
    if not isinstance(character_map, bytes):
        raise wire.malformed("the character map is a number")
    check_character_map(character_map, wire)
    prefix, collapses, escapes = (
        bool(found[number].count(wire)) if number in found else True for number in (3, 4, 5)
    )
    return NormaliserSpec(rule, character_map, prefix, collapses, escapes)


def check_character_map(data: bytes, wire: Wire) -> None:
    """No walk through the map's trie may leave it, and no result may lie outside its texts.

    Layout: 4 bytes size of the trie, the trie (a double array of 4-byte units), texts ended by NUL.
    Source of the units' bits: darts-clone, darts.h `DoubleArrayUnit`.
    """
    if not data:
        return
    size = int.from_bytes(data[:UNIT], "little")
    texts = data[UNIT + size :]
    if size == 0 or size % (UNIT * FAN_OUT) or len(data) <= UNIT + size or texts[-1:] != b"\0":
        raise wire.malformed("the character map contradicts its own sizes")
    units = np.frombuffer(data, "<u4", count=size // UNIT, offset=UNIT)  # [units]
    is_value = units >> 31 == 1
    if np.any((units[is_value] & 0x7FFFFFFF) >= len(texts)):
        raise wire.malformed("the character map points outside its texts")
    offsets = (units >> 10) << ((units & (1 << 9)) >> 6)
    children = np.arange(len(units), dtype=np.uint32) ^ offsets
    if np.any(children[~is_value] >= len(units)):  # the size is a multiple of the fan-out
        raise wire.malformed("the character map points outside its trie")


def write_sentencepiece_model(
    pieces: Sequence[str],
    scores: Sequence[float],
    types: Sequence[PieceType],
    *,
    character_map: bytes,
) -> bytes:
    """The bytes of a unigram model that finds these pieces; all other flags keep their defaults."""
    records = b"".join(
        record(
            PIECES,
            record(1, piece.encode())
            + b"\x15"
            + struct.pack("<f", score)
            + (b"" if kind == "normal" else bytes((0x18, TYPES.index(kind) + 1))),
        )
        for piece, score, kind in zip(pieces, scores, types, strict=True)
    )
    return records + record(TRAINER, b"") + record(NORMALISER, record(2, character_map))
