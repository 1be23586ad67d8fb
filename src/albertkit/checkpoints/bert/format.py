"""BERT in Hugging Face directories: an ALBERT with as many groups as layers, by other names.

Directories of `model_type: bert` are read, of all versions, with or without a head. E equals H, so
the projection is the identity. BERT's next-sentence head predicts something else than ALBERT's
sentence-order head, and is ignored with a note. Names: transformers, models/bert/modeling_bert.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from albertkit.checkpoints.agreement import note_ignored_tensors
from albertkit.checkpoints.format import NO_OVERRIDES, Checkpoint, ConfigOverrides, RenamedTensors
from albertkit.checkpoints.huggingface.format import (
    BERT_TYPE,
    find_weights_file,
    is_bert,
    open_tensors,
)
from albertkit.checkpoints.huggingface.names import Dialect, detect_heads, match_plain_names
from albertkit.checkpoints.names import PROJECTION, Row, read_weights
from albertkit.checkpoints.unsupported import ReadOnlyFormat
from albertkit.errors import Diagnostic, FormatError
from albertkit.fileformats.reader import JsonValue, read_json
from albertkit.fileformats.tensors import Tensors
from albertkit.spec import HEADS, AlbertConfig, Weights, parameter_table
from albertkit.spec.parameters import make_layer_prefix
from albertkit.tokenization.tokenizer_settings import CONFIG_FILE
from albertkit.tokenization.vocabulary_files import read_tokenizer_files

BERT_NAMES = Dialect("bert.", "cls.predictions.")
NEXT_SENTENCE = "cls.seq_relationship."
# Canonical beginnings of names → BERT's; those of a layer follow its prefix.
OF_MODEL = MappingProxyType(
    {
        "pooler.": "pooler.dense.",
        "predictions.dense.": "cls.predictions.transform.dense.",
        "predictions.LayerNorm.": "cls.predictions.transform.LayerNorm.",
        "predictions.": "cls.predictions.",
    }
)
OF_LAYER = MappingProxyType(
    {
        "attention.query.": "attention.self.query.",
        "attention.key.": "attention.self.key.",
        "attention.value.": "attention.self.value.",
        "attention.dense.": "attention.output.dense.",
        "attention.LayerNorm.": "attention.output.LayerNorm.",
        "ffn.": "intermediate.dense.",
        "ffn_output.": "output.dense.",
        "full_layer_layer_norm.": "output.LayerNorm.",
    }
)
# What a config.json that leaves a field out means. Source: transformers' BertConfig.
DEFAULTS: Mapping[str, JsonValue] = MappingProxyType(
    {
        "vocab_size": 30522,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "hidden_act": "gelu",  # the erf form
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "bos_token_id": None,
        "eos_token_id": None,
    }
)
# Fields that change what is computed, with the value that ALBERT's arithmetic has.
MUST_BE: Mapping[str, JsonValue] = MappingProxyType(
    {"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False}
)
# The class of transformers that has the same heads, as far as ALBERT has them.
ALBERT_CLASS = MappingProxyType(
    {
        "BertForPreTraining": "AlbertForMaskedLM",
        "BertForMaskedLM": "AlbertForMaskedLM",
        "BertForSequenceClassification": "AlbertForSequenceClassification",
        "BertForTokenClassification": "AlbertForTokenClassification",
        "BertForQuestionAnswering": "AlbertForQuestionAnswering",
        "BertForMultipleChoice": "AlbertForMultipleChoice",
    }
)


class BertFormat(ReadOnlyFormat):
    """The Format of BERT's Hugging Face directories; it is read only."""

    name = "bert"
    description = "a BERT"
    why_unwritten = "models are written as ALBERTs, which hold a BERT too: one group for each layer"
    alternative = "Write huggingface"

    def recognises(self, location: Path) -> str | None:
        """Return the evidence that `location` has this format; None if there is none."""
        file = find_weights_file(location)
        return f"{CONFIG_FILE} of {BERT_TYPE} and {file}" if file and is_bert(location) else None

    def read(self, location: Path, overrides: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
        """Open a directory; tensors stay on disk until they are touched.

        Raises FormatError [config-not-albert] for a BERT of another arithmetic, InputError
        [option-invalid], and else as HUGGINGFACE does.
        """
        from_shapes = ("num_hidden_layers",)  # each has tensors of its own
        config, notes = overrides.apply(
            _read_config(location / CONFIG_FILE), str(location), from_shapes=from_shapes
        )
        config = replace(config, num_hidden_groups=config.num_hidden_layers)
        weights, more = _read_weights(open_tensors(location), config, str(location))
        return Checkpoint(weights, read_tokenizer_files(location), notes + more)


BERT = BertFormat()


def list_bert_rows(
    config: AlbertConfig, heads: Iterable[str] = (), *, pooler: bool = True
) -> tuple[Row, ...]:
    """All parameters with their own tensors but the projection, by BERT's names without prefix."""
    table = parameter_table(config, heads, pooler=pooler)
    own = (row.name for row in table.stored if not row.name.startswith(PROJECTION))
    return tuple(Row(name, _make_bert_name(name)) for name in own)


def _make_bert_name(name: str) -> str:
    layer, inside = _split_layer(name)
    begins, names = (f"encoder.layer.{layer}.", OF_LAYER) if layer is not None else ("", OF_MODEL)
    for ours, theirs in names.items():
        if inside.startswith(ours):
            return begins + theirs + inside.removeprefix(ours)
    return name


def _split_layer(name: str) -> tuple[int | None, str]:
    """The layer that a parameter belongs to, and its name inside of it."""
    before, after = make_layer_prefix(0, 0).split("0", 1)
    if not name.startswith(before):
        return None, name
    number = name.removeprefix(before).partition(".")[0]
    return int(number), name.removeprefix(before + number + after)


def _read_config(path: Path) -> AlbertConfig:
    settings = read_json(path)
    for name, value in MUST_BE.items():
        if settings.get(name, value) != value:
            raise FormatError(
                "config-not-albert",
                f"{name} is {settings[name]!r}",
                why=f"only models where it is {value!r} compute as ALBERT does",
                fix="Give another model",
                where=str(path),
            )
    fields = {**DEFAULTS, **{name: v for name, v in settings.items() if name not in MUST_BE}}
    dropout = fields.pop("classifier_dropout", None)
    classes = fields.get("architectures")
    if isinstance(classes, list):
        fields["architectures"] = [ALBERT_CLASS.get(str(name), name) for name in classes]
    fields |= {
        "model_type": "albert",
        "embedding_size": fields["hidden_size"],
        "num_hidden_groups": fields["num_hidden_layers"],
        "inner_group_num": 1,
        "classifier_dropout_prob": fields["hidden_dropout_prob"] if dropout is None else dropout,
    }
    return AlbertConfig.from_dict(fields, where=str(path))


class _PlainTensors(RenamedTensors):
    """A file's tensors by BERT's names without prefix."""

    def __init__(self, tensors: Tensors, names: Mapping[str, str]) -> None:
        super().__init__(tensors, names)
        shapes = tensors.shapes
        self.shapes = {name: shapes[there] for name, there in names.items()}


def _read_weights(
    tensors: Tensors, config: AlbertConfig, origin: str
) -> tuple[Weights, tuple[Diagnostic, ...]]:
    names, notes = match_plain_names(tensors, origin, BERT_NAMES)
    plain = _PlainTensors(tensors, names)
    classes = ALBERT_CLASS.values()
    possible = [spec.name for spec in HEADS if spec.architecture in classes]
    rows = list_bert_rows(config, possible)
    shapes = {row.canonical: plain.shapes[row.foreign] for row in rows if row.foreign in names}
    heads, more = detect_heads(shapes, config, origin)
    pooler = "pooler.weight" in shapes
    rows = list_bert_rows(config, heads, pooler=pooler)
    weights = read_weights(plain, rows, config, tuple(heads), pooler=pooler, origin=origin)
    return weights, notes + more + tuple(_note_ignored(names, rows, origin))


def _note_ignored(
    names: Mapping[str, str], rows: Iterable[Row], origin: str
) -> Iterator[Diagnostic]:
    read = {row.foreign for row in rows}
    unread = [name for name in names if name not in read]
    others = [names[name] for name in unread if not name.startswith(NEXT_SENTENCE)]
    if len(others) < len(unread):
        yield Diagnostic(
            "checkpoint-extra-tensors",
            "note",
            f"the head {NEXT_SENTENCE}weight is left out",
            why="it predicts whether a sentence is the next one, ALBERT's whether two are in order",
            where=origin,
        )
    if others:
        yield note_ignored_tensors(others, origin)
