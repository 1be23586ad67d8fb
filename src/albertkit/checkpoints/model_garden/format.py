"""TensorFlow 2 object checkpoints of Model Garden: an encoder alone, or with its masked LM head.

The checkpoint itself says neither how often the shared layer is repeated nor its activation:
without an albert_config.json in the directory both must be given.
"""

from __future__ import annotations

from pathlib import Path

from albertkit.checkpoints.agreement import check_config_fields
from albertkit.checkpoints.bundle_prefix import find_prefix
from albertkit.checkpoints.format import (
    NO_OVERRIDES,
    Checkpoint,
    ConfigOverrides,
    metadata_missing_error,
)
from albertkit.checkpoints.model_garden.variables import GardenVariables
from albertkit.checkpoints.unsupported import ReadOnlyFormat
from albertkit.errors import InputError
from albertkit.fileformats.reader import JsonValue, read_json
from albertkit.fileformats.tensorflow.object_graph import OBJECT_GRAPH
from albertkit.fileformats.tensorflow.tensor_bundle import INDEX_SUFFIX, read_bundle
from albertkit.spec import AlbertConfig
from albertkit.tokenization.vocabulary_files import read_tokenizer_files

CONFIGS = ("albert_config.json", "bert_config.json")
UNSAID = ("num_hidden_layers", "hidden_act")


class ModelGardenFormat(ReadOnlyFormat):
    """The Format of Model Garden's checkpoints."""

    name = "model-garden"
    description = "a checkpoint of Model Garden"
    why_unwritten = "it restores into objects that only its own code makes"
    alternative = "Write tf1, which its tf2_albert_encoder_checkpoint_converter.py reads, or tfhub"

    def recognises(self, location: Path) -> str | None:
        """Return the evidence that `location` has this format; None if there is none."""
        prefix = find_prefix(location)
        if prefix is None or OBJECT_GRAPH not in read_bundle(prefix):
            return None
        return f"{prefix.name}{INDEX_SUFFIX} with a graph of objects"

    def read(self, location: Path, overrides: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
        """Open a checkpoint; tensors stay on disk until they are touched.

        Raises FormatError [metadata-missing], [checkpoint-without-encoder],
        [checkpoint-shape-mismatch], InputError [checkpoint-ambiguous], [option-invalid], and as
        `read_bundle`.
        """
        prefix = find_prefix(location)
        if prefix is None:
            raise InputError(
                "file-not-found", f"there is no checkpoint {str(location)!r}", fix="Check the path"
            )
        origin = str(location)
        variables = GardenVariables(read_bundle(prefix))
        config = _read_config(prefix.parent, variables, overrides, origin)
        config, notes = overrides.apply(config, origin, from_shapes=variables.fields())
        weights, more = variables.weights(config)
        return Checkpoint(weights, read_tokenizer_files(prefix.parent), (*notes, *more))


MODEL_GARDEN = ModelGardenFormat()


def _read_config(
    directory: Path, variables: GardenVariables, overrides: ConfigOverrides, origin: str
) -> AlbertConfig:
    """The config in the directory, completed by the shapes and the overrides."""
    path = next((directory / name for name in CONFIGS if (directory / name).is_file()), None)
    settings = read_json(path) if path else {}
    fields: dict[str, JsonValue] = {**overrides.as_dict(), **variables.fields(), **settings}
    missing = [name for name in UNSAID if name not in fields]
    if missing:
        why = f"a checkpoint holds tensors only, and there is no {' or '.join(CONFIGS)}"
        raise metadata_missing_error(
            missing, f"{path.name} doesn't either" if path else why, origin
        )
    if path is None or "hidden_act" not in settings:  # overrides use Hugging Face's names
        return AlbertConfig.from_dict(fields, where=origin)
    config = AlbertConfig.from_google(fields)
    check_config_fields(  # the shapes determine the heads too
        config, variables.fields(), "shapes of the checkpoint's tensors", str(path)
    )
    return config
