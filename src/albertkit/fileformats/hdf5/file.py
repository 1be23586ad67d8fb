"""Read HDF5 files as Keras writes them through h5py: groups in groups, arrays as their leaves.

In: a file. Out: a lazy mapping path → float32 array (float32 ones are views of the mapped file),
and the text attributes of every object. Only what h5py writes by default is read: superblock 0,
groups as symbol tables, arrays in one piece; anything else is refused by its name.
Format: HDF5 File Format Specification 3.0, support.hdfgroup.org. The writer is hdf5_writer.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError
from albertkit.fileformats.floats import LAYOUTS, FloatKind, as_float32
from albertkit.fileformats.hdf5.groups import links_of
from albertkit.fileformats.hdf5.objects import Dataset, Objects
from albertkit.fileformats.hdf5.structures import NOWHERE, FileParts, malformed, unknown
from albertkit.fileformats.reader import map_file

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUPERBLOCK_SIZE = {0: 96, 1: 100}  # version 1 has one number more
PATH_CAP = 1024  # characters; so that paths stay in proportion to the file


class Hdf5File(Mapping[str, FloatArray]):
    """The arrays of one checked file, path → float32 array, read when asked for.

    datasets: where each lies. attributes: path → name → text, "" being the file's root; groups
    without arrays are among them. Arrays cannot be written to; asking for one of whole numbers
    raises FormatError [file-wrong-format].
    """

    def __init__(
        self,
        name: str,
        data: memoryview,
        datasets: Mapping[str, Dataset],
        attributes: Mapping[str, Mapping[str, str]],
    ) -> None:
        self.name = name
        self.datasets = datasets
        self.attributes = attributes
        self._data = data

    def __getitem__(self, path: str) -> FloatArray:
        found = self.datasets[path]
        if found.kind not in LAYOUTS:
            raise FormatError(
                "file-wrong-format",
                f"{path} holds {found.kind}",
                why=f"weights are {', '.join(LAYOUTS)}",
                fix="Give a file of weights",
                where=self.name,
            )
        data = self._data[found.start : found.start + found.size]
        return as_float32(data, cast("FloatKind", found.kind)).reshape(found.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self.datasets)

    def __len__(self) -> int:
        return len(self.datasets)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """path → shape, without reading any array."""
        return {path: found.shape for path, found in self.datasets.items()}


def read_hdf5(path: Path) -> Hdf5File:
    """Check the structures of a whole file and give its arrays.

    Raises InputError [file-not-found]; FormatError [file-wrong-format], [file-truncated],
    [file-malformed], [hdf5-feature-unsupported].
    """
    data, name = map_file(path), str(path)
    parts = FileParts(data, name)
    root = _root(parts)
    datasets, attributes = _walk(parts, root)
    _check_that_arrays_lie_apart(datasets, len(data), name)
    return Hdf5File(name, data, datasets, attributes)


def _root(parts: FileParts) -> int:
    """The address of the root group's header, from the superblock."""
    begins = bytes(parts.data[: len(SIGNATURE)])
    if begins != SIGNATURE:
        raise FormatError(
            "file-wrong-format",
            f"this is no HDF5 file: it begins with {begins!r}",
            why="Keras saves weights as HDF5",
            fix="Give the .weights.h5 file that Keras wrote",
            where=parts.file,
        )
    version = parts.data[8] if len(parts.data) > 8 else 0
    if version not in SUPERBLOCK_SIZE:
        raise unknown(parts.file, f"its superblock is of version {version}")
    block = parts.part(0, SUPERBLOCK_SIZE[version], "superblock")
    block.take(13)  # the signature, and versions of parts that are checked where they stand
    widths = block.numbers("BB")
    if widths != (8, 8):
        raise unknown(parts.file, f"its addresses and lengths have {widths} bytes, not 8")
    block.take(9 + 4 * version)  # fill of the trees' nodes
    base, _free, end, driver = block.numbers("QQQQ")
    if base or driver != NOWHERE:
        raise unknown(parts.file, "it is a part of another file, or of several")
    if end > len(parts.data):
        raise FormatError(
            "file-truncated",
            f"the file ends {end - len(parts.data):,} bytes early",
            why=f"by its superblock it has {end:,} bytes",
            fix="Download or copy it again",
            where=parts.file,
        )
    _name_at, header = block.numbers("QQ")
    return header


def _walk(parts: FileParts, root: int) -> tuple[dict[str, Dataset], dict[str, Mapping[str, str]]]:
    """All objects that the root leads to, each by one way."""
    objects, seen = Objects(parts), set[int]()
    datasets: dict[str, Dataset] = {}
    attributes: dict[str, Mapping[str, str]] = {}
    waiting = [("", root)]
    while waiting:
        path, address = waiting.pop()
        if address in seen:
            raise unknown(parts.file, f"{path} is another object as well")
        seen.add(address)
        found = objects.read(address, path)
        attributes[path] = found.attributes
        if found.dataset:
            datasets[path] = found.dataset
        if found.links:
            for name, there in links_of(parts, *found.links).items():
                below = f"{path}/{name}" if path else name
                if len(below) > PATH_CAP:
                    raise malformed(parts.file, f"groups lie in groups without end: {path[:60]}…")
                waiting.append((below, there))
    return datasets, attributes


def _check_that_arrays_lie_apart(datasets: Mapping[str, Dataset], end: int, name: str) -> None:
    """Every array lies in the file, and no byte belongs to two."""
    at = 0
    for path, found in sorted(datasets.items(), key=lambda item: item[1].start):
        if found.size == 0:
            continue
        if found.start < at:
            raise malformed(name, f"{path} begins at byte {found.start}, inside another array")
        at = found.start + found.size
        if at > end:
            raise FormatError(
                "file-truncated",
                f"the file ends {at - end:,} bytes early, in {path}",
                why=f"it has {end:,} bytes",
                fix="Download or copy it again",
                where=name,
            )
