"""Hugging Face directories: config.json with model.safetensors or pytorch_model.bin.

Directories of all versions of transformers are read, with or without a head, in one file or in
shards. Canonical names are Hugging Face's without `albert.`. Weights are written as safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from albertkit import fileformats
from albertkit.checkpoints.agreement import (
    assign_group_by_transformers,
    check_shapes,
    describe_other_order,
    note_ignored_tensors,
)
from albertkit.checkpoints.format import NO_OVERRIDES, Checkpoint, ConfigOverrides, RenamedTensors
from albertkit.checkpoints.huggingface.names import (
    ALBERT,
    CLASSIFIERS,
    detect_heads,
    match_plain_names,
)
from albertkit.errors import Diagnostic
from albertkit.fileformats.reader import read_json
from albertkit.fileformats.safetensors import SavedDtype, read_safetensors, write_safetensors
from albertkit.fileformats.tensors import Tensors
from albertkit.spec import HEADS, AlbertConfig, Weights, parameter_table
from albertkit.spec.config import GOOGLE_IDLE_KEYS
from albertkit.spec.heads import SENTENCE_ORDER
from albertkit.spec.parameters import WORD_TABLE
from albertkit.tokenization.tokenizer_settings import CONFIG_FILE
from albertkit.tokenization.vocabulary_files import read_tokenizer_files

WEIGHTS_FILE = "model.safetensors"


def _read_torch(file: Path) -> Tensors:
    return fileformats.read_torch(file)  # fetched here, as few directories have such files


# Each way in which weights may be stored, with its reader; of several the first is read.
WEIGHTS: Mapping[str, Callable[[Path], Tensors]] = MappingProxyType(
    {
        WEIGHTS_FILE: read_safetensors,
        f"{WEIGHTS_FILE}.index.json": lambda index: fileformats.read_shards(
            index, read_safetensors
        ),
        "pytorch_model.bin": _read_torch,
        "pytorch_model.bin.index.json": lambda index: fileformats.read_shards(index, _read_torch),
    }
)
BERT_TYPE = "bert"
HEADLESS = "AlbertModel"


class HuggingFaceFormat:
    """The Format of Hugging Face's directories."""

    name = "huggingface"

    def recognises(self, location: Path) -> str | None:
        """Return the evidence that `location` has this format; None if there is none."""
        file = find_weights_file(location)
        return f"{CONFIG_FILE} and {file}" if file and (location / CONFIG_FILE).is_file() else None

    def read(self, location: Path, overrides: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
        """Open a directory; tensors stay on disk until they are touched.

        Raises FormatError [config-not-albert], [config-value-invalid],
        [checkpoint-without-encoder], [checkpoint-shape-mismatch], or as `open_tensors` does.
        """
        config, notes = overrides.apply(read_config(location), str(location))
        tensors = open_tensors(location)
        weights, more = _read_weights(tensors, config, str(location))
        return Checkpoint(
            weights,
            read_tokenizer_files(location),
            notes + more + _check_group_order(config, location),
        )

    def write(
        self, checkpoint: Checkpoint, directory: Path, *, dtype: SavedDtype = "float32"
    ) -> None:
        """Write a directory that transformers opens.

        A vocabulary without a tokenizer.json gets one: without it transformers 5 gives other ids.

        Raises:
            FormatError: [checkpoint-shape-mismatch], [checkpoint-without-encoder] for weights that
                their config does not describe.
            InputError: [float16-overflow].
        """
        from albertkit.checkpoints.tokenizer_files import complete_files  # not needed to read

        weights = checkpoint.weights
        shapes = {name: array.shape for name, array in weights.arrays.items()}
        check_shapes(weights.table(), shapes, weights.origin)
        arrays = RenamedTensors(weights.arrays, _choose_names(weights))
        files = complete_files(checkpoint.tokenizer_files)
        directory.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (directory / name).write_bytes(data)
        write_safetensors(directory / WEIGHTS_FILE, arrays, dtype=dtype)
        write_config(directory, weights)

    def engine(self, directory: Path, weights: Weights) -> None:
        """Return None: the format stores weights without a graph."""


HUGGINGFACE = HuggingFaceFormat()


def read_config(location: Path) -> AlbertConfig:
    """The config of a directory, also if google's JSON is there as `config.json`.

    Raises InputError [file-not-found], FormatError [json-malformed], [config-not-albert],
    [config-value-invalid].
    """
    path = location / CONFIG_FILE
    settings = read_json(path)
    if "model_type" not in settings and any(key in settings for key in GOOGLE_IDLE_KEYS):
        return AlbertConfig.from_google(settings)  # whose "gelu" is another than Hugging Face's
    return AlbertConfig.from_dict(settings, where=str(path))


def is_bert(location: Path) -> bool:
    """Whether a directory is a BERT's, by its config.json alone.

    By its model_type, which transformers 2 did not write yet; then by its class.
    """
    if not (location / CONFIG_FILE).is_file():
        return False
    settings = read_json(location / CONFIG_FILE)
    classes = settings.get("architectures")
    named = [str(name) for name in classes] if isinstance(classes, list) else []
    kind = settings.get("model_type")
    return kind == BERT_TYPE or (kind is None and any(name.startswith("Bert") for name in named))


def find_weights_file(location: Path) -> str | None:
    """The name of the file to read a directory's weights from; None where it has none."""
    return next((file for file in WEIGHTS if (location / file).is_file()), None)


def open_tensors(location: Path) -> Tensors:
    """The tensors of a directory; raises as the readers of WEIGHTS do."""
    file = find_weights_file(location) or WEIGHTS_FILE
    return WEIGHTS[file](location / file)


def _read_weights(
    tensors: Tensors, config: AlbertConfig, origin: str
) -> tuple[Weights, tuple[Diagnostic, ...]]:
    names, notes = match_plain_names(tensors, origin)
    file_shapes = tensors.shapes
    shapes = {name: file_shapes[there] for name, there in names.items()}
    heads, more = detect_heads(shapes, config, origin)
    table = parameter_table(config, heads, pooler="pooler.weight" in names)
    prefix = names[WORD_TABLE].removesuffix(WORD_TABLE)
    unexpected = check_shapes(table, shapes, origin, prefix=prefix)
    if unexpected:
        notes += (note_ignored_tensors([names[name] for name in unexpected], origin),)
    kept = {row.name: names[row.name] for row in table.stored}
    weights = Weights(config, table.heads, RenamedTensors(tensors, kept), origin)
    return weights, notes + more


def _check_group_order(config: AlbertConfig, location: Path) -> tuple[Diagnostic, ...]:
    """A warning where transformers would compute another model; nothing says who trained it."""
    order = describe_other_order(config, assign_group_by_transformers)
    if order is None:
        return ()
    return (
        Diagnostic(
            "group-assignment-differs",
            "warning",
            "transformers gives other results with these weights",
            why=f"it rounds the number of a layer's group: {order}",
            fix="Train models with as many groups as divide the layers",
            where=str(location),
        ),
    )


def _choose_names(weights: Weights) -> dict[str, str]:
    """The name in the file → the canonical name; without a head there is no prefix."""
    prefix = ALBERT.encoder if weights.heads else ""
    encoder = {row.name for row in parameter_table(weights.config, pooler=True)}
    names = [row.name for row in weights.table().stored]
    return {prefix + name if name in encoder else name: name for name in names}


def write_config(directory: Path, weights: Weights) -> None:
    """Write the config.json of these weights."""
    text = json.dumps(make_config(weights), indent=2, sort_keys=True, ensure_ascii=False)
    (directory / CONFIG_FILE).write_text(text + "\n", "utf-8")


def make_config(weights: Weights) -> dict[str, object]:
    """The config.json of these weights; it names the class of transformers with their heads.

    `dtype` is where transformers 5 reads in which floats to compute. It says float32 however
    short the stored floats are, because it is what we compute in: in 16 bits the vectors of the
    same file would differ from ours in the fourth digit.
    """
    extra = {key: value for key, value in weights.config.extra.items() if key != "torch_dtype"}
    return {
        **replace(weights.config, extra=extra).to_dict(),
        "architectures": [_choose_architecture(weights.heads)],
        "dtype": "float32",
    }


def _choose_architecture(heads: tuple[str, ...]) -> str:
    """The class of transformers that has these heads; the one for pretraining has two."""
    for spec in (SENTENCE_ORDER, *CLASSIFIERS, *HEADS):
        if spec.name in heads and spec.architecture is not None:
            return spec.architecture
    return HEADLESS
