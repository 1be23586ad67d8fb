"""Arrays that are fetched once: for engines, which ask for the same ones again and again.

The weights of a file may be a lazy mapping that converts float16 at each question, and arrays of a
foreign file may lie at odd addresses, which every product would then copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from albertkit.arrays import FloatArray


class CachedArrays(Mapping[str, FloatArray]):
    """`arrays`, each read at its first use; mapped float32 stays where it lies."""

    def __init__(self, arrays: Mapping[str, FloatArray]) -> None:
        self._arrays = arrays
        self._held: dict[str, FloatArray] = {}

    def __getitem__(self, name: str) -> FloatArray:
        if name not in self._held:
            self._held[name] = np.require(self._arrays[name], np.float32, ["C", "ALIGNED"])
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


def as_writable(array: FloatArray) -> FloatArray:
    """The same memory without numpy's write protection.

    A model's file is mapped for reading alone. Libraries that compute with such memory, and never
    write to it, take it only where they might (OpenVINO 2026.4), or warn of it (torch); a copy
    would hold it twice.
    """
    return np.asarray(_Unprotected(array))


class _Unprotected:
    def __init__(self, array: FloatArray) -> None:
        self.array = array  # kept: the view that numpy makes points here

    @property
    def __array_interface__(self) -> dict[str, object]:
        interface = self.array.__array_interface__
        return {**interface, "data": (interface["data"][0], False)}
