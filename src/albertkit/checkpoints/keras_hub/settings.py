"""The JSON files of a Keras Hub preset: its model, task, preprocessor, tokenizer and metadata.

In: a config and a head. Out: objects as Keras serialises them; and back. What Keras Hub has no
field for is kept under a key of our own in metadata.json, of which it reads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from albertkit.errors import FormatError
from albertkit.fileformats.reader import JsonValue, read_json
from albertkit.spec import AlbertConfig, parameter_table
from albertkit.spec.heads import MASKED_LM, SEQUENCE_CLASSIFICATION

CONFIG, TASK, METADATA = "config.json", "task.json", "metadata.json"
PREPROCESSOR, TOKENIZER = "preprocessor.json", "tokenizer.json"
# The releases in whose form presets are written; older ones and keras_nlp have the same fields.
KERAS, KERAS_HUB = "3.15.1", "0.31.0"
OURS = "albertkit"  # the key of metadata.json

ACTIVATION = "gelu_new"  # the tanh form, whatever the preset. Source: AlbertBackbone
EPSILON = 1e-12  # likewise, of every norm but one
PREDICTION_EPSILON = 1e-5  # of the masked LM head's norm. Source: MaskedLMHead's default
CLASSIFIER_DROPOUT = 0.1  # Source: AlbertTextClassifier's default
FIELDS = MappingProxyType(  # our field → Keras Hub's
    {
        "vocab_size": "vocabulary_size",
        "num_hidden_layers": "num_layers",
        "num_attention_heads": "num_heads",
        "num_hidden_groups": "num_groups",
        "inner_group_num": "num_inner_repetitions",
        "embedding_size": "embedding_dim",
        "hidden_size": "hidden_dim",
        "intermediate_size": "intermediate_dim",
        "hidden_dropout_prob": "dropout",
        "max_position_embeddings": "max_sequence_length",
        "type_vocab_size": "num_segments",
    }
)
# Fields with the same value in every preset, which are not stored.
FIXED = ("hidden_act", "layer_norm_eps", "prediction_layer_norm_eps", "model_type")
BACKBONE = "AlbertBackbone"
TASKS = MappingProxyType(  # Keras Hub's class → our head; AlbertClassifier is keras_nlp's
    {
        "AlbertMaskedLM": MASKED_LM.name,
        "AlbertTextClassifier": SEQUENCE_CLASSIFICATION.name,
        "AlbertClassifier": SEQUENCE_CLASSIFICATION.name,
    }
)
CLASSES = MappingProxyType(  # our head → the class to write
    {MASKED_LM.name: "AlbertMaskedLM", SEQUENCE_CLASSIFICATION.name: "AlbertTextClassifier"}
)
MASKED_WORDS = 96  # at most in a text. Source: AlbertMaskedLMPreprocessor's default

Json = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Task:
    """What a task adds to a backbone.

    head: by our name. activation: what it does to its logits; `linear` is nothing. fields: of the
    config, that the task sets.
    """

    head: str
    activation: str
    fields: Json


def read_config(location: Path, task: Task | None) -> AlbertConfig:
    """The config of a preset.

    Raises FormatError [json-malformed], [config-not-albert], [config-value-invalid].
    """
    path = location / CONFIG
    values = read_json(path)
    if values.get("class_name") != BACKBONE:
        raise FormatError(
            "config-not-albert",
            f"class_name is {values.get('class_name')!r}, not {BACKBONE!r}",
            why="its layers have other names and another meaning",
            fix="Give the preset of an ALBERT",
            where=str(path),
        )
    theirs = _keep_settings(values)
    fields = {ours: theirs.get(name) for ours, name in FIELDS.items()}
    return AlbertConfig.from_dict(
        {
            "attention_probs_dropout_prob": fields["hidden_dropout_prob"],
            **_read_own_fields(location),
            **fields,
            "hidden_act": ACTIVATION,
            "layer_norm_eps": EPSILON,
            **(task.fields if task else {}),
        },
        where=str(path),
    )


def read_task(location: Path) -> tuple[Task | None, str]:
    """The task of task.json, None for one that is not known, and its class."""
    values = read_json(location / TASK)
    name, settings = str(values.get("class_name")), _keep_settings(values)
    head = TASKS.get(name)
    if head == MASKED_LM.name:
        return Task(head, "linear", {"prediction_layer_norm_eps": PREDICTION_EPSILON}), name
    if head == SEQUENCE_CLASSIFICATION.name:
        fields: Json = {"classifier_dropout_prob": settings.get("dropout", CLASSIFIER_DROPOUT)}
        labels, classes = _read_own_fields(location).get("id2label"), settings.get("num_classes")
        if not isinstance(labels, dict) or len(labels) != classes:  # they have no names then
            fields |= {"num_labels": classes, "id2label": None}
        activation = settings.get("activation")
        if isinstance(activation, dict):  # an object as Keras serialises it
            activation = activation.get("config") or activation.get("class_name")
        return Task(head, str(activation or "linear"), fields), name
    return None, name


def make_preset_files(
    config: AlbertConfig, head: str | None, *, has_tokenizer: bool
) -> dict[str, Json]:
    """File name → its contents."""
    backbone = _describe_backbone(config)
    files = {CONFIG: backbone, METADATA: _describe_origin(config)}
    tokenizer, preprocessor = _describe_tokenizer(), _describe_preprocessor(config, head)
    if has_tokenizer:
        files[TOKENIZER] = tokenizer
        if preprocessor:
            files[PREPROCESSOR] = preprocessor
    if head:
        files[TASK] = _describe_task(
            config, head, backbone, preprocessor if has_tokenizer else None
        )
    return files


def _describe_backbone(config: AlbertConfig) -> Json:
    sizes: Json = {theirs: getattr(config, ours) for ours, theirs in FIELDS.items()}
    return _describe_object(
        "albert_backbone", BACKBONE, {**_describe_layer("albert_backbone"), **sizes}
    )


def _describe_task(
    config: AlbertConfig, head: str, backbone: Json, preprocessor: Json | None
) -> Json:
    name = CLASSES[head]
    module = _to_snake_case(name)
    settings: Json = {"backbone": backbone, "preprocessor": preprocessor, "name": module}
    if head == SEQUENCE_CLASSIFICATION.name:
        settings |= {
            "num_classes": config.num_labels,
            "activation": "linear",
            "dropout": config.classifier_dropout_prob,
        }
    return _describe_object(module, name, settings)


def _describe_preprocessor(config: AlbertConfig, head: str | None) -> Json | None:
    """What makes a task's inputs of texts; a backbone alone has none."""
    if head is None:
        return None
    name = f"{CLASSES[head]}Preprocessor"
    module, length = _to_snake_case(name), config.max_position_embeddings
    settings: Json = {
        **_describe_layer(module),
        "tokenizer": _describe_tokenizer(),
        "config_file": PREPROCESSOR,
        "sequence_length": length,
        "truncate": "round_robin",
    }
    if head == MASKED_LM.name:
        settings |= {
            "mask_selection_rate": 0.15,
            "mask_selection_length": min(MASKED_WORDS, length),
            "mask_token_rate": 0.8,
            "random_token_rate": 0.1,
        }
    return _describe_object(module, name, settings)


def _describe_tokenizer() -> Json:
    settings: Json = {
        **_describe_layer("albert_tokenizer", "int32"),
        "config_file": TOKENIZER,
        "proto": None,
        "sequence_length": None,
        "add_bos": False,
        "add_eos": False,
    }
    return _describe_object("albert_tokenizer", "AlbertTokenizer", settings)


def _describe_origin(config: AlbertConfig) -> Json:
    fields = config.to_dict()
    kept = {name: value for name, value in fields.items() if name not in (*FIELDS, *FIXED)}
    return {
        "keras_version": KERAS,
        "keras_hub_version": KERAS_HUB,
        "parameter_count": parameter_table(config, pooler=True).count(),
        "date_saved": datetime.now().strftime("%Y-%m-%d@%H:%M:%S"),
        "tasks": ["MaskedLM", "TextClassifier"],
        OURS: {"config": kept},
    }


def _describe_object(module: str, name: str, settings: Json) -> Json:
    """An object as Keras serialises it."""
    return {
        "module": f"keras_hub.src.models.albert.{module}",
        "class_name": name,
        "config": settings,
        "registered_name": f"keras_hub>{name}",
    }


def _describe_layer(name: str, dtype: str = "float32") -> Json:
    policy: Json = {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": dtype},
        "registered_name": None,
    }
    return {"name": name, "trainable": True, "dtype": policy}


def _to_snake_case(name: str) -> str:
    """AlbertMaskedLM → albert_masked_lm."""
    spaced = "".join(f"_{c.lower()}" if c.isupper() else c for c in name.replace("LM", "Lm"))
    return spaced.removeprefix("_")


def _keep_settings(values: Mapping[str, JsonValue]) -> Json:
    settings = values.get("config")
    return settings if isinstance(settings, dict) else {}


def _read_own_fields(location: Path) -> Json:
    """The fields that we kept in metadata.json, if we wrote this preset."""
    if not (location / METADATA).is_file():
        return {}
    ours = read_json(location / METADATA).get(OURS)
    kept = ours.get("config") if isinstance(ours, dict) else None
    return kept if isinstance(kept, dict) else {}
