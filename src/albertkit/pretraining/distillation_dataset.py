"""Texts with a teacher's vectors on disk, mapped: what distillation reads.

A directory of `ids.npy` (uint16 or int32, [T], with [CLS] and [SEP]), `starts.npy` (int64,
[N + 1]) and `targets.npy` (float16, [N, D], the teacher's vectors in the order of the texts).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from albertkit.errors import InputError
from albertkit.fileformats.atomic import new_directory
from albertkit.pretraining.sentence_order import SEP
from albertkit.tokenization.encodings import Encodings

PARTS = ("ids", "starts", "targets")


@dataclass(frozen=True, slots=True)
class DistillationExample:
    """One text and its teacher's vector."""

    ids: npt.NDArray[np.integer]  # [S]
    target: npt.NDArray[np.floating]  # [D]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class DistillationDataset:
    """All texts and vectors."""

    ids: npt.NDArray[np.integer]
    starts: npt.NDArray[np.int64]
    targets: npt.NDArray[np.floating]

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, number: int, most: int) -> DistillationExample:
        """Text `number`, cut to `most` ids with its [SEP] kept."""
        ids = np.array(self.ids[self.starts[number] : self.starts[number + 1]][:most])
        ids[-1] = SEP
        return DistillationExample(ids, self.targets[number])

    @classmethod
    def open(cls, place: Path) -> DistillationDataset:
        """Map the lessons in the directory `place`."""
        arrays = (np.load(place / f"{name}.npy", mmap_mode="r") for name in PARTS)
        return cls(*arrays)


def write_lessons(place: Path, encodings: Encodings, targets: npt.NDArray[np.floating]) -> None:
    """Write texts and their teacher's vectors [N, D] into the directory `place`.

    Raises InputError [distillation-data-mismatch] where there are not as many vectors as texts.
    """
    if len(encodings) != len(targets):
        raise InputError(
            "distillation-data-mismatch",
            f"there are {len(encodings)} texts and {len(targets)} vectors",
            why="each text needs its teacher's vector",
            fix="Give both in the same order",
        )
    kind = np.uint16 if encodings.ids.max() < 1 << 16 else np.int32
    ids = encodings.ids.astype(kind)
    arrays: tuple[npt.NDArray[np.generic], ...] = (
        ids,
        encodings.offsets,
        targets.astype(np.float16),
    )
    with new_directory(place) as fresh:
        for name, array in zip(PARTS, arrays, strict=True):
            np.save(fresh / f"{name}.npy", array)
