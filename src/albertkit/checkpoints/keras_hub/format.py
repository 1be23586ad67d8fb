"""Keras Hub presets: config.json with model.weights.h5, and a task's head in task.weights.h5.

Presets of `save_to_preset` are read, of keras_hub or of keras_nlp before it: a backbone, a masked
language model or a text classifier. `from_preset` opens what is written.
"""

from __future__ import annotations

import json
import logging
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.checkpoints.agreement import check_shapes, note_ignored_tensors
from albertkit.checkpoints.format import NO_OVERRIDES, Checkpoint, ConfigOverrides, RenamedTensors
from albertkit.checkpoints.keras_hub.names import (
    HEAD_LAYERS,
    OPTIMIZER,
    OPTIMIZER_NAME,
    list_backbone_layers,
    list_backbone_rows,
    list_head_rows,
    make_finder,
    make_optimizer_arrays,
    name_layers,
)
from albertkit.checkpoints.keras_hub.settings import (
    ACTIVATION,
    CONFIG,
    EPSILON,
    PREDICTION_EPSILON,
    TASK,
    TASKS,
    Task,
    make_preset_files,
    read_config,
    read_task,
)
from albertkit.checkpoints.names import ForeignArrays, Row, read_weights
from albertkit.checkpoints.tokenizer_files import find_sentencepiece_model
from albertkit.checkpoints.unsupported import unsupported_error
from albertkit.errors import Diagnostic
from albertkit.fileformats.hdf5.file import Hdf5File, read_hdf5
from albertkit.fileformats.hdf5.writer import write_hdf5
from albertkit.fileformats.reader import map_file
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.heads import MASKED_LM

LOGGER = logging.getLogger(__name__)

A_PRESET = "a Keras Hub preset"

MODEL_WEIGHTS, TASK_WEIGHTS = "model.weights.h5", "task.weights.h5"
VOCABULARY = "assets/tokenizer/vocabulary.spm"
SETTINGS = "assets/tokenizer/tokenizer_config.json"  # ours; Keras Hub doesn't look at it
POOLER = ("pooler.weight", "pooler.bias")


class KerasHubFormat:
    """The Format of Keras Hub's presets."""

    name = "keras-hub"

    def recognises(self, location: Path) -> str | None:
        """Return the evidence that `location` has this format; None if there is none."""
        if all((location / file).is_file() for file in (CONFIG, MODEL_WEIGHTS)):
            return f"{CONFIG} and {MODEL_WEIGHTS}"
        return None

    def read(self, location: Path, overrides: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
        """Open a preset; arrays stay on disk until they are touched, but for a pooler of zeros.

        Raises FormatError [config-not-albert], [config-value-invalid],
        [checkpoint-without-encoder], [checkpoint-shape-mismatch], InputError [option-invalid], or
        as `read_hdf5` and `read_json`.
        """
        origin = str(location)
        task, notes = _detect_task(location)
        from_shapes = ("num_attention_heads",)  # an axis of the attention's kernels
        config, more = overrides.apply(read_config(location, task), origin, from_shapes=from_shapes)
        files = {MODEL_WEIGHTS: read_hdf5(location / MODEL_WEIGHTS)}
        rows = _prefix_rows(
            MODEL_WEIGHTS, list_backbone_rows(config, make_finder(files[MODEL_WEIGHTS]))
        )
        if task:
            files[TASK_WEIGHTS] = read_hdf5(location / TASK_WEIGHTS)
            rows += _prefix_rows(
                TASK_WEIGHTS, list_head_rows(task.head, make_finder(files[TASK_WEIGHTS]))
            )
        arrays = _Arrays(files)
        weights = read_weights(arrays, rows, config, (task.head,) if task else (), origin=origin)
        tokenizer = {
            path.name: bytes(map_file(path))
            for name in (VOCABULARY, SETTINGS)
            if (path := location / name).is_file()
        }
        notes += more + _note_ignored(arrays, rows, origin)
        notes += (_warn_of_text(location),) if tokenizer else ()
        return Checkpoint(_drop_idle_pooler(weights), tokenizer, notes)

    def write(
        self, checkpoint: Checkpoint, directory: Path, *, dtype: SavedDtype = "float32"
    ) -> None:
        """Write a preset that keras_hub opens.

        A masked language model without a pooler gets one of zeros, which it does not read. With a
        vocabulary, the log says that Keras Hub's tokenizer does not normalize text.

        Raises:
            InputError: [unsupported-by-format], before anything is written.
            FormatError: [checkpoint-shape-mismatch] or [checkpoint-without-encoder].
        """
        weights = checkpoint.weights
        for what, why, part in _list_unsupported(weights, dtype):
            raise unsupported_error(A_PRESET, what, why, part)
        shapes = {name: array.shape for name, array in weights.arrays.items()}
        check_shapes(weights.table(), shapes, weights.origin)
        vocabulary = find_sentencepiece_model(
            checkpoint.tokenizer_files, A_PRESET, "its tokenizer runs a SentencePiece model"
        )
        config, head = weights.config, next(iter(weights.heads), None)
        settings = make_preset_files(config, head, has_tokenizer=vocabulary is not None)
        directory.mkdir(parents=True, exist_ok=True)
        layers = [layer for layer, _ in list_backbone_layers(config)]
        arrays = ForeignArrays(_add_pooler(weights), list_backbone_rows(config))
        write_hdf5(directory / MODEL_WEIGHTS, arrays, name_layers(layers, "albert_backbone"))
        if head:
            names = name_layers([HEAD_LAYERS[head][0]], "albert_task") | OPTIMIZER_NAME
            head_arrays = {
                **ForeignArrays(weights, list_head_rows(head)),
                **make_optimizer_arrays(head),
            }
            write_hdf5(directory / TASK_WEIGHTS, head_arrays, names)
        if vocabulary:
            (directory / VOCABULARY).parent.mkdir(parents=True, exist_ok=True)
            (directory / VOCABULARY).write_bytes(vocabulary)
            policy = checkpoint.tokenizer_files.get(Path(SETTINGS).name)
            if policy is not None:
                (directory / SETTINGS).write_bytes(policy)
        for name, value in settings.items():
            text = json.dumps(value, indent=4, ensure_ascii=False) + "\n"
            (directory / name).write_text(text, "utf-8")
        if vocabulary:
            LOGGER.warning(
                "Keras Hub's tokenizer takes text as it is, so that capital letters and accents "
                "become unknown pieces. Give it text in lower case and without accents. "
                "[tokenizer-without-normalization]"
            )

    def engine(self, directory: Path, weights: Weights) -> None:
        """Return None: the format stores weights without a graph."""


KERAS_HUB = KerasHubFormat()


class _Arrays:
    """The arrays of a preset's files, by file name and path."""

    def __init__(self, files: Mapping[str, Hdf5File]) -> None:
        self.files = files

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """file/path → shape, without reading an array."""
        return {
            f"{file}/{path}": shape
            for file, arrays in self.files.items()
            for path, shape in arrays.shapes.items()
        }

    def __getitem__(self, name: str) -> FloatArray:
        file, _, path = name.partition("/")
        return self.files[file][path]


def _prefix_rows(file: str, rows: Iterable[Row]) -> list[Row]:
    return [Row(row.canonical, f"{file}/{row.foreign}", row.layout) for row in rows]


def _detect_task(location: Path) -> tuple[Task | None, tuple[Diagnostic, ...]]:
    """The task whose head is there, and what is to be said of it."""
    if not (location / TASK).is_file():
        return None, ()
    where = str(location)
    task, name = read_task(location)
    if task is None:
        note = Diagnostic(
            "task-unknown",
            "note",
            f"the head of {name} is left out",
            why=f"known are {', '.join(TASKS)}",
            where=where,
        )
        return None, (note,)
    if not (location / TASK_WEIGHTS).is_file():
        note = Diagnostic(
            "checkpoint-head-missing",
            "note",
            f"there is no {TASK_WEIGHTS} to the {TASK} of {name}",
            why="the head was never trained, or its file was not copied",
            fix="Use the encoder alone, or train the head",
            where=where,
        )
        return None, (note,)
    notes = [_note_epsilon(where)] if task.head == MASKED_LM.name else []
    if task.activation != "linear":
        notes.append(
            Diagnostic(
                "head-activation-ignored",
                "note",
                f"{name} ends in {task.activation}; here its logits are given, before that",
                why="heads of every format give logits",
                where=where,
            )
        )
    return task, tuple(notes)


def _note_epsilon(where: str) -> Diagnostic:
    return Diagnostic(
        "prediction-epsilon",
        "note",
        f"the masked LM head's norm has epsilon {PREDICTION_EPSILON}, all others {EPSILON}",
        why="Keras Hub computes it so; it is kept as prediction_layer_norm_eps, which transformers "
        "does not read: its logits then differ slightly, its vectors do not",
        where=where,
    )


def _warn_of_text(location: Path) -> Diagnostic:
    return Diagnostic(
        "tokenizer-without-normalization",
        "note",
        "text is lower-cased and loses its accents here (policy reference, if no other was saved)",
        why="Keras Hub's own tokenizer does not change text: capital letters and accents become "
        "unknown pieces there",
        fix="Give Keras Hub text in lower case and without accents",
        where=str(location / VOCABULARY),
    )


def _note_ignored(arrays: _Arrays, rows: Iterable[Row], where: str) -> tuple[Diagnostic, ...]:
    """A note on arrays that no row names; how far an optimiser was is not a part of a model."""
    idle, known = f"{TASK_WEIGHTS}/{OPTIMIZER}", {row.foreign for row in rows}
    names = [n for n in arrays.shapes if n not in known and not n.startswith(idle)]
    return (note_ignored_tensors(names, where),) if names else ()


def _drop_idle_pooler(weights: Weights) -> Weights:
    """A masked language model's pooler of zeros is `_add_pooler`'s: there was none."""
    if weights.heads != (MASKED_LM.name,) or any(weights.arrays[n].any() for n in POOLER):
        return weights
    names = {name: name for name in weights.arrays if name not in POOLER}
    return replace(weights, arrays=RenamedTensors(weights.arrays, names))


def _add_pooler(weights: Weights) -> Weights:
    if weights.has_pooler:
        return weights
    H = weights.config.hidden_size
    zeros = dict(zip(POOLER, (np.zeros((H, H), np.float32), np.zeros(H, np.float32)), strict=True))
    arrays = ChainMap(zeros, weights.arrays)  # type: ignore[arg-type]  # it is only read
    return replace(weights, arrays=arrays)


def _list_unsupported(weights: Weights, dtype: SavedDtype) -> Iterator[tuple[str, str, str]]:
    """What Keras Hub has no place for, why, and the part that it belongs to."""
    config, heads = weights.config, weights.heads
    if config.activation != AlbertConfig(hidden_act=ACTIVATION).activation:
        yield f"hidden_act {config.hidden_act}", "it always computes the tanh form of gelu", ""
    if config.layer_norm_eps != EPSILON:
        yield f"layer_norm_eps {config.layer_norm_eps}", f"it always takes {EPSILON}", ""
    if config.num_hidden_layers % config.num_hidden_groups:
        yield (
            f"{config.num_hidden_layers} layers in {config.num_hidden_groups} groups",
            "it repeats each group equally often",
            "",
        )
    for name in heads:
        if name not in HEAD_LAYERS:
            yield f"the head {name}", f"its heads are {' and '.join(HEAD_LAYERS)}", name
    if len(heads) > 1:
        what = f"the head {heads[-1]} together with {' and '.join(heads[:-1])}"
        yield what, "a preset holds one task", heads[-1]
    if not weights.has_pooler and MASKED_LM.name not in heads:
        yield "a model without a pooler", "its backbone promises pooled_output", ""
    if dtype != "float32":
        yield f"{dtype} weights", "its presets are float32", ""
