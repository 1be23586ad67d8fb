"""The object graph that TensorFlow 2 stores among a checkpoint's tensors.

It gives each variable's own name and the key of its tensor. Keys are paths through Python objects
and differ between programs; names are the model's own.
Format: tensorflow/core/protobuf/trackable_object_graph.proto.
"""

from __future__ import annotations

from dataclasses import dataclass

from albertkit.errors import FormatError
from albertkit.fileformats.protobuf import Message
from albertkit.fileformats.tensorflow.tensor_bundle import TensorBundle

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"  # the key of the tensor that holds it
VALUE = "VARIABLE_VALUE"  # the attribute under which a variable keeps its tensor
KIND = "an object graph"


@dataclass(frozen=True, slots=True)
class TrackedVariable:
    """One variable: the number of its object, its name, and the key of its tensor."""

    number: int
    name: str
    key: str


def read_tracked_variables(bundle: TensorBundle) -> tuple[TrackedVariable, ...]:
    """Read the variables of an object-based checkpoint.

    Args:
        bundle: The checkpoint.

    Returns:
        The variables, in the order of their objects.

    Raises:
        FormatError: [file-wrong-format] for a checkpoint of TensorFlow 1, [file-malformed].
    """
    if OBJECT_GRAPH not in bundle:
        raise FormatError(
            "file-wrong-format",
            f"this checkpoint has no {OBJECT_GRAPH}",
            why="TensorFlow 2 stores one, TensorFlow 1 does not",
            fix="Give a TensorFlow 2 checkpoint",
            where=bundle.name,
        )
    graph = Message(b"".join(bundle.strings(OBJECT_GRAPH)), bundle.name, KIND)
    variables = tuple(
        TrackedVariable(number, tensor.text(2), tensor.text(3))
        for number, node in enumerate(graph.messages(1))
        for tensor in node.messages(2)
        if tensor.text(1) == VALUE
    )
    for variable in variables:
        if variable.key not in bundle:
            raise graph.format_error(f"it names the tensor {variable.key}, which is missing")
    return variables
