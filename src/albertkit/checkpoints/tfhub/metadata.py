"""An encoder module's depth and activation, which the shapes of its variables do not show.

Each comes with words that say where it was read. Modules written with Keras 2.5 or later have
keras_metadata.pb; without it the graph is used: every layer has a softmax, and every activation
its operations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from albertkit.checkpoints.format import metadata_missing_error
from albertkit.errors import Diagnostic
from albertkit.fileformats.reader import JsonValue, parse_json
from albertkit.fileformats.tensorflow.saved_model import Operation, SavedModel, read_message

DEFAULT_LENGTH = 128  # ids in a row of the published preprocessor
METADATA = "keras_metadata.pb"
DEPTH, ACTIVATION = "num_hidden_layers", "hidden_act"
# A Keras config's name → ours. Only names registered by Model Garden's text package are taken: its
# "gelu" is the tanh form, while Keras's own is the erf form; the graph decides about all others.
KERAS_ACTIVATIONS = {"Text>gelu": "gelu_new", "relu": "relu", "Text>relu": "relu"}
# The operation that identifies an activation, in the order of the search.
IDENTIFYING = {"Erf": "gelu", "Erfc": "gelu", "Relu": "relu", "Sigmoid": "silu"}
TANH_FORM = ("Tanh", "Pow")
# Keras's names of dropout rates, ALBERT's encoder first, then BERT's.
RATES = {
    "hidden_dropout_prob": ("dropout_rate", "output_dropout"),
    "attention_probs_dropout_prob": ("attention_dropout_rate", "attention_dropout"),
}


@dataclass(frozen=True, slots=True)
class ModuleMetadata:
    """Fields of the configuration that are in a module, and where each was read."""

    fields: dict[str, JsonValue] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, value: JsonValue, where: str) -> None:
        """Keep a field, unless the value is None or the field is known already."""
        if value is not None and name not in self.fields:
            self.fields[name] = value
            self.where[name] = where


def read_module_metadata(
    model: SavedModel, blocks: int | None, overrides: Mapping[str, int | str]
) -> ModuleMetadata:
    """Read the number of layers, the activation and the dropout rates.

    Args:
        model: The module.
        blocks: How many blocks of variables there are, if each layer has its own: the number of
            layers. None: layers share their variables.
        overrides: The caller's values.

    Returns:
        What the files say, with the place of each value.

    Raises:
        FormatError: [file-malformed] if the module contradicts itself, [metadata-missing] if a
            value is in no file.
    """
    metadata = ModuleMetadata()
    metadata.take(DEPTH, blocks, "its variables")
    settings = _read_keras_settings(model.directory)
    _take_keras(metadata, settings)
    listed = _count_listed_layers(model)
    metadata.take(DEPTH, listed, "the list of encoder_outputs in its signature")
    for source, depth in ((METADATA, settings.get("num_layers")), ("its signature", listed)):
        if depth is not None and depth != metadata.fields[DEPTH]:
            raise model.format_error(
                f"{source} says {depth} layers, {metadata.where[DEPTH]} {metadata.fields[DEPTH]}"
            )
    if not {DEPTH, ACTIVATION} <= {*metadata.fields, *overrides}:
        _take_graph(metadata, model)
    missing = [name for name in (DEPTH, ACTIVATION) if name not in {*metadata.fields, *overrides}]
    if missing:
        why = "neither its metadata nor its graph has a form that is known"
        raise metadata_missing_error(missing, why, str(model.directory))
    return metadata


def make_origin_note(metadata: ModuleMetadata, origin: str) -> Diagnostic:
    """The note that lists each value with the place where it was read."""
    read: dict[str, list[str]] = {}
    for name, location in metadata.where.items():
        read.setdefault(location, []).append(f"{name} {metadata.fields[name]}")
    parts = [f"{', '.join(values)} from {location}" for location, values in read.items()]
    return Diagnostic(
        "metadata-inferred",
        "note",
        f"{'; '.join(parts)}; widths and heads from the shapes of its variables",
        why="the module has no configuration of its own",
        where=origin,
    )


def _read_keras_settings(location: Path) -> Mapping[str, JsonValue]:
    """The settings of the Keras model that is an encoder; empty where there are none."""
    path = location / METADATA
    if not path.is_file():
        return {}
    for node in read_message(path, "Keras's metadata").messages(1):
        text = node.text(5)
        if '"num_attention_heads"' not in text or '"num_layers"' not in text:
            continue
        settings = parse_json(text.encode(), str(path)).get("config")
        if isinstance(settings, dict) and "num_layers" in settings:
            return settings
    return {}


def _take_keras(metadata: ModuleMetadata, settings: Mapping[str, JsonValue]) -> None:
    metadata.take(DEPTH, settings.get("num_layers"), METADATA)
    for name in ("activation", "inner_activation"):
        value = settings.get(name)
        if isinstance(value, dict):  # as Keras writes it since 2023
            value = value.get("config")
        if isinstance(value, str):
            metadata.take(ACTIVATION, KERAS_ACTIVATIONS.get(value), METADATA)
    for ours, theirs in RATES.items():
        for name in theirs:
            metadata.take(ours, settings.get(name), METADATA)


def _count_listed_layers(model: SavedModel) -> int | None:
    """How many encoder outputs the module gives; versions with lists as outputs give none."""
    call = model.child("__call__")
    for function in call.functions if call else ():
        count = model.count_outputs(function).get("encoder_outputs")
        if count is not None:
            return count
    return None


def _take_graph(metadata: ModuleMetadata, model: SavedModel) -> None:
    """Depth and activation from the function with the most softmaxes: each layer has one.

    It holds the whole encoder; those for gradients have more products, but no softmax.
    """
    counts = map(_count_operations, model.functions())
    encoder = max(counts, key=lambda count: count.all["Softmax"], default=OperationCounts())
    metadata.take(DEPTH, encoder.all["Softmax"] or None, "the softmaxes in its graph")
    activation = _identify_activation(encoder.activation)
    metadata.take(ACTIVATION, activation, "the operations in its graph")


@dataclass(frozen=True, slots=True)
class OperationCounts:
    """How many operations of each kind a function has."""

    all: Counter[str] = field(default_factory=Counter)
    activation: Counter[str] = field(default_factory=Counter)  # those of an activation function


def _count_operations(operations: Iterable[Operation]) -> OperationCounts:
    counts = OperationCounts()
    for operation in operations:
        counts.all[operation.kind] += 1
        if "transformer/" in operation.name and "activation/" in operation.name:
            counts.activation[operation.kind] += 1
    return counts


def _identify_activation(kinds: Mapping[str, int]) -> str | None:
    for kind, name in IDENTIFYING.items():
        if kind in kinds:
            return name
    if all(kind in kinds for kind in TANH_FORM):
        return "gelu_new"
    return "tanh" if "Tanh" in kinds else None
