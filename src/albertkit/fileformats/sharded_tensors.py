"""Read tensors that lie in several files, listed by an index of JSON.

In: `model.safetensors.index.json` or `pytorch_model.bin.index.json`, which say
`{"weight_map": {tensor: file}}`. Out: one lazy mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError
from albertkit.fileformats.reader import JsonValue, read_json
from albertkit.fileformats.tensors import Tensors


class TensorShards(Tensors):
    """The tensors of several files."""

    def __init__(self, files: Mapping[str, Tensors]) -> None:
        self._files = files  # tensor name → the file that holds it

    def __getitem__(self, name: str) -> FloatArray:
        return self._files[name][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """name → shape, without reading any tensor."""
        found = {id(file): file.shapes for file in self._files.values()}
        return {name: found[id(file)][name] for name, file in self._files.items()}


def read_shards(index: Path, read: Callable[[Path], Tensors]) -> TensorShards:
    """Open all files of an index, each by `read`, and check that each holds what the index says.

    Raises FormatError [checkpoint-shards-broken], or as `read`.
    """
    where = read_json(index).get("weight_map")
    if not isinstance(where, dict) or not where:
        raise _broken(index, "it has no weight_map")
    names = {tensor: _file_name(file, index) for tensor, file in where.items()}
    for name in sorted(set(names.values())):
        if not (index.parent / name).is_file():
            raise _broken(index, f"it names {name!r}, which is not beside it")
    files = {name: read(index.parent / name) for name in sorted(set(names.values()))}
    for tensor, name in names.items():
        if tensor not in files[name]:
            raise _broken(index, f"it says that {name!r} holds {tensor}, which is not so")
    return TensorShards({tensor: files[name] for tensor, name in names.items()})


def _file_name(found: JsonValue, index: Path) -> str:
    if not isinstance(found, str) or Path(found).name != found:
        raise _broken(index, f"it names the file {found!r}, which is no plain name")
    return found


def _broken(index: Path, what: str) -> FormatError:
    return FormatError(
        "checkpoint-shards-broken",
        what,
        why="the index must name, for each tensor, a file beside it that holds it",
        fix="Download the directory again, whole",
        where=str(index),
    )
