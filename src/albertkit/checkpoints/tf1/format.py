"""Checkpoints of google-research/albert: `model.ckpt-best.index` with data, albert_config.json.

In: a directory, a prefix or an index file, written by TensorFlow 1, before or after fine-tuning.
Out: weights under canonical names; and back, so that google's code restores them. What an
optimizer has left in the file is not the model's, and stays there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from albertkit.checkpoints.agreement import (
    NORM_EPSILON,
    assign_group_by_google,
    check_config_fields,
    check_shapes,
    describe_other_order,
)
from albertkit.checkpoints.bundle_prefix import LATEST, find_prefix
from albertkit.checkpoints.format import (
    NO_OVERRIDES,
    Checkpoint,
    ConfigOverrides,
    metadata_missing_error,
)
from albertkit.checkpoints.huggingface.format import make_config
from albertkit.checkpoints.names import ForeignArrays, has_real_projection
from albertkit.checkpoints.tf1.names import HEAD_ROWS, list_rows
from albertkit.checkpoints.tf1.variables import Tf1Variables
from albertkit.checkpoints.unsupported import unsupported_error
from albertkit.errors import Diagnostic, FormatError, InputError
from albertkit.fileformats.reader import JsonValue, read_json
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.fileformats.sentencepiece_model import looks_like_sentencepiece
from albertkit.fileformats.tensorflow.object_graph import OBJECT_GRAPH
from albertkit.fileformats.tensorflow.tensor_bundle import INDEX_SUFFIX, read_bundle, write_bundle
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.config import TO_GOOGLE
from albertkit.spec.heads import MASKED_LM
from albertkit.tokenization.vocabulary_files import read_tokenizer_files

CONFIG = "albert_config.json"
PREFIX = "model.ckpt-best"
PIECES = "30k-clean.model"
UNSAID = ("num_hidden_layers", "num_attention_heads", "hidden_act")


class Tf1Format:
    """The Format of google-research/albert's checkpoints."""

    name = "tf1"

    def recognises(self, location: Path) -> str | None:
        """Return the evidence that `location` has this format; None if there is none."""
        prefix = find_prefix(location)
        if prefix is None or OBJECT_GRAPH in read_bundle(prefix):
            return None
        return f"{prefix.name}{INDEX_SUFFIX} without a graph of objects"

    def read(self, location: Path, overrides: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
        """Open a checkpoint; tensors stay on disk until they are touched.

        Raises FormatError [metadata-missing], [checkpoint-without-encoder],
        [checkpoint-shape-mismatch], [group-assignment-differs], InputError [checkpoint-ambiguous],
        and as `read_bundle`.
        """
        prefix = find_prefix(location)
        if prefix is None:
            raise InputError(
                "file-not-found", f"there is no checkpoint {str(location)!r}", fix="Check the path"
            )
        here = prefix.parent
        # a fine-tuned checkpoint may be in a folder of the model that it was made from
        model = next(
            (folder for folder in (here, here.parent) if (folder / CONFIG).is_file()), None
        )
        files = read_tokenizer_files(here) or (read_tokenizer_files(model) if model else {})
        return read_variables(
            prefix, model / CONFIG if model else None, files, overrides, str(location)
        )

    def write(
        self, checkpoint: Checkpoint, directory: Path, *, dtype: SavedDtype = "float32"
    ) -> None:
        """Write a directory that google's code restores from, whole or not at all.

        Labels and what else its configuration cannot say stand there under Hugging Face's keys,
        which google's code reads over. Other files of an existing `place` stay.
        Raises InputError [unsupported-by-format] before anything is written, ResourceError
        [write-failed].
        """
        weights = checkpoint.weights
        for what, why, part in _list_unsupported(weights, dtype):
            raise unsupported_error("a checkpoint of google's", what, why, part)
        shapes = {name: array.shape for name, array in weights.arrays.items()}
        check_shapes(weights.table(), shapes, weights.origin)
        table = list_rows(weights.config, weights.heads, pooler=weights.has_pooler)
        directory.mkdir(parents=True, exist_ok=True)
        write_bundle(directory / PREFIX, ForeignArrays(weights, table))
        for name, data in checkpoint.tokenizer_files.items():
            is_model = looks_like_sentencepiece(data[:16])
            (directory / (PIECES if is_model else name)).write_bytes(data)
        (directory / LATEST).write_text(f'model_checkpoint_path: "{PREFIX}"\n', "utf-8")
        text = json.dumps(_make_config(weights), indent=2, ensure_ascii=False)
        (directory / CONFIG).write_text(text + "\n", "utf-8")

    def engine(self, directory: Path, weights: Weights) -> None:
        """Return None: the format stores weights without a graph."""


TF1 = Tf1Format()


def read_variables(
    prefix: Path,
    config_file: Path | None,
    files: Mapping[str, bytes],
    overrides: ConfigOverrides,
    origin: str,
) -> Checkpoint:
    """What a bundle of google's variables holds; raises as `Tf1Format.read`."""
    variables = Tf1Variables(read_bundle(prefix), origin)
    if config_file is None:
        config, notes = _infer_config(variables, overrides, origin)
    else:
        config, notes = overrides.apply(_read_config(config_file, variables), origin)
    _check_order(config, origin)
    weights, more = variables.weights(config)
    return Checkpoint(weights, files, (*notes, *more))


def _read_config(file: Path, variables: Tf1Variables) -> AlbertConfig:
    """google's configuration, checked against the layers that the names count."""
    config = AlbertConfig.from_google(read_json(file))
    check_config_fields(
        config, variables.repeats(), "names of the checkpoint's variables", str(file)
    )
    return config


def _infer_config(
    variables: Tf1Variables, overrides: ConfigOverrides, origin: str
) -> tuple[AlbertConfig, tuple[Diagnostic, ...]]:
    """The config of a checkpoint without a config file: from its shapes and the overrides."""
    fields: dict[str, JsonValue] = {**variables.fields(), **overrides.as_dict()}
    missing = [name for name in UNSAID if name not in fields]
    if missing:
        raise metadata_missing_error(
            missing, f"a checkpoint without {CONFIG} holds tensors only", origin
        )
    note = Diagnostic(
        "metadata-from-shapes",
        "note",
        f"there is no {CONFIG}: sizes are taken from the shapes of the variables",
        why=f"{', '.join(UNSAID)} are the caller's values",
        where=origin,
    )
    return AlbertConfig.from_dict(fields, where=origin), (note,)


def _list_unsupported(weights: Weights, dtype: SavedDtype) -> Iterator[tuple[str, str, str]]:
    """What google's graph has no place for, why, and the part that it belongs to."""
    config = weights.config
    if config.embedding_size == config.hidden_size and has_real_projection(weights):
        yield (
            f"the projection from {config.embedding_size} to {config.hidden_size}",
            "where both widths are equal, its graph has no projection; this one is not an identity",
            "",
        )
    if config.activation not in TO_GOOGLE:
        names = ", ".join(TO_GOOGLE.values())
        yield f"the activation {config.hidden_act}", f"its code knows {names}", ""
    own = f"its code takes {NORM_EPSILON}"
    if config.layer_norm_eps != NORM_EPSILON:
        yield f"norms with the epsilon {config.layer_norm_eps}", own, ""
    if MASKED_LM.name in weights.heads and config.prediction_eps != NORM_EPSILON:
        what = f"a masked LM head whose norm has the epsilon {config.prediction_eps}"
        yield what, own, MASKED_LM.name
    order = describe_other_order(config, assign_group_by_google)
    if order is not None:
        yield _describe_groups(config), f"its code rounds: {order}", ""
    for name in weights.heads:
        if name not in HEAD_ROWS:
            yield f"the head {name}", f"it has {', '.join(HEAD_ROWS)}", name
    if dtype != "float32":
        yield f"{dtype} weights", "its variables are float32", ""


def _check_order(config: AlbertConfig, origin: str) -> None:
    """Refuse weights that google's code trained in an order of groups which we don't have."""
    order = describe_other_order(config, assign_group_by_google)
    if order is not None:
        raise FormatError(
            "group-assignment-differs",
            f"{_describe_groups(config)} cannot be computed as in training",
            why=f"google's code rounds: {order}",
            fix="Train it again with as many groups as divide the layers",
            where=origin,
        )


def _describe_groups(config: AlbertConfig) -> str:
    return f"{config.num_hidden_groups} groups in {config.num_hidden_layers} layers"


def _make_config(weights: Weights) -> dict[str, object]:
    """google's keys, and after them those of Hugging Face's that google has no word for.

    Not `model_type`: who reads that takes `hidden_act` by Hugging Face's names.
    """
    google = weights.config.to_google()
    others = make_config(weights)
    idle = {"model_type", "dtype"}
    return {**google, **{k: v for k, v in others.items() if k not in google and k not in idle}}
