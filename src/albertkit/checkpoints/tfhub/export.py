"""Write what TF Hub published: the encoder's SavedModel, and its preprocessor.

In: a model with one shared layer and a pooler. Out: a directory that `hub.load`,
`hub.KerasLayer` and `keras.layers.TFSMLayer` open, with the API of the published version 3, and
in its folder `preprocessor` another, which makes the encoder's inputs of texts.
TensorFlow is named in the files tfhub/export*.py alone, and only writing needs it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING

from albertkit.checkpoints.agreement import NORM_EPSILON
from albertkit.checkpoints.format import Checkpoint
from albertkit.checkpoints.model_garden.names import PREPROCESSOR
from albertkit.checkpoints.names import has_real_projection
from albertkit.checkpoints.tfhub.export_encoder import make_encoder_module, make_encoder_signature
from albertkit.checkpoints.tfhub.export_preprocessor import (
    Preprocessing,
    make_preprocessor_module,
    make_preprocessor_signature,
    read_preprocessing,
)
from albertkit.checkpoints.tfhub.metadata import DEFAULT_LENGTH
from albertkit.checkpoints.tokenizer_files import find_sentencepiece_model
from albertkit.checkpoints.unsupported import unsupported_error
from albertkit.errors import ResourceError, import_extra
from albertkit.errors.exceptions import make_install_command
from albertkit.fileformats.reader import parse_json
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.spec import Weights
from albertkit.spec.heads import MASKED_LM
from albertkit.tokenization.pieces import MODEL_FILE
from albertkit.tokenization.tokenizer_settings import SETTINGS_FILE

if TYPE_CHECKING:
    from tensorflow import Module

LOGGER = logging.getLogger(__name__)

A_MODULE = "a TF Hub encoder"


def write_tfhub(checkpoint: Checkpoint, directory: Path, *, dtype: SavedDtype = "float32") -> None:
    """Write the encoder into a directory, and the preprocessor into its subdirectory.

    Without a SentencePiece model among the tokenizer's files there is neither `sp_model_file` nor
    a preprocessor, and the log says so.

    Raises:
        InputError: [unsupported-by-format], before anything is written.
        ResourceError: [extra-missing], [extra-version-mismatch], [write-failed].
    """
    check_supported(checkpoint.weights, dtype)
    model = find_sentencepiece_model(
        checkpoint.tokenizer_files,
        A_MODULE,
        "its preprocessor runs a SentencePiece model, and the checkpoint has none",
    )
    preprocessing = _read_preprocessing(checkpoint, model) if model else None
    tf, text = import_tensorflow()
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary:
        asset = (
            Path(temporary) / MODEL_FILE if model else None
        )  # TensorFlow copies assets from files
        if asset and model:
            asset.write_bytes(model)
        encoder = make_encoder_module(tf, checkpoint.weights, asset)
        save(tf, encoder, make_encoder_signature(tf, encoder), directory)
    if preprocessing is None:
        LOGGER.warning(
            "the checkpoint has no SentencePiece model: no preprocessor is written [no-vocabulary]"
        )
        return
    LOGGER.warning(
        "the preprocessor reads text by TF Hub's own rules, as the published one does: now and "
        "then they give other pieces than google's, as for '2001,' [tokenizer-changed]"
    )
    texts = make_preprocessor_module(tf, text, preprocessing)
    save(tf, texts, make_preprocessor_signature(tf, texts), directory / PREPROCESSOR)


def save(tf: ModuleType, module: Module, signatures: Mapping[str, object], folder: Path) -> None:
    """Write one SavedModel; raises ResourceError [write-failed] also where TensorFlow fails."""
    try:
        tf.saved_model.save(module, str(folder), signatures=dict(signatures))
    except tf.errors.OpError as error:  # where Python's own files would raise OSError
        raise ResourceError(
            "write-failed",
            f"TensorFlow could not write {str(folder)!r}: {error.message}",
            why="what was there before is untouched",
            fix="Free space on this disk, or write to another",
        ) from error


def check_supported(weights: Weights, dtype: SavedDtype) -> None:
    """Raise InputError [unsupported-by-format] for what a TF Hub encoder cannot represent."""
    config = weights.config
    if (config.num_hidden_groups, config.inner_group_num) != (1, 1):
        layers = f"{config.num_hidden_groups} groups of {config.inner_group_num} layers"
        raise unsupported_error(A_MODULE, layers, "it repeats one shared layer")
    if config.activation == "quick_gelu":
        raise unsupported_error(
            A_MODULE, "quick_gelu", "its readers know no activation of that form"
        )
    if not weights.has_pooler:
        raise unsupported_error(
            A_MODULE,
            "a model without a pooler",
            "its API promises pooled_output, which the pooler makes",
        )
    for name in weights.heads:
        if name != MASKED_LM.name:
            raise unsupported_error(
                A_MODULE, f"the head {name}", "its one head is the masked LM's (.mlm)", name
            )
    if config.embedding_size == config.hidden_size and has_real_projection(weights):
        raise unsupported_error(
            A_MODULE,
            f"the projection from {config.embedding_size} to {config.hidden_size}",
            "for equal widths TF Hub's form has no projection, and this one is not the identity",
        )
    own = f"readers of such modules use {NORM_EPSILON}"
    if config.layer_norm_eps != NORM_EPSILON:
        raise unsupported_error(A_MODULE, f"layer_norm_eps {config.layer_norm_eps}", own)
    if weights.heads and config.prediction_eps != NORM_EPSILON:
        what = f"a masked LM head whose norm has the epsilon {config.prediction_eps}"
        raise unsupported_error(A_MODULE, what, own, MASKED_LM.name)
    if dtype != "float32":
        raise unsupported_error(A_MODULE, f"{dtype} weights", "its variables are float32")


def import_tensorflow() -> tuple[ModuleType, ModuleType]:
    """TensorFlow and the library with its text operations, of one minor version.

    Another minor version's operations fail to load, with a missing symbol's mangled name.
    """
    wanted_for = "writing a TF Hub module"
    tf = import_extra("tensorflow", wanted_for)
    try:
        text_version = version("tensorflow-text")
    except PackageNotFoundError:
        text_version = tf.__version__  # not installed: the import says how to
    if _shorten_version(text_version) != _shorten_version(tf.__version__):
        raise ResourceError(
            "extra-version-mismatch",
            f"tensorflow-text is {text_version}, TensorFlow is {tf.__version__}",
            why="its operations load into the same minor version alone",
            fix=f"Run: {make_install_command('tensorflow')}",
        )
    return tf, import_extra("tensorflow_text", wanted_for)


def _shorten_version(full: str) -> list[str]:
    return full.split(".")[:2]


def _read_preprocessing(checkpoint: Checkpoint, model: bytes) -> Preprocessing:
    settings = checkpoint.tokenizer_files.get(SETTINGS_FILE)
    return read_preprocessing(
        model,
        parse_json(settings, SETTINGS_FILE) if settings else {},
        min(DEFAULT_LENGTH, checkpoint.weights.config.max_position_embeddings),
    )
