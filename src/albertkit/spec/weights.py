"""Weights: the arrays of one ALBERT under their canonical names, whatever format they came from.

Arrays may be views of a mapped file: they are read when they are used, and never written to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from albertkit.arrays import FloatArray
from albertkit.spec.config import AlbertConfig
from albertkit.spec.parameters import ParameterTable, parameter_table


@dataclass(frozen=True, slots=True)
class Weights:
    """The arrays of one model, canonical name → float32 array of the table's shape.

    heads: names of the heads that have arrays. origin: the file or directory, for messages.
    Tied parameters (`predictions.decoder.*`) are not in `arrays`.
    """

    config: AlbertConfig
    heads: tuple[str, ...]
    arrays: Mapping[str, FloatArray]
    origin: str = ""

    @property
    def has_pooler(self) -> bool:
        """Whether there are arrays of a pooler."""
        return "pooler.weight" in self.arrays

    def table(self) -> ParameterTable:
        """The parameter table of these arrays."""
        return parameter_table(self.config, self.heads, pooler=self.has_pooler)
