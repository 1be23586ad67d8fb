"""A tokenized corpus on disk, mapped: flat ids with the offsets of sentences and documents.

A shard is a directory of `ids.bin` (uint16 or int32, [T]), `sentences.bin` (int64 offsets into the
ids, [sentences + 1]), `documents.bin` (int64 offsets into the sentences, [documents + 1]) and
`metadata.json`. Special pieces are not stored: where they go depends on how a document is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Int32Array, Int64Array
from albertkit.errors import InputError
from albertkit.errors.arguments import describe_value
from albertkit.errors.exceptions import count_noun
from albertkit.fileformats.atomic import create_directory
from albertkit.pretraining.metadata import (
    ArraySpec,
    CorpusMetadata,
    choose_id_dtype,
    describe_vocabulary,
    open_corpus,
    write_metadata,
)
from albertkit.tokenization.sentences import split_sentences
from albertkit.tokenization.tokenizer import AlbertTokenizer

NAMES = ("ids", "sentences", "documents")
SHORTEST = 16  # pieces; a document or sequence with fewer teaches little
TOKENIZED_CHARACTERS = 4_000_000


@dataclass(frozen=True, slots=True)
class Document:
    """One document, as views into a shard."""

    ids: npt.NDArray[np.integer]  # [T]
    offsets: Int64Array  # [sentences + 1], counted from the document's first id


@dataclass(frozen=True, slots=True)
class ShardCounts:
    """How much of a shard is written."""

    pieces: int
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class CorpusShard:
    """A mapped corpus of tokenized documents."""

    metadata: CorpusMetadata
    ids: npt.NDArray[np.integer]  # [T]
    sentence_offsets: Int64Array  # [sentences + 1]
    document_offsets: Int64Array  # [documents + 1]

    def __len__(self) -> int:
        return len(self.document_offsets) - 1

    def __getitem__(self, number: int) -> Document:
        first, last = self.document_offsets[number], self.document_offsets[number + 1]
        offsets = self.sentence_offsets[first : last + 1]
        return Document(self.ids[offsets[0] : offsets[-1]], offsets - offsets[0])

    @property
    def contents(self) -> str:
        """How much it holds, for a model card, and so that a resumed run knows it again."""
        return f"{count_noun(len(self), 'document')}, {count_noun(len(self.ids), 'piece')}"

    def count_longer(self, pieces: int) -> int:
        """The number of sentences that have more pieces than this."""
        block = 1 << 20  # sentences: the array is mapped and may be larger than the memory
        return sum(
            int((np.diff(self.sentence_offsets[n : n + block + 1]) > pieces).sum())
            for n in range(0, len(self.sentence_offsets), block)
        )

    @classmethod
    def open(cls, directory: str | Path) -> CorpusShard:
        """Map the shard in the directory.

        Raises:
            InputError: [file-not-found].
            FormatError: [shard-malformed], [json-malformed].
        """
        metadata, arrays = open_corpus(Path(directory), "shard", NAMES)
        ids, sentence_offsets, document_offsets = (arrays[name] for name in NAMES)
        return cls(
            metadata,
            cast("npt.NDArray[np.integer]", ids),
            cast(Int64Array, sentence_offsets),
            cast(Int64Array, document_offsets),
        )


def check_new_shard(directory: Path) -> None:
    """Raise InputError [shard-exists] if the directory of a new shard exists."""
    if directory.exists():
        raise InputError(
            "shard-exists",
            f"{str(directory)!r} exists",
            why="a run may read it",
            fix="Give another directory, or remove this one",
        )


def write_shard(
    directory: str | Path,
    documents: Iterable[Sequence[str]],
    tokenizer: AlbertTokenizer,
    *,
    batch_characters: int = TOKENIZED_CHARACTERS,
    report: Callable[[ShardCounts], None] = lambda counts: None,
) -> CorpusShard:
    """Tokenize documents into a new shard.

    Memory does not grow with the corpus, only with its longest document.

    Args:
        directory: the shard's directory, which must not exist yet.
        documents: each a list of paragraphs.
        tokenizer: its vocabulary and special ids are written into the metadata.
        batch_characters: of documents that are tokenized together, or one longer document.
        report: is called after each batch of documents with what is written so far.

    Raises:
        InputError: [shard-exists]; [corpus-empty] if no document is long enough;
            [input-not-texts] for a document that is no list of texts.
    """
    directory = Path(directory)
    check_new_shard(directory)
    vocab_size, fingerprint, special_ids = describe_vocabulary(tokenizer)
    dtype, short_documents = choose_id_dtype(vocab_size), 0
    pieces = 0
    counts = [1, 1]  # offsets of sentences and of documents
    with create_directory(directory) as staging, ExitStack() as stack:
        files = [stack.enter_context((staging / f"{name}.bin").open("wb")) for name in NAMES]
        files[1].write(np.zeros(1, np.int64).tobytes())
        files[2].write(np.zeros(1, np.int64).tobytes())
        for group in _group(documents, batch_characters):
            for ids, offsets in _tokenize(group, tokenizer):
                if len(ids) < SHORTEST:
                    short_documents += 1
                    continue
                files[0].write(ids.astype(dtype).tobytes())
                files[1].write((offsets[1:] + pieces).tobytes())
                pieces += len(ids)
                counts[0] += len(offsets) - 1
                counts[1] += 1
                files[2].write(np.array([counts[0] - 1], np.int64).tobytes())
            report(ShardCounts(pieces, pieces * dtype.itemsize + 8 * sum(counts)))
        if not pieces:
            raise InputError(
                "corpus-empty",
                f"no document has {SHORTEST} pieces"
                + (
                    f" ({count_noun(short_documents, 'shorter document')})"
                    if short_documents
                    else ""
                ),
                why="documents are separated by empty lines, one paragraph a line",
                fix="Give text files with longer documents",
            )
        arrays = {
            "ids": ArraySpec(dtype.name, (pieces,)),
            "sentences": ArraySpec("int64", (counts[0],)),
            "documents": ArraySpec("int64", (counts[1],)),
        }
        metadata = CorpusMetadata(
            "shard", vocab_size, fingerprint, special_ids, arrays, short_documents
        )
        write_metadata(staging, metadata)
    return CorpusShard.open(directory)


def _tokenize(
    documents: Sequence[Sequence[str]], tokenizer: AlbertTokenizer
) -> Iterator[tuple[Int32Array, Int64Array]]:
    """The ids of each document without special pieces, and the offsets of its sentences."""
    texts = [[part for paragraph in d for part in split_sentences(paragraph)] for d in documents]
    encodings = tokenizer.encode_batch([sentence for text in texts for sentence in text])
    is_piece = np.ones(len(encodings.ids), bool)
    is_piece[encodings.offsets[:-1]] = False  # [CLS]
    is_piece[encodings.offsets[1:] - 1] = False  # [SEP]
    ids = encodings.ids[is_piece]
    offsets = encodings.offsets - 2 * np.arange(len(encodings.offsets))
    first = 0
    for text in texts:
        own = offsets[first : first + len(text) + 1]
        yield ids[own[0] : own[-1]], own - own[0]
        first += len(text)


def _group(documents: Iterable[Sequence[str]], characters: int) -> Iterator[list[Sequence[str]]]:
    """Lists of documents, each ended by the one that brings it to so many characters."""
    group: list[Sequence[str]] = []
    size = 0
    for number, document in enumerate(documents, 1):
        if isinstance(document, str) or not all(isinstance(part, str) for part in document):
            raise InputError(
                "input-not-texts",
                f"document {number} is {describe_value(document)}",
                why="a document is a list of paragraphs, each a text",
                fix="Give [text] for a document of one paragraph",
            )
        group.append(document)
        size += sum(map(len, document))
        if size >= characters:
            yield group
            group, size = [], 0
    if group:
        yield group
