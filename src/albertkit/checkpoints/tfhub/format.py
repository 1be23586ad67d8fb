"""TF Hub's encoders as SavedModels of TensorFlow 2: ALBERT and BERT, all published versions.

Modules with lists as inputs (version 1) and with dicts (2 and later), with `.mlm` or without, are
read alike: tensors are identified by the names of variables in the object graph, since keys differ
from writer to writer.

The norms' epsilon is in no file; it is 1e-12 in all published modules. If a mask hides a whole row,
versions differ (version 1 adds -10000 to masked scores, which acts as no mask in such a row; later
ones add -1e9, which makes the attention uniform). Here a text has at least one id, and the torch
models refuse such a mask.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit.checkpoints.format import NO_OVERRIDES, Checkpoint, ConfigOverrides
from albertkit.checkpoints.model_garden.names import PREPROCESSOR
from albertkit.checkpoints.model_garden.variables import GardenVariables
from albertkit.checkpoints.tfhub.metadata import make_origin_note, read_module_metadata
from albertkit.errors import Diagnostic, FormatError
from albertkit.fileformats.reader import map_file
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.fileformats.tensorflow.saved_model import SavedModel, read_saved_model
from albertkit.fileformats.tensorflow.saved_model_files import FILE, VARIABLES, is_saved_model
from albertkit.fileformats.tensorflow.tensor_bundle import read_bundle
from albertkit.spec import AlbertConfig
from albertkit.tokenization.saved_model_vocabulary import ENCODERS_FILES, read_encoder_settings
from albertkit.tokenization.tokenizer_settings import SETTINGS_FILE
from albertkit.tokenization.wordpiece import looks_like_wordpiece

if TYPE_CHECKING:
    from albertkit.engine.protocol import Engine
    from albertkit.spec import Weights

PREPROCESSES = "bert_pack_inputs"  # the attribute that every preprocessor has


class TfHubFormat:
    """The Format of TF Hub's encoders."""

    name = "tfhub"

    def recognises(self, location: Path) -> str | None:
        """Return the evidence that `location` has this format; None if there is none."""
        return FILE if is_saved_model(location) else None

    def read(self, location: Path, overrides: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
        """Read a module; tensors stay on disk until they are used.

        Raises:
            FormatError: [file-wrong-format] for a SavedModel of another kind, [metadata-missing],
                [checkpoint-without-encoder], [checkpoint-shape-mismatch], and the errors of
                `read_saved_model` and `read_bundle`.
            InputError: [option-invalid].
        """
        origin = str(location)
        model = read_saved_model(location)
        _check_kind(model)
        variables = GardenVariables(read_bundle(location / VARIABLES))
        metadata = read_module_metadata(model, variables.blocks, overrides.as_dict())
        from_shapes = variables.fields()
        fields = {**overrides.as_dict(), **metadata.fields, **from_shapes}
        config = AlbertConfig.from_dict(fields, where=origin)
        config, notes = overrides.apply(config, origin, from_shapes=from_shapes)
        weights, more = variables.weights(config)
        assets = [file for name in ENCODERS_FILES if (file := model.find_asset(name)) is not None]
        files = {file.name: bytes(map_file(file)) for file in assets if file.is_file()}
        missing = [
            _note_missing_vocabulary(file, origin) for file in assets if file.name not in files
        ]
        if files:
            settings = read_encoder_settings(model)
            is_wordpiece = any(map(looks_like_wordpiece, files.values()))
            missing.append(_note_policy(location, "wordpiece" if is_wordpiece else "reference"))
            files |= {SETTINGS_FILE: json.dumps(settings).encode()} if settings else {}
        return Checkpoint(
            weights, files, (make_origin_note(metadata, origin), *notes, *more, *missing)
        )

    def write(
        self, checkpoint: Checkpoint, directory: Path, *, dtype: SavedDtype = "float32"
    ) -> None:
        """Write an encoder and its preprocessor with TensorFlow; see `write_tfhub`."""
        from albertkit.checkpoints.tfhub.export import write_tfhub  # not needed to read

        write_tfhub(checkpoint, directory, dtype=dtype)

    def engine(self, directory: Path, weights: Weights) -> Engine:
        """Return the engine that runs the module with TensorFlow."""
        from albertkit.checkpoints.tfhub.engine import SavedModelEngine

        return SavedModelEngine(weights, directory)


TFHUB = TfHubFormat()


def _note_policy(location: Path, policy: str) -> Diagnostic:
    """The note that an encoder does not say how texts are tokenized."""
    preprocessor = location / PREPROCESSOR
    give = preprocessor if is_saved_model(preprocessor) else "the preprocessor's directory"
    return Diagnostic(
        "text-policy-assumed",
        "note",
        f"texts are tokenized by google's rules, as in training (policy {policy})",
        why="an encoder has a vocabulary but no rules; TF Hub's preprocessors, which are modules "
        "of their own, give other ids to some texts",
        fix=f"For the preprocessor's ids open {give} as the tokenizer, or give the policy tfhub",
        where=str(location),
    )


def _note_missing_vocabulary(file: Path, origin: str) -> Diagnostic:
    return Diagnostic(
        "no-vocabulary",
        "warning",
        f"the asset {file.name} is missing, so there is no tokenizer",
        why="the module names this file as its vocabulary",
        fix="Copy or download it too",
        where=origin,
    )


def _check_kind(model: SavedModel) -> None:
    """Refuse a SavedModel of another kind, naming the kind."""
    attributes = model.root.children
    if PREPROCESSES in attributes:
        raise FormatError(
            "file-wrong-format",
            "this is a preprocessor: it makes ids of texts and has no weights",
            why="an encoder was expected",
            fix="Open it with AlbertTokenizer.from_pretrained, and give the encoder here",
            where=str(model.directory),
        )
    names = [entry.variable for entry in model.objects if entry.variable]
    if not any(f"/{name}".endswith("/word_embeddings/embeddings") for name in names):
        shown = ", ".join(names[:3]) or "none"
        raise FormatError(
            "file-wrong-format",
            f"this SavedModel is not an ALBERT: its {len(names)} variables are {shown}"
            + (" …" if len(names) > 3 else ""),
            why="a text encoder of TF Hub has one called word_embeddings/embeddings",
            fix="Give an encoder such as albert_en_base",
            where=str(model.directory),
        )
