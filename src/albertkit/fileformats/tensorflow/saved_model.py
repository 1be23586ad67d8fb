"""What a TensorFlow 2 SavedModel says of itself: its objects, its assets, its operations.

In: a directory that holds `saved_model.pb`. Out: a SavedModel. Its variables' values lie beside
it, in the tensor bundle `variables/variables`.
Format: tensorflow/core/protobuf/saved_model.proto, meta_graph.proto, saved_object_graph.proto,
struct.proto, and tensorflow/core/framework/graph.proto, function.proto, node_def.proto; the
numbers below are those files'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from albertkit.errors import FormatError
from albertkit.fileformats.protobuf.messages import Message
from albertkit.fileformats.reader import map_file
from albertkit.fileformats.tensorflow.saved_model_files import ASSETS, FILE

KIND = "a SavedModel"
LARGEST = 128 * 2**20  # bytes; a BERT of 24 layers with all its gradients has some 20 MB


@dataclass(frozen=True, slots=True)
class SavedObject:
    """One object of the graph of objects; object 0 is the root.

    children: attribute → the number of the object there. asset: the number of its file.
    """

    children: Mapping[str, int]
    asset: int | None = None
    variable: str | None = None  # a variable's name
    functions: tuple[str, ...] = ()  # a function's concrete forms, by name


@dataclass(frozen=True, slots=True)
class Operation:
    """One node of a graph."""

    name: str
    kind: str  # as "MatMul"
    node: Message

    def attribute(self, name: str) -> Message:
        """An attribute's value: field 2 holds a string, 3 a whole number; empty where absent."""
        for found, value in self.node.entries(5):
            if found == name:
                return value
        return Message(b"", self.name, KIND)

    def text(self, name: str) -> bytes:
        """A string attribute."""
        return self.attribute(name).record(2)


class SavedModel:
    """One SavedModel: of its meta graphs the first, as TensorFlow 2 writes one only."""

    def __init__(self, place: Path, meta_graph: Message) -> None:
        self.place = place
        self._graph = meta_graph.message(2)
        objects = meta_graph.message(7)
        self.objects = tuple(map(_object, objects.messages(1)))
        self._functions = dict(objects.entries(2))
        self._assets = tuple(asset.text(2) for asset in meta_graph.messages(6))
        self.tensorflow = meta_graph.message(1).text(5)  # the version that wrote it

    @property
    def root(self) -> SavedObject:
        return self.objects[0]

    def child(self, name: str) -> SavedObject | None:
        """The object that the root has under this attribute."""
        number = self.root.children.get(name)
        if number is None:
            return None
        if number >= len(self.objects):
            raise self.malformed(f"{name} is object {number} of {len(self.objects)}")
        return self.objects[number]

    def asset(self, number: int) -> Path:
        """The file of an asset; raises FormatError for a name that leads out of `assets`."""
        if number >= len(self._assets):
            raise self.malformed(f"asset {number} is asked for and {len(self._assets)} are there")
        name = self._assets[number]
        if name != Path(name).name or name in {"", ".", ".."} or "\\" in name:
            raise self.malformed(f"an asset is called {name!r}")
        return self.place / ASSETS / name

    def asset_of(self, attribute: str) -> Path | None:
        """The file that the root has under this attribute."""
        found = self.child(attribute)
        return None if found is None or found.asset is None else self.asset(found.asset)

    def only_asset(self) -> Path | None:
        """The file of the only asset."""
        return self.asset(0) if len(self._assets) == 1 else None

    def listed_outputs(self, function: str) -> dict[str, int]:
        """How many tensors a function gives under each name, by its output signature.

        Empty for one whose outputs are not a dict.
        """
        signature = self._functions[function].message(4) if function in self._functions else None
        if signature is None:
            return {}
        return {
            name: sum(1 for _ in value.message(51).messages(1)) if 51 in value else 1
            for name, value in signature.message(53).entries(1)
        }

    def operations(self) -> Iterator[Operation]:
        """The operations of the graph itself, without its functions'."""
        return _operations(self._graph.messages(1))

    def functions(self) -> Iterator[Iterator[Operation]]:
        """The operations of each function in the graph's library."""
        for function in self._graph.message(2).messages(1):
            yield _operations(function.messages(3))

    def malformed(self, what: str) -> FormatError:
        """The error for a SavedModel that contradicts itself."""
        return FormatError(
            "file-malformed",
            what,
            why=f"{KIND} never does",
            fix="Copy or download the file again",
            where=str(self.place / FILE),
        )


def read_saved_model(place: Path) -> SavedModel:
    """Open the SavedModel in a directory.

    Raises InputError [file-not-found]; FormatError [file-wrong-format] for one of TensorFlow 1,
    [file-truncated], [file-malformed].
    """
    path = place / FILE
    meta_graph = next(read_message(path, KIND).messages(2), None)
    if meta_graph is None or 7 not in meta_graph:
        raise FormatError(
            "file-wrong-format",
            "this SavedModel has no graph of objects",
            why="TensorFlow 2 writes one; TensorFlow 1 did not",
            fix="Give the TensorFlow 1 checkpoint or hub module that it was made of",
            where=str(path),
        )
    found = SavedModel(place, meta_graph)
    if not found.objects:
        raise found.malformed("its graph of objects is empty")
    return found


def read_message(path: Path, kind: str) -> Message:
    """The message that a whole file is; kind: what the file should be, for messages.

    Raises InputError [file-not-found]; FormatError [file-wrong-format], [file-truncated],
    [file-malformed].
    """
    data = map_file(path)
    if len(data) > LARGEST:
        raise FormatError(
            "file-wrong-format",
            f"the file has {len(data):,} bytes",
            why=f"a graph without its weights needs fewer than {LARGEST:,}",
            fix="Check where it came from",
            where=str(path),
        )
    return Message(bytes(data), str(path), kind)


def _object(found: Message) -> SavedObject:
    return SavedObject(
        {child.text(2): child.count(1) for child in found.messages(1)},
        asset=found.message(5).count(1) if 5 in found else None,
        variable=found.message(7).text(6) if 7 in found else None,
        functions=found.message(6).texts(1),
    )


def _operations(nodes: Iterator[Message]) -> Iterator[Operation]:
    return (Operation(node.text(1), node.text(2), node) for node in nodes)
