"""Texts with a teacher's vectors on disk, mapped: the data of distillation.

A directory of `ids.bin` (uint16 or int32, [T], with special pieces), `offsets.bin` (int64,
[N + 1]), `targets.bin` (float16, [N, D], the teacher's vectors in the order of the texts) and
`metadata.json`. `triplets.bin` (int32, [M, 3]), if it is there, holds the numbers of texts that
belong together: an anchor, a text that means the same, and one that only seems to (-1: none).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Int32Array, Int64Array
from albertkit.errors import FormatError, InputError
from albertkit.errors.exceptions import count_noun
from albertkit.fileformats.atomic import create_directory
from albertkit.fileformats.npy import read_npy
from albertkit.pretraining.metadata import (
    ArraySpec,
    CorpusMetadata,
    choose_id_dtype,
    describe_vocabulary,
    open_corpus,
    write_metadata,
)
from albertkit.tokenization.encodings import Encodings
from albertkit.tokenization.tokenizer import AlbertTokenizer

NAMES = ("ids", "offsets", "targets")
TRIPLETS = "triplets"
CHECKED_VECTORS = 4096  # at a time: 16 MB of float32 for 1,024 dimensions


@dataclass(frozen=True, slots=True)
class DistillationExample:
    """One text and its teacher's vector."""

    ids: npt.NDArray[np.integer]  # [S]
    target: npt.NDArray[np.floating]  # [D]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class DistillationDataset:
    """All texts and vectors, mapped."""

    metadata: CorpusMetadata
    ids: npt.NDArray[np.integer]  # [T]
    offsets: Int64Array  # [N + 1]
    targets: npt.NDArray[np.floating]  # [N, D]
    triplets: Int32Array  # [M, 3]

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def contents(self) -> str:
        """How much it holds, for a model card, and so that a resumed run knows it again."""
        counts = {"text": len(self), "piece": len(self.ids), "triplet": len(self.triplets)}
        return ", ".join(count_noun(count, noun) for noun, count in counts.items() if count)

    def example(self, number: int, max_length: int) -> DistillationExample:
        """Text `number`, cut to `max_length` ids; its last id stays [SEP]."""
        ids = np.array(self.ids[self.offsets[number] : self.offsets[number + 1]][:max_length])
        ids[-1] = self.metadata.special_ids.sep
        return DistillationExample(ids, self.targets[number])

    @classmethod
    def open(cls, directory: str | Path) -> DistillationDataset:
        """Map the dataset in the directory.

        Raises:
            InputError: [file-not-found].
            FormatError: [shard-malformed], [json-malformed].
        """
        metadata, arrays = open_corpus(Path(directory), "distillation", NAMES, (TRIPLETS,))
        return cls(
            metadata,
            cast("npt.NDArray[np.integer]", arrays["ids"]),
            cast(Int64Array, arrays["offsets"]),
            cast("npt.NDArray[np.floating]", arrays["targets"]),
            cast(Int32Array, arrays.get(TRIPLETS, np.empty((0, 3), np.int32))),
        )


def read_teacher(path: Path) -> list[npt.NDArray[np.floating]]:
    """Map the teacher's vectors: a .npy file, or the directory of an `embed` job.

    Args:
        path: of a file of floats [N, D], or of a directory of them, in the order of their names.

    Raises:
        InputError: [file-not-found].
        FormatError: As `read_vectors`.
    """
    files = sorted(path.glob("part-*.npy")) if path.is_dir() else [path]
    return [read_vectors(file) for file in files or [path]]


def read_vectors(path: Path) -> npt.NDArray[np.floating]:
    """Map the vectors of a .npy file.

    Args:
        path: of a file of floats [N, D].

    Raises:
        InputError: [file-not-found].
        FormatError: [file-malformed]; [file-wrong-format] if it holds no floats;
            [vectors-not-finite] for numbers that float16 does not hold.
    """
    if not path.is_file():
        raise InputError(
            "file-not-found",
            f"there is no file {str(path)!r}" + (" of vectors" if path.is_dir() else ""),
            why="a model's vectors are read from it",
            fix="Check the path; `albertkit embed -i texts.txt -o teacher.npy` makes such a file, "
            "`-f npy -o teacher/` a directory of them",
        )
    fix = "Save the vectors with numpy.save, one row for each text"
    vectors = read_npy(path, str(path), fix=fix)
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or not vectors.shape[1]:
        raise FormatError(
            "file-wrong-format",
            "the file holds no vectors",
            why=f"an array of floats [N, D] is expected, not {vectors.dtype} of the shape "
            f"{list(vectors.shape)}",
            fix=fix,
            where=str(path),
        )
    largest = np.finfo(np.float16).max
    for first in range(0, len(vectors), CHECKED_VECTORS):
        block = np.abs(vectors[first : first + CHECKED_VECTORS])
        if not (block <= largest).all():  # NaN is in no range
            row = int(np.argmin((block <= largest).all(1)))
            raise _not_finite_error(first + row, str(path))
    return vectors


def _not_finite_error(row: int, where: str = "") -> FormatError:
    return FormatError(
        "vectors-not-finite",
        f"the vector of row {row + 1} has NaN, infinity or a number beyond 65,504",
        why="vectors are stored as float16, which has none above",
        fix="Compute the vectors again",
        where=where,
    )


def read_piece_vectors(
    path: Path, vocab_size: int, dimensions: int | None = None
) -> npt.NDArray[np.floating]:
    """Map another model's vectors of the pieces of a vocabulary; raises as `read_vectors`.

    Args:
        path: of a file of floats [V, D].
        vocab_size: V.
        dimensions: D; None: any.

    Raises:
        InputError: [initialization-mismatch] for another shape, or if all vectors are equal.
    """
    vectors = read_vectors(path)
    wanted = (vocab_size, vectors.shape[1] if dimensions is None else dimensions)
    if vectors.shape != wanted:
        raise InputError(
            "initialization-mismatch",
            f"the piece vectors {str(path)!r} have the shape {list(vectors.shape)}",
            why=f"{vocab_size:,} pieces with vectors of {wanted[1]:,} dimensions are needed",
            fix="Embed each piece of the vocabulary with the teacher, in the order of their ids",
        )
    if not (vectors != vectors[0]).any():
        raise InputError(
            "initialization-mismatch",
            f"the piece vectors {str(path)!r} are all equal",
            why="the word embeddings begin with their differences",
            fix="Embed each piece by itself, or leave piece_vectors out",
        )
    return vectors


def write_distillation_dataset(
    directory: str | Path,
    encodings: Encodings,
    targets: Sequence[npt.NDArray[np.floating]],
    tokenizer: AlbertTokenizer,
    triplets: Int32Array | None = None,
) -> None:
    """Write texts and their teacher's vectors into the directory.

    Args:
        directory: to write; whole or not at all.
        encodings: of N texts, with special pieces.
        targets: arrays [n, D] that have N rows together; one is in memory at a time.
        tokenizer: of the encodings; its special ids are written into the metadata.
        triplets: [M, 3] numbers of texts (`read_triplets`).

    Raises:
        InputError: [distillation-data-mismatch] if there are not as many vectors as texts, or a
            triplet has the number of no text.
        FormatError: [vectors-not-finite].
    """
    shapes = [part.shape for part in targets]
    rows = sum(shape[0] for shape in shapes)
    if len({shape[1:] for shape in shapes}) != 1 or len(shapes[0]) != 2 or rows != len(encodings):
        raise InputError(
            "distillation-data-mismatch",
            f"the vectors of {count_noun(len(encodings), 'text')} have the shape "
            f"{', '.join(str(list(shape)) for shape in sorted({*shapes}))}",
            why=f"each text needs its teacher's vector; there are {rows:,} rows of vectors",
            fix="Give both in the same order, one vector for each line that is not empty",
        )
    if triplets is not None:
        _check_triplets(triplets, rows)
    vocab_size, fingerprint, special_ids = describe_vocabulary(tokenizer)
    parts: dict[str, Sequence[npt.NDArray[np.generic]]] = {
        "ids": [encodings.ids.astype(choose_id_dtype(vocab_size))],
        "offsets": [encodings.offsets.astype(np.int64)],
        "targets": targets,
    }
    if triplets is not None:
        parts[TRIPLETS] = [triplets]
    with create_directory(Path(directory)) as staging:
        specs = {}
        for name, arrays in parts.items():
            count = 0  # rows that are written
            dtype = np.dtype(np.float16) if name == "targets" else arrays[0].dtype
            with (staging / f"{name}.bin").open("wb") as file:
                for array in arrays:
                    with np.errstate(over="ignore"):  # it is infinite then
                        stored = array.astype(dtype)
                    if name == "targets" and not np.isfinite(stored).all():
                        row = int(np.argmin(np.isfinite(stored).all(1)))
                        raise _not_finite_error(count + row)
                    file.write(stored.tobytes())
                    count += len(array)
            specs[name] = ArraySpec(dtype.name, (count, *arrays[0].shape[1:]))
        metadata = CorpusMetadata("distillation", vocab_size, fingerprint, special_ids, specs)
        write_metadata(staging, metadata)


def _check_triplets(triplets: Int32Array, rows: int) -> None:
    """Refuse numbers of texts that are none of 0 to rows - 1; only a negative may be -1."""
    least = np.array([0, 0, -1])
    if not ((triplets >= least) & (triplets < rows)).all():
        raise InputError(
            "distillation-data-mismatch",
            f"the triplets have the numbers {triplets.min():,} to {triplets.max():,}",
            why=f"the texts have the numbers 0 to {rows - 1:,}; -1 stands for no negative",
            fix="Number the texts from 0",
        )
