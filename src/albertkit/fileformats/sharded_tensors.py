"""Read tensors that are split over several files, which an index lists.

The index is `model.safetensors.index.json` or `pytorch_model.bin.index.json` and holds
`{"weight_map": {tensor: file}}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError
from albertkit.fileformats.reader import JsonValue, read_json
from albertkit.fileformats.tensors import Tensors


class TensorShards(Tensors):
    """The tensors of several files as one mapping."""

    def __init__(self, files: Mapping[str, Tensors]) -> None:
        """Take the file of each tensor, by the tensor's name."""
        self._files = files

    def __getitem__(self, name: str) -> FloatArray:
        """Read one tensor."""
        return self._files[name][name]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor, without reading any."""
        shapes = {id(file): file.shapes for file in self._files.values()}
        return {name: shapes[id(file)][name] for name, file in self._files.items()}


def read_shards(index: Path, read: Callable[[Path], Tensors]) -> TensorShards:
    """Open all files of an index and check that each holds the tensors that the index lists.

    Args:
        index: The JSON file.
        read: Opens one of the files.

    Returns:
        The tensors of all files.

    Raises:
        FormatError: [checkpoint-shards-broken], or as `read`.
    """
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise _broken_error(index, "it has no weight_map")
    names = {tensor: _check_file_name(file, index) for tensor, file in weight_map.items()}
    for name in sorted(set(names.values())):
        if not (index.parent / name).is_file():
            raise _broken_error(index, f"it names {name!r}, which is not in its directory")
    files = {name: read(index.parent / name) for name in sorted(set(names.values()))}
    for tensor, name in names.items():
        if tensor not in files[name]:
            raise _broken_error(index, f"it lists {tensor} in {name!r}, which does not hold it")
    return TensorShards({tensor: files[name] for tensor, name in names.items()})


def _check_file_name(value: JsonValue, index: Path) -> str:
    """Check that a file of the index is in the same directory."""
    if not isinstance(value, str) or Path(value).name != value:
        raise _broken_error(index, f"it names the file {value!r}, which is not a plain name")
    return value


def _broken_error(index: Path, what: str) -> FormatError:
    return FormatError(
        "checkpoint-shards-broken",
        what,
        why="the index must name, for each tensor, a file of its directory that holds it",
        fix="Download the directory again, whole",
        where=str(index),
    )
