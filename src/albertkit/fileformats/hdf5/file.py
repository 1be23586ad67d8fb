"""Read HDF5 files as Keras writes them through h5py: groups in groups, arrays as their leaves.

Only what h5py writes by default is read: superblock 0, groups as symbol tables, contiguous arrays;
anything else is refused by its name. float32 arrays are views of the mapped file.
Format: HDF5 File Format Specification 3.0, support.hdfgroup.org. The writer is writer.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError
from albertkit.fileformats.hdf5.groups import read_links
from albertkit.fileformats.hdf5.objects import Dataset, ObjectReader
from albertkit.fileformats.hdf5.structures import NOWHERE, Structures, feature_error
from albertkit.fileformats.reader import map_file
from albertkit.fileformats.tensors import LAYOUTS, FloatKind, Tensors, convert_to_float32

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUPERBLOCK_SIZE = {0: 96, 1: 100}  # version 1 has one number more
PATH_CAP = 1024  # characters; it keeps the paths in proportion to the file


class Hdf5File(Tensors):
    """The arrays of one checked file, path → read-only float32 array, read on access.

    Access to an array of another type raises FormatError [file-wrong-format].

    Attributes:
        name: The file's name, for messages.
        datasets: Path → the array's type, shape and offset.
        attributes: Path → name → text, for all objects; "" is the file's root.
    """

    def __init__(
        self,
        name: str,
        data: memoryview,
        datasets: Mapping[str, Dataset],
        attributes: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Keep what `read_hdf5` has checked."""
        self.name = name
        self.datasets = datasets
        self.attributes = attributes
        self._data = data

    def __getitem__(self, name: str) -> FloatArray:
        """Read one array."""
        dataset = self.datasets[name]
        if dataset.kind not in LAYOUTS:
            raise FormatError(
                "file-wrong-format",
                f"{name} holds {dataset.kind}",
                why=f"weights are {', '.join(LAYOUTS)}",
                fix="Give a file of weights",
                where=self.name,
            )
        data = self._data[dataset.start : dataset.start + dataset.size]
        return convert_to_float32(data, cast("FloatKind", dataset.kind)).reshape(dataset.shape)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each array, without reading any."""
        return {path: dataset.shape for path, dataset in self.datasets.items()}


def read_hdf5(path: Path) -> Hdf5File:
    """Open a file and check the structures of all of it.

    Args:
        path: The file.

    Returns:
        Its arrays and text attributes.

    Raises:
        InputError: [file-not-found].
        FormatError: [file-wrong-format], [file-truncated], [file-malformed],
            [hdf5-feature-unsupported].
    """
    data, name = map_file(path), str(path)
    structures = Structures(data, name)
    root = _read_root(structures)
    datasets, attributes = _read_objects(structures, root)
    _check_offsets(structures, datasets)
    return Hdf5File(name, data, datasets, attributes)


def _read_root(structures: Structures) -> int:
    """Read the address of the root group's header from the superblock."""
    data, name = structures.data, structures.name
    prefix = bytes(data[: len(SIGNATURE)])
    if prefix != SIGNATURE:
        raise FormatError(
            "file-wrong-format",
            f"this is not an HDF5 file: it begins with {prefix!r}",
            why="Keras saves weights as HDF5",
            fix="Give the .weights.h5 file that Keras wrote",
            where=name,
        )
    version = data[8] if len(data) > 8 else 0
    if version not in SUPERBLOCK_SIZE:
        raise feature_error(name, f"its superblock is of version {version}")
    block = structures.open(0, SUPERBLOCK_SIZE[version], "superblock")
    block.take(13)  # the signature, and versions that the structures repeat
    widths = block.unpack("BB")
    if widths != (8, 8):
        raise feature_error(name, f"its addresses and lengths have {widths} bytes, not 8")
    block.take(9 + 4 * version)  # how full the nodes of trees may be
    base, _free, end, driver = block.unpack("QQQQ")
    if base or driver != NOWHERE:
        raise feature_error(name, "it is embedded in another file, or split into several")
    if end > len(data):
        raise FormatError(
            "file-truncated",
            f"the file ends {end - len(data):,} bytes early",
            why=f"its superblock says that it has {end:,} bytes",
            fix="Download or copy it again",
            where=name,
        )
    _name_offset, header = block.unpack("QQ")
    return header


def _read_objects(
    structures: Structures, root: int
) -> tuple[dict[str, Dataset], dict[str, Mapping[str, str]]]:
    """Read all objects that the root leads to, each by one path."""
    reader, seen = ObjectReader(structures), set[int]()
    datasets: dict[str, Dataset] = {}
    attributes: dict[str, Mapping[str, str]] = {}
    waiting = [("", root)]
    while waiting:
        path, address = waiting.pop()
        if address in seen:
            raise feature_error(structures.name, f"{path} is another object as well")
        seen.add(address)
        item = reader.read(address, path)
        attributes[path] = item.attributes
        if item.dataset:
            datasets[path] = item.dataset
        if item.links:
            for name, target in read_links(structures, *item.links).items():
                below = f"{path}/{name}" if path else name
                if len(below) > PATH_CAP:
                    raise structures.format_error(f"groups are nested without end: {path[:60]}…")
                waiting.append((below, target))
    return datasets, attributes


def _check_offsets(structures: Structures, datasets: Mapping[str, Dataset]) -> None:
    """Check that every array is inside the file and that no byte belongs to two."""
    end, length = 0, len(structures.data)
    for path, dataset in sorted(datasets.items(), key=lambda item: item[1].start):
        if dataset.size == 0:
            continue
        if dataset.start < end:
            raise structures.format_error(
                f"{path} begins at byte {dataset.start}, inside another array"
            )
        end = dataset.start + dataset.size
        if end > length:
            raise FormatError(
                "file-truncated",
                f"the file ends {end - length:,} bytes early, in {path}",
                why=f"it has {length:,} bytes",
                fix="Download or copy it again",
                where=structures.name,
            )
