"""Arrays that are read once: engines use the same ones in every call.

The weights of a file may be a lazy mapping that converts float16 at each access, and arrays of a
foreign file may have odd addresses, which every product would copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from albertkit.arrays import FloatArray


class CachedArrays(dict[str, FloatArray]):
    """The arrays of a mapping, each read at its first use; mapped float32 is not copied.

    Iteration and length are those of the mapping, read or not.
    """

    def __init__(self, arrays: Mapping[str, FloatArray]) -> None:
        super().__init__()
        self._arrays = arrays

    def __missing__(self, name: str) -> FloatArray:
        array = np.require(self._arrays[name], np.float32, ["C", "ALIGNED"])
        self[name] = array
        return array

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


def as_writable(array: FloatArray) -> FloatArray:
    """The same memory without numpy's write protection.

    A model's file is mapped for reading alone. Libraries that compute with such memory, and never
    write to it, accept it only if they might write (OpenVINO 2026.4), or warn of it (torch). A copy
    would need the memory twice.
    """
    return np.asarray(_Writable(array))


class _Writable:
    """The memory of an array, without its write protection."""

    def __init__(self, array: FloatArray) -> None:
        self.array = array  # kept: the view that numpy makes points here

    @property
    def __array_interface__(self) -> dict[str, object]:
        interface = self.array.__array_interface__
        return {**interface, "data": (interface["data"][0], False)}
