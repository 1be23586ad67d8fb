"""The parameters with every query already over √D, so that attention multiplies nothing more.

OpenVINO moves a factor of the scores back into a product, which then takes another kernel, never a
faster one (benchmarks/tried.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.spec import AlbertConfig
from albertkit.spec.parameters import layer_prefix


class ScaledQueries(Mapping[str, FloatArray]):
    """`arrays`; those that make queries are copies over √D, made once."""

    def __init__(self, config: AlbertConfig, arrays: Mapping[str, FloatArray]) -> None:
        self._arrays = arrays
        self._scale = np.float32(1 / math.sqrt(config.head_size))
        self._queries: dict[str, FloatArray | None] = {
            f"{layer_prefix(group, inner)}attention.query.{part}": None
            for group in range(config.num_hidden_groups)
            for inner in range(config.inner_group_num)
            for part in ("weight", "bias")
        }

    def __getitem__(self, name: str) -> FloatArray:
        if name not in self._queries:
            return self._arrays[name]
        scaled = self._queries[name]
        if scaled is None:
            scaled = self._queries[name] = self._arrays[name] * self._scale
        return scaled

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)
