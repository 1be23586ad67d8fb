"""Write what TF Hub published: the encoder's SavedModel, and its preprocessor beside it.

In: a model with one shared layer and a pooler. Out: a directory that `hub.load`,
`hub.KerasLayer` and `keras.layers.TFSMLayer` open, with the API of the published version 3, and
in its folder `preprocessor` another, which makes the encoder's inputs of texts.
TensorFlow is named in the files tfhub_export*.py alone, and only writing needs it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from albertkit.checkpoints.format import Stored
from albertkit.checkpoints.names import has_real_projection
from albertkit.checkpoints.tfhub_export_encoder import encoder_module, encoder_signature
from albertkit.checkpoints.tfhub_export_preprocessor import (
    Preprocessing,
    preprocessing_of,
    preprocessor_module,
    preprocessor_signature,
)
from albertkit.errors import InputError, SurroundingsError, imported
from albertkit.fileformats.atomic import new_directory
from albertkit.fileformats.reader import map_file, read_json
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.fileformats.sentencepiece_model import looks_like_sentencepiece
from albertkit.spec import Weights
from albertkit.spec.heads import MASKED_LM

LOGGER = logging.getLogger(__name__)

PREPROCESSOR = "preprocessor"
EPSILON = 1e-12  # of every norm in every published encoder: no file says it
SETTINGS = "tokenizer_config.json"
DEFAULT_LENGTH = 128  # ids in a row of the published preprocessor


def write_tfhub(stored: Stored, place: Path, *, dtype: SavedDtype = "float32") -> None:
    """Write the encoder to `place` and the preprocessor to its folder, whole or not at all.

    Without a SentencePiece model among the tokenizer's files there is neither `sp_model_file` nor
    a preprocessor, and the log says so. Raises InputError [target-cannot-hold] before anything is
    written, SurroundingsError [extra-missing], [extra-mismatched], [write-failed].
    """
    for error in _without_place(stored.weights, dtype):
        raise error
    pieces = _sentencepiece_file(stored.tokenizer_files)
    preprocessing = _preprocessing(stored, pieces) if pieces else None
    tf, text = tensorflow_and_text()
    with new_directory(place) as folder:
        encoder = encoder_module(tf, stored.weights, pieces)
        tf.saved_model.save(encoder, str(folder), signatures=encoder_signature(tf, encoder))
        if preprocessing is None:
            LOGGER.warning("no SentencePiece model lies beside the weights: no preprocessor")
            return
        texts = preprocessor_module(tf, text, preprocessing)
        tf.saved_model.save(
            texts, str(folder / PREPROCESSOR), signatures=preprocessor_signature(tf, texts)
        )


def tensorflow_and_text() -> tuple[ModuleType, ModuleType]:
    """TensorFlow and the library with its text operations, of one minor version.

    Another minor version's operations fail to load, with a missing symbol's mangled name.
    """
    wanted_for = "writing a TF Hub module"
    tf = imported("tensorflow", wanted_for)
    try:
        found = version("tensorflow-text")
    except ModuleNotFoundError:
        found = tf.__version__  # not installed: the import says how to
    if _minor(found) != _minor(tf.__version__):
        raise SurroundingsError(
            "extra-mismatched",
            f"tensorflow-text is {found}, TensorFlow is {tf.__version__}",
            why="its operations load into the same minor version alone",
            fix="Run: pip install 'albertkit[tensorflow]'",
        )
    return tf, imported("tensorflow_text", wanted_for)


def _minor(full: str) -> list[str]:
    return full.split(".")[:2]


def _without_place(weights: Weights, dtype: SavedDtype) -> Iterator[InputError]:
    """An error for each thing that a TF Hub encoder has no place for."""
    config = weights.config
    if (config.num_hidden_groups, config.inner_group_num) != (1, 1):
        layers = f"{config.num_hidden_groups} groups of {config.inner_group_num} layers"
        yield _refused(layers, "it repeats one shared layer")
    if not weights.has_pooler:
        yield _refused(
            "a model without a pooler", "its API promises pooled_output, which the pooler makes"
        )
    for name in weights.heads:
        if name != MASKED_LM.name:
            yield _refused(f"the head {name}", "its one head is the masked words' (.mlm)", name)
    if config.embedding_size == config.hidden_size and has_real_projection(weights):
        yield _refused(
            f"the projection from {config.embedding_size} to {config.hidden_size}",
            "where both widths are equal, TF Hub's form has no projection; this one is no identity",
        )
    for name in ("layer_norm_eps", "prediction_eps"):
        if getattr(config, name) != EPSILON:
            yield _refused(f"{name} {getattr(config, name)}", f"whoever reads one takes {EPSILON}")
    if dtype != "float32":
        yield _refused(f"{dtype} weights", "its variables are float32")


def _sentencepiece_file(files: tuple[Path, ...]) -> Path | None:
    """The SentencePiece model among the tokenizer's files; None where there are no files at all."""
    for file in files:
        if looks_like_sentencepiece(bytes(map_file(file)[:16])):
            return file
    if files:
        raise _refused(
            f"the vocabulary {files[0].name}",
            "its preprocessor runs a SentencePiece model, and none lies beside the weights",
            "tokenizer",
        )
    return None


def _refused(what: str, why: str, part: str | None = None) -> InputError:
    """The error for what has no place there. part: the model can be written without it."""
    instead = "Write another format, such as huggingface"
    return InputError(
        "target-cannot-hold",
        f"a TF Hub encoder cannot hold {what}",
        why=why,
        fix=f"Leave it out (--without {part}), or write another format" if part else instead,
    )


def _preprocessing(stored: Stored, pieces: Path) -> Preprocessing:
    settings = next((file for file in stored.tokenizer_files if file.name == SETTINGS), None)
    return preprocessing_of(
        pieces,
        read_json(settings) if settings else {},
        min(DEFAULT_LENGTH, stored.weights.config.max_position_embeddings),
    )
