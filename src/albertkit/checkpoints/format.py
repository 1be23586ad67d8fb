"""What a checkpoint format is: it recognises a place, reads it, and writes one.

Reading gives weights under their canonical names, lazily, with what a person should hear of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from albertkit.arrays import FloatArray
from albertkit.checkpoints.config_overrides import NO_OVERRIDES, ConfigOverrides
from albertkit.errors import Diagnostic
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.spec import Weights
from albertkit.spec.pooling_config import PoolingConfig

if TYPE_CHECKING:
    from albertkit.fileformats import Unpacked


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint: weights, the files of its tokenizer, and notes for whoever opened it.

    tokenizer_files: files of the place, as they lie there; written beside the weights by `write`.
    vectors: how the place makes one vector of a text, where it says so. unpacked: the archive that
    the files come from; they are there as long as it is.
    """

    weights: Weights
    tokenizer_files: tuple[Path, ...] = ()
    notes: tuple[Diagnostic, ...] = ()
    vectors: PoolingConfig | None = None
    unpacked: Unpacked | None = None


class RenamedTensors(Mapping[str, FloatArray]):
    """Arrays under other names, read when they are asked for."""

    def __init__(self, arrays: Mapping[str, FloatArray], names: Mapping[str, str]) -> None:
        self._arrays = arrays
        self._names = names  # the name here → the name there

    def __getitem__(self, name: str) -> FloatArray:
        return self._arrays[self._names[name]]

    def __contains__(self, name: object) -> bool:
        return name in self._names  # without reading a tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Format(Protocol):
    """One way in which ALBERT weights are stored."""

    @property
    def name(self) -> str: ...

    def recognises(self, place: Path) -> str | None:
        """What shows that `place` is of this format, in words; None where nothing does."""

    def read(self, place: Path, told: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
        """Open `place`; raises FormatError.

        What no file says and must be known has to be told, or it raises [metadata-missing].
        """

    def write(self, stored: Checkpoint, place: Path, *, dtype: SavedDtype = "float32") -> None:
        """Write a directory, whole or not at all.

        Raises InputError [unsupported-by-format] before anything is written, ResourceError
        [write-failed].
        """
