"""A tokenised corpus on disk: flat ids with the starts of sentences and documents, mapped.

A shard is a directory of three arrays: `ids.npy` (uint16 or int32, [T]), `sentences.npy`
(int64 starts in ids, [sentences + 1]) and `documents.npy` (int64 starts in sentences,
[documents + 1]). No special tokens are stored: they depend on how a text is cut later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Int32Array, Int64Array
from albertkit.fileformats.atomic import new_directory
from albertkit.pretraining.documents import sentences
from albertkit.tokenization.tokenizer import AlbertTokenizer

# Texts → their ids one after another, and the N + 1 starts.
EncodeTexts = Callable[[Sequence[str]], tuple[Int32Array, Int64Array]]


@dataclass(frozen=True, slots=True)
class Document:
    """One document: views into a shard."""

    ids: npt.NDArray[np.integer]  # [T]
    starts: Int64Array  # [sentences + 1], counted from the document's first id


@dataclass(frozen=True, slots=True)
class Shard:
    """A mapped corpus of tokenised documents."""

    ids: npt.NDArray[np.integer]
    sentence_starts: Int64Array
    document_starts: Int64Array

    def __len__(self) -> int:
        return len(self.document_starts) - 1

    def __getitem__(self, number: int) -> Document:
        first, last = self.document_starts[number], self.document_starts[number + 1]
        starts = self.sentence_starts[first : last + 1]
        return Document(self.ids[starts[0] : starts[-1]], starts - starts[0])

    @classmethod
    def open(cls, place: Path) -> Shard:
        """Map the shard in the directory `place`."""
        arrays = (np.load(place / f"{name}.npy", mmap_mode="r") for name in PARTS)
        return cls(*arrays)


PARTS = ("ids", "sentences", "documents")


def write_shard(
    place: Path,
    documents: Iterable[Sequence[str]],
    encode: EncodeTexts,
    *,
    vocab_size: int,
    batch: int = 2000,
) -> Shard:
    """Tokenise `documents` (lists of paragraphs) into the directory `place`, whole or not at all.

    batch: documents tokenised at a time; memory holds the ids of all.
    """
    kind = np.uint16 if vocab_size <= 1 << 16 else np.int32
    ids: list[npt.NDArray[np.integer]] = []
    sentence_starts, document_starts = [np.zeros(1, np.int64)], [0]
    total, count = 0, 0
    for group in _batched(documents, batch):
        texts = [[part for paragraph in d for part in sentences(paragraph)] for d in group]
        found, starts = encode([sentence for document in texts for sentence in document])
        ids.append(found.astype(kind))
        sentence_starts.append(starts[1:] + total)
        total += len(found)
        for document in texts:
            count += len(document)
            document_starts.append(count)
    arrays = (
        np.concatenate(ids),
        np.concatenate(sentence_starts),
        np.array(document_starts, np.int64),
    )
    with new_directory(place) as fresh:
        for name, array in zip(PARTS, arrays, strict=True):
            np.save(fresh / f"{name}.npy", array)
    return Shard.open(place)


def pieces_by(tokenizer: AlbertTokenizer) -> EncodeTexts:
    """The tokenizer as a function for `write_shard`: pieces without [CLS] and [SEP]."""

    def encode(texts: Sequence[str]) -> tuple[Int32Array, Int64Array]:
        found = tokenizer.encode_batch(texts)
        keep = np.ones(len(found.ids), bool)
        keep[found.offsets[:-1]] = False
        keep[found.offsets[1:] - 1] = False
        return found.ids[keep], found.offsets - 2 * np.arange(len(found.offsets))

    return encode


def _batched(documents: Iterable[Sequence[str]], count: int) -> Iterator[list[Sequence[str]]]:
    group: list[Sequence[str]] = []
    for document in documents:
        group.append(document)
        if len(group) == count:
            yield group
            group = []
    if group:
        yield group
