"""One model as a format reads it: weights, tokenizer files, pooling and notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from albertkit.arrays import FloatArray
from albertkit.errors import Diagnostic
from albertkit.spec import Weights
from albertkit.spec.pooling_config import PoolingConfig

NO_FILES: Mapping[str, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One model, independent of the format that it was read from.

    Attributes:
        weights: the parameters by their canonical names; arrays are read when they are used.
        tokenizer_files: contents of the tokenizer's files by name.
        notes: what a user should know about this checkpoint.
        pooling: how a text's vector is computed; None if the checkpoint does not say.
    """

    weights: Weights
    tokenizer_files: Mapping[str, bytes] = field(default_factory=lambda: NO_FILES)
    notes: tuple[Diagnostic, ...] = ()
    pooling: PoolingConfig | None = None


class RenamedTensors(Mapping[str, FloatArray]):
    """Arrays under other names, read when they are used."""

    def __init__(self, arrays: Mapping[str, FloatArray], names: Mapping[str, str]) -> None:
        """Rename `arrays`.

        Args:
            arrays: the arrays by their old names.
            names: new name → old name.
        """
        self._arrays = arrays
        self._names = names

    def __getitem__(self, name: str) -> FloatArray:
        return self._arrays[self._names[name]]

    def __contains__(self, name: object) -> bool:
        return name in self._names  # without reading a tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
