"""Read TensorFlow 2 SavedModels: the object graph, the assets and the operations.

The values of the variables are in the tensor bundle `variables/variables` of the same directory.
Nothing of the graph is executed.
Format: tensorflow/core/protobuf/saved_model.proto, meta_graph.proto, saved_object_graph.proto,
struct.proto, and tensorflow/core/framework/graph.proto, function.proto, node_def.proto; the field
numbers below are from those files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from albertkit.errors import FormatError
from albertkit.fileformats.protobuf import Message
from albertkit.fileformats.reader import format_error, map_file
from albertkit.fileformats.tensorflow.saved_model_files import ASSETS, FILE

KIND = "a SavedModel"
LARGEST_GRAPH = 128 * 2**20  # bytes; a BERT of 24 layers with all its gradients has some 20 MB


@dataclass(frozen=True, slots=True)
class SavedObject:
    """One object of the object graph; object 0 is the root.

    Attributes:
        children: Attribute → number of the object there.
        asset: The number of its file, if it is an asset.
        variable: Its name, if it is a variable.
        functions: The names of its concrete functions, if it is a function.
    """

    children: Mapping[str, int]
    asset: int | None = None
    variable: str | None = None
    functions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One node of a graph; `kind` is the name of the operation: "MatMul"."""

    name: str
    kind: str
    node: Message

    def attribute(self, name: str) -> Message:
        """Read an attribute: field 2 holds a string, 3 a whole number; empty if it is absent."""
        for own, value in self.node.entries(5):
            if own == name:
                return value
        return Message(b"", self.name, KIND)

    def text(self, name: str) -> bytes:
        """Read a string attribute."""
        return self.attribute(name).record(2)


class SavedModel:
    """One SavedModel: its first meta graph, as TensorFlow 2 writes only one."""

    def __init__(self, directory: Path, meta_graph: Message) -> None:
        """Read the objects and assets; operations and functions are read when asked for."""
        self.directory = directory
        self._graph = meta_graph.message(2)
        objects = meta_graph.message(7)
        self.objects = tuple(map(_read_object, objects.messages(1)))
        self._functions = dict(objects.entries(2))
        self._assets = tuple(asset.text(2) for asset in meta_graph.messages(6))
        self.tensorflow = meta_graph.message(1).text(5)  # the version that wrote it

    @property
    def root(self) -> SavedObject:
        """The object that has all others."""
        return self.objects[0]

    def child(self, name: str) -> SavedObject | None:
        """Find the object that the root has under this attribute."""
        number = self.root.children.get(name)
        if number is None:
            return None
        if number >= len(self.objects):
            raise self.format_error(f"{name} is object {number} of {len(self.objects)}")
        return self.objects[number]

    def asset(self, number: int) -> Path:
        """Return the path of an asset; raise FormatError for a name that is not a plain one."""
        if number >= len(self._assets):
            raise self.format_error(f"it refers to asset {number} and has {len(self._assets)}")
        name = self._assets[number]
        if name != Path(name).name or name in {"", ".", ".."} or "\\" in name:
            raise self.format_error(f"an asset has the name {name!r}")
        return self.directory / ASSETS / name

    def find_asset(self, attribute: str) -> Path | None:
        """Find the file that the root has under this attribute."""
        child = self.child(attribute)
        return None if child is None or child.asset is None else self.asset(child.asset)

    def find_only_asset(self) -> Path | None:
        """Find the only asset's file; None if there are several or none."""
        return self.asset(0) if len(self._assets) == 1 else None

    def count_outputs(self, function: str) -> dict[str, int]:
        """Count the tensors of each output of a function, by its output signature.

        Args:
            function: The name of a concrete function.

        Returns:
            Output name → number of tensors; empty if the outputs are not a dict.
        """
        signature = self._functions[function].message(4) if function in self._functions else None
        if signature is None:
            return {}
        return {
            name: sum(1 for _ in value.message(51).messages(1)) if 51 in value else 1
            for name, value in signature.message(53).entries(1)
        }

    def output_shapes(self, attribute: str) -> dict[str, tuple[int | None, ...]]:
        """Return the shapes that the root's function promises for its outputs.

        Args:
            attribute: the root's attribute that is the function, such as `__call__`.

        Returns:
            Output name → shape, None for an axis that is not fixed; empty if the function has no
            dict of tensors as output.
        """
        call = self.child(attribute)
        for name in call.functions if call else ():
            if name in self._functions:
                outputs = self._functions[name].message(4).message(53).entries(1)
                return {key: _read_shape(value.message(33).message(2)) for key, value in outputs}
        return {}

    def operations(self) -> Iterator[Operation]:
        """Read the operations of the graph itself, without those of its functions."""
        return _read_operations(self._graph.messages(1))

    def functions(self) -> Iterator[Iterator[Operation]]:
        """Read the operations of each function in the graph's library."""
        for function in self._graph.message(2).messages(1):
            yield _read_operations(function.messages(3))

    def format_error(self, what: str) -> FormatError:
        """Make the error for a SavedModel that contradicts itself."""
        return format_error(
            what, why=f"this is not valid in {KIND}", where=str(self.directory / FILE)
        )


def read_saved_model(directory: Path) -> SavedModel:
    """Open a SavedModel.

    Args:
        directory: It holds `saved_model.pb`.

    Returns:
        The model; no asset or variable is read.

    Raises:
        InputError: [file-not-found].
        FormatError: [file-wrong-format] for one of TensorFlow 1, [file-truncated],
            [file-malformed].
    """
    path = directory / FILE
    meta_graph = next(read_message(path, KIND).messages(2), None)
    if meta_graph is None or 7 not in meta_graph:
        raise FormatError(
            "file-wrong-format",
            "this SavedModel has no object graph",
            why="TensorFlow 2 writes one; TensorFlow 1 did not",
            fix="Give the TensorFlow 1 checkpoint or hub module from which it was made",
            where=str(path),
        )
    model = SavedModel(directory, meta_graph)
    if not model.objects:
        raise model.format_error("its object graph is empty")
    return model


def read_message(path: Path, kind: str) -> Message:
    """Read a file that is one protobuf message.

    Args:
        path: The file.
        kind: What it should be, for messages of errors: "a SavedModel".

    Returns:
        The message.

    Raises:
        InputError: [file-not-found].
        FormatError: [file-wrong-format], [file-truncated], [file-malformed].
    """
    data = map_file(path)
    if len(data) > LARGEST_GRAPH:
        raise FormatError(
            "file-wrong-format",
            f"the file has {len(data):,} bytes",
            why=f"a graph without its weights needs fewer than {LARGEST_GRAPH:,}",
            fix="Check where it came from",
            where=str(path),
        )
    return Message(bytes(data), str(path), kind)


def _read_object(node: Message) -> SavedObject:
    return SavedObject(
        {child.text(2): child.count(1) for child in node.messages(1)},
        asset=node.message(5).count(1) if 5 in node else None,
        variable=node.message(7).text(6) if 7 in node else None,
        functions=node.message(6).texts(1),
    )


def _read_shape(shape: Message) -> tuple[int | None, ...]:
    """A TensorShapeProto's axes; -1 stands for one that is not fixed."""
    sizes = (dim.count(1) if 1 in dim else 0 for dim in shape.messages(2))
    return tuple(size if size < 2**31 else None for size in sizes)


def _read_operations(nodes: Iterator[Message]) -> Iterator[Operation]:
    return (Operation(node.text(1), node.text(2), node) for node in nodes)
