"""sentence-transformers directories: modules.json, an encoder, and what makes vectors of it.

Directories of version 6 are read, and of earlier versions (`sentence_transformers.models.…`, an
encoder in a folder of its own, `pooling_mode_…` as flags, `max_seq_length` in
sentence_bert_config.json). Old and new versions open what is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from albertkit.checkpoints.format import (
    NO_OVERRIDES,
    Checkpoint,
    ConfigOverrides,
    read_vector_head,
)
from albertkit.checkpoints.huggingface.format import HUGGINGFACE, is_bert
from albertkit.checkpoints.sentence_transformers.modules import (
    DROPOUT,
    ENCODER,
    POOLING,
    UNSUPPORTED,
    name_of_activation,
    read_pooling,
    read_step,
    unsupported_module_error,
    write_json,
    write_pooling,
    write_step,
)
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.reader import map_file, parse_json, read_json
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.spec import Weights, parameter_table
from albertkit.spec.pooling_config import Dense, LayerNorm, PoolingConfig, Similarity

if TYPE_CHECKING:
    from albertkit.checkpoints.format import Format

MODULES = "modules.json"
SETTINGS = "config_sentence_transformers.json"
ENCODER_SETTINGS = "sentence_bert_config.json"
WRITTEN_TYPE = "sentence_transformers.models."  # versions 0.3 to 6 import from here
# What may stand as a module's path; the encoder's is often empty.
FOLDER = re.compile(r"([\w-][\w.-]{0,99})?")
SIMILARITIES: tuple[Similarity, ...] = ("cosine", "dot", "euclidean", "manhattan")


class SentenceTransformersFormat:
    """The Format of sentence-transformers' directories."""

    name = "sentence-transformers"

    def recognises(self, location: Path) -> str | None:
        """Return the evidence that `location` has this format; None if there is none."""
        return MODULES if (location / MODULES).is_file() else None

    def read(self, location: Path, overrides: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
        """Open a directory; raises FormatError [pooling-unsupported] or as HUGGINGFACE does."""
        modules = read_modules(location / MODULES)
        (_, encoder_place), (_, pooling_place) = modules[:2]
        checkpoint = _format_of_encoder(encoder_place).read(encoder_place, overrides)
        plan = replace(
            read_pooling(pooling_place / "config.json"),
            steps=tuple(read_step(kind, folder) for kind, folder in modules[2:] if kind != DROPOUT),
        )
        _check_widths(plan, checkpoint.weights.config.hidden_size, location)
        plan = _add_encoder_settings(plan, encoder_place / ENCODER_SETTINGS)
        return replace(
            checkpoint,
            pooling=_add_settings(plan, location / SETTINGS),
            vector_head=read_vector_head(location),
        )

    def write(
        self, checkpoint: Checkpoint, directory: Path, *, dtype: SavedDtype = "float32"
    ) -> None:
        """Write a directory that sentence-transformers opens.

        Heads are left out, but for a linear one on vectors. Raises InputError
        [pooling-unsupported] for the pooler and for activations that sentence-transformers does
        not have.
        """
        plan = checkpoint.pooling or PoolingConfig()
        if "pooler" in plan.modes:
            raise InputError(
                "pooling-unsupported",
                f"pooling is {plan.pooling!r}",
                why="sentence-transformers has no module for it",
                fix='Give TextEmbedder another pooling, such as "mean"',
            )
        for step in plan.steps:
            if isinstance(step, Dense):
                name_of_activation(step.activation)  # refused before anything is written
        encoder = replace(checkpoint, weights=_drop_heads(checkpoint.weights))
        HUGGINGFACE.write(encoder, directory, dtype=dtype)
        modules = [("", ENCODER), ("1_Pooling", POOLING)]
        write_json(directory / ENCODER_SETTINGS, _describe_encoder(plan, checkpoint.weights))
        write_pooling(directory / "1_Pooling", plan, encoder.weights.config.hidden_size)
        for number, step in enumerate(plan.steps, 2):
            modules.append(write_step(number, step, directory))
        write_json(directory / MODULES, _describe_modules(modules))
        write_json(
            directory / SETTINGS,
            {
                "prompts": dict(plan.prompts),
                "default_prompt_name": plan.default_prompt,
                "similarity_fn_name": plan.similarity,
                **({} if plan.truncate_dim is None else {"truncate_dim": plan.truncate_dim}),
            },
        )
        if checkpoint.vector_head is not None:
            checkpoint.vector_head.write(directory)

    def engine(self, directory: Path, weights: Weights) -> None:
        """Return None: the format stores weights without a graph."""


SENTENCE_TRANSFORMERS = SentenceTransformersFormat()


def _format_of_encoder(location: Path) -> Format:
    if not is_bert(location):
        return HUGGINGFACE
    from albertkit.checkpoints.bert.format import BERT  # which few directories need

    return BERT


def read_modules(path: Path) -> list[tuple[str, Path]]:
    """(kind, folder) of each module: an encoder, a pooling, then what follows.

    Raises FormatError [json-malformed], [pooling-unsupported].
    """
    # the file holds a list; the reader of objects checks size, encoding and keys given twice
    listed = parse_json(b'{"modules":' + bytes(map_file(path)) + b"}", str(path))["modules"]
    modules = []
    for module in listed if isinstance(listed, list) else []:
        if not isinstance(module, dict):
            raise unsupported_module_error(f"a module is {module!r}", "a module is an object", path)
        name = str(module.get("path", ""))
        if not FOLDER.fullmatch(name):
            raise unsupported_module_error(
                f"a module's path is {name[:40]!r}", "that is not a subdirectory", path
            )
        folder = path.parent / name
        modules.append((str(module.get("type", "")).rpartition(".")[2], folder))
    kinds = [kind for kind, _ in modules]
    for kind in kinds:
        if kind in UNSUPPORTED:
            raise unsupported_module_error(f"it lists a module {kind!r}", UNSUPPORTED[kind], path)
    if kinds[:2] != [ENCODER, POOLING]:
        raise unsupported_module_error(
            f"the modules are {', '.join(kinds) or 'none'}",
            f"text vectors need {ENCODER} and then {POOLING}",
            path,
        )
    return modules


def _check_widths(plan: PoolingConfig, width: int, location: Path) -> None:
    """Each Dense and LayerNorm reads as many numbers as come before it."""
    width *= len(plan.modes)
    for step in plan.steps:
        if not isinstance(step, Dense | LayerNorm):
            continue
        inputs = step.weight.shape[-1]
        if inputs != width:
            raise FormatError(
                "checkpoint-shape-mismatch",
                f"a {type(step).__name__} reads {inputs} numbers of each vector",
                why=f"the vectors before it have {width}",
                fix="Copy or download the directory again",
                where=str(location),
            )
        width = len(step.weight)


def _add_encoder_settings(plan: PoolingConfig, path: Path) -> PoolingConfig:
    settings = read_json(path) if path.is_file() else {}
    length = settings.get("max_seq_length")
    return replace(
        plan,
        max_length=length if isinstance(length, int) and length > 0 else None,
        lower_case=settings.get("do_lower_case") is True,
    )


def _add_settings(plan: PoolingConfig, path: Path) -> PoolingConfig:
    settings = read_json(path) if path.is_file() else {}
    prompts = settings.get("prompts")
    default = settings.get("default_prompt_name")
    similarity: Similarity = next(
        (s for s in SIMILARITIES if s == settings.get("similarity_fn_name")), "cosine"
    )
    kept = settings.get("truncate_dim")
    return replace(
        plan,
        truncate_dim=kept if isinstance(kept, int) and kept > 0 else None,
        prompts=MappingProxyType(
            {name: str(text) for name, text in prompts.items()} if isinstance(prompts, dict) else {}
        ),
        default_prompt=default if isinstance(default, str) else None,
        similarity=similarity,
    )


def _drop_heads(weights: Weights) -> Weights:
    table = parameter_table(weights.config, pooler=weights.has_pooler)
    arrays = {row.name: weights.arrays[row.name] for row in table.stored}
    return Weights(weights.config, (), arrays, weights.origin)


def _describe_encoder(plan: PoolingConfig, weights: Weights) -> dict[str, object]:
    settings: dict[str, object] = {"do_lower_case": plan.lower_case}
    if plan.max_length is not None:  # else the tokenizer's limit counts
        positions = weights.config.max_position_embeddings
        settings["max_seq_length"] = min(plan.max_length, positions)
    if not weights.has_pooler:  # transformers would make one, and report that it is untrained
        settings["model_args"] = {"add_pooling_layer": False}
    return settings


def _describe_modules(modules: Iterable[tuple[str, str]]) -> list[dict[str, object]]:
    return [
        {"idx": number, "name": str(number), "path": path, "type": WRITTEN_TYPE + kind}
        for number, (path, kind) in enumerate(modules)
    ]
