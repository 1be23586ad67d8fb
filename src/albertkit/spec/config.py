"""AlbertConfig: the numbers that make one ALBERT, under Hugging Face's names.

Input and output: Hugging Face's `config.json` and google's `albert_config.json`. Unknown keys are
kept in `extra`, so that a round trip loses nothing. Defaults are those of transformers (xxlarge).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit.errors import FormatError, InputError
from albertkit.errors.arguments import check_fields, check_keywords
from albertkit.spec.config_values import (
    ACTIVATIONS,
    Activation,
    Json,
    ProblemType,
    bad_value_error,
    check_config,
    make_labels,
    name_labels,
)

# google's code calls the tanh form "gelu" (modeling.py) and has no name for the erf form.
FROM_GOOGLE = {"gelu": "gelu_new", "relu": "relu", "tanh": "tanh", "linear": "linear", "": "linear"}
TO_GOOGLE = {"gelu_tanh": "gelu", "relu": "relu", "tanh": "tanh", "identity": "linear"}
# Keys of google's JSON that its code does not use.
GOOGLE_IDLE_KEYS = (
    "net_structure_type",
    "gap_size",
    "num_memory_blocks",
    "down_scale_factor",
    "layers_to_keep",
)
# Keys that change the arithmetic in transformers, with the values that ALBERT's arithmetic has.
PLAIN_ARITHMETIC: dict[str, tuple[Json, ...]] = {
    "position_embedding_type": ("absolute", None),
    "pruned_heads": ({}, None),
}
# Keys that transformers does not write either if they are None.
OPTIONAL_KEYS = ("problem_type", "prediction_layer_norm_eps")
# Attributes that nothing is computed from when a model is made, so that they may change later.
SETTABLE = ("pad_token_id", "bos_token_id", "eos_token_id", "problem_type", "id2label", "extra")


@check_fields
@dataclass(slots=True, kw_only=True)
class AlbertConfig:
    """The config of one ALBERT, checked when it is made.

    Sizes count floats, rates are probabilities. `num_labels=3` and `label2id={…}` are accepted in
    place of `id2label`. A key of `extra` can be read and set like an attribute, as in transformers.

    Raises:
        InputError: [config-value-invalid] for an impossible value, and for setting an attribute
            that the model's weights depend on; [unknown-keyword].
    """

    vocab_size: int = 30000  # V
    embedding_size: int = 128  # E
    hidden_size: int = 4096  # H
    num_hidden_layers: int = 12  # L, repetitions of the shared layers
    num_hidden_groups: int = 1  # G
    num_attention_heads: int = 64  # A
    intermediate_size: int = 16384  # F
    inner_group_num: int = 1  # I, layers one after another in a group
    hidden_act: str = "gelu_new"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    prediction_layer_norm_eps: float | None = None  # of the masked-LM head; None: layer_norm_eps
    classifier_dropout_prob: float = 0.1
    pad_token_id: int | None = 0
    bos_token_id: int | None = 2
    eos_token_id: int | list[int] | None = 3  # a list in some configs; no ALBERT uses it
    problem_type: ProblemType | None = None
    id2label: Mapping[int, str] = field(default_factory=lambda: name_labels(2))
    extra: Mapping[str, Json] = field(default_factory=dict)  # keys of the file unknown here

    def __post_init__(self) -> None:
        """Check every value; whole numbers of other libraries become int."""
        check_config(self)

    if not TYPE_CHECKING:  # a misspelt attribute is to be seen by mypy

        def __getattr__(self, name: str) -> Json:
            """A key of `extra`, as transformers' configs give it."""
            if not name.startswith("_"):
                extra: Mapping[str, Json] = object.__getattribute__(self, "extra")
                if name in extra:
                    return extra[name]
            raise AttributeError(f"AlbertConfig has no attribute {name!r}")

    def __setattr__(self, name: str, value: object) -> None:
        """Set a value that no weight depends on; transformers' Trainer sets `use_cache`."""
        if name not in FIELD_NAMES:
            if isinstance(getattr(type(self), name, None), property):
                raise bad_value_error(name, value, "it follows from the other values")
            object.__setattr__(self, "extra", {**self.extra, name: value})
            return
        try:
            former = object.__getattribute__(self, name)
        except AttributeError:  # not set yet: the config is being made
            object.__setattr__(self, name, value)
            return
        if name not in SETTABLE and value != former:
            raise InputError(
                "config-value-invalid",
                f"{name} cannot be set to {value!r}",
                why="the weights of a model that has this config depend on it",
                fix=f"Make another config: dataclasses.replace(config, {name}={value!r})",
            )
        object.__setattr__(self, name, value)
        try:
            self.__post_init__()
        except InputError:
            object.__setattr__(self, name, former)
            raise

    @property
    def activation(self) -> Activation:
        """The arithmetic that `hidden_act` names."""
        return ACTIVATIONS[self.hidden_act]

    @property
    def prediction_eps(self) -> float:
        """The epsilon of the masked-LM head's norm (in Keras Hub it has a value of its own)."""
        value = self.prediction_layer_norm_eps
        return self.layer_norm_eps if value is None else value

    @property
    def num_labels(self) -> int:
        """How many classes a classification head has."""
        return len(self.id2label)

    @property
    def label2id(self) -> dict[str, int]:
        """The class of each label."""
        return {label: number for number, label in self.id2label.items()}

    @property
    def head_size(self) -> int:
        """D = H / A."""
        return self.hidden_size // self.num_attention_heads

    def group_of(self, layer: int) -> int:
        """Compute which group's weights a layer uses.

        google's code and transformers compute it in floating point, which is wrong for some
        sizes: google's first at (L 22, G 22), transformers first at (L 18, G 14). Reading such a
        checkpoint gives a note. Published models have G = 1.

        Args:
            layer: number of the repetition, 0 to L - 1.

        Returns:
            ⌊layer · G / L⌋.
        """
        return layer * self.num_hidden_groups // self.num_hidden_layers

    @classmethod
    def from_dict(cls, values: Mapping[str, Json], *, where: str = "config.json") -> AlbertConfig:
        """Read the contents of Hugging Face's `config.json`.

        Args:
            values: the keys and values of the file.
            where: the file's name in error messages.

        Raises:
            FormatError: [config-not-albert] if `model_type` names another model or a key asks for
                other arithmetic than ALBERT's, [config-value-invalid] for an impossible value.
        """
        model_type = values.get("model_type", "albert")
        if model_type != "albert":
            raise FormatError(
                "config-not-albert",
                f"model_type is {model_type!r}, not 'albert'",
                why="its tensors have other names and another meaning",
                fix="Give the directory of an ALBERT model",
                where=where,
            )
        for name, plain in PLAIN_ARITHMETIC.items():
            if name in values and values[name] not in plain:
                raise FormatError(
                    "config-not-albert",
                    f"{name} is {values[name]!r}",
                    why=f"only {plain[0]!r} is computed here; the vectors would be wrong",
                    fix="Use transformers for this model",
                    where=where,
                )
        known = {name: value for name, value in values.items() if name in FIELD_NAMES}
        known.pop("extra", None)
        known.pop("id2label", None)
        extra = {name: value for name, value in values.items() if name not in READ_KEYS}
        try:
            return cls(**known, id2label=_read_labels(values), extra=extra)  # type: ignore[arg-type]  # checked in __post_init__
        except InputError as error:
            part = error.diagnostic
            raise FormatError(
                part.code, part.what, why=part.why, fix=part.fix, where=where
            ) from error

    @classmethod
    def from_json_file(cls, path: str | Path) -> AlbertConfig:
        """Read Hugging Face's `config.json`.

        Args:
            path: The file.

        Raises:
            InputError: [file-not-found].
            FormatError: [json-malformed], or as `from_dict`.
        """
        from albertkit.fileformats.reader import read_json

        return cls.from_dict(read_json(Path(path)), where=str(path))

    @classmethod
    @check_keywords
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
    ) -> AlbertConfig:
        """Read the `config.json` of a model.

        Args:
            path: A directory, the file itself, a built-in model, or a model of a hub, of which
                only this file is fetched.
            revision: A branch, tag or commit on a hub.
            token: For private models on a hub.
            cache_dir: Where downloads are kept.
            local_files_only: Use only downloads that are already there.

        Raises:
            InputError: [file-not-found] for a path without the file, and as `resolve_location`.
            FormatError: as `from_json_file`.
        """
        from albertkit.sources import FetchOptions, resolve_location  # not needed for other configs

        options = FetchOptions(
            revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only
        )
        location = resolve_location(path, options, parts="config")
        file = location / "config.json" if location.is_dir() else location
        if not file.is_file():
            raise InputError(
                "file-not-found",
                f"there is no config.json at {str(path)!r}",
                why="a config is read from this file alone",
                fix=f'For another format, write albertkit.load("{path}").config; for a published '
                "size, albertkit.spec.presets.preset(name)",
            )
        return cls.from_json_file(file)

    def save_pretrained(self, directory: str | Path) -> None:
        """Write `config.json`.

        Args:
            directory: It is made if it does not exist.
        """
        path = Path(directory)
        path.mkdir(parents=True, exist_ok=True)
        (path / "config.json").write_text(self.to_json_string(), encoding="utf-8")

    def to_json_string(self) -> str:
        """The text of Hugging Face's `config.json`."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def to_dict(self) -> dict[str, Json]:
        """The contents of Hugging Face's `config.json`, with the unknown keys of the origin."""
        known = {
            name: getattr(self, name)
            for name in FIELD_NAMES
            if name not in ("extra", "id2label", *OPTIONAL_KEYS)
        }
        known |= {n: getattr(self, n) for n in OPTIONAL_KEYS if getattr(self, n) is not None}
        labels: dict[str, Json] = {
            "id2label": {str(number): label for number, label in self.id2label.items()},
            "label2id": dict(self.label2id),
        }
        if self.id2label == name_labels(2):
            labels = {}
        return {"model_type": "albert", **self.extra, **known, **labels}

    @classmethod
    def from_google(cls, values: Mapping[str, Json]) -> AlbertConfig:
        """Read the contents of google's `albert_config.json`, whose `gelu` is the tanh form.

        Args:
            values: The parsed JSON.

        Raises:
            InputError: [config-value-invalid] for an activation that google's code does not have.
            FormatError: as `from_dict`.
        """
        activation = str(values.get("hidden_act", "gelu"))
        if activation not in FROM_GOOGLE:
            raise bad_value_error(
                "hidden_act", activation, f"google's code has {', '.join(FROM_GOOGLE)}"
            )
        return cls.from_dict(
            {**values, "hidden_act": FROM_GOOGLE[activation]}, where="albert_config.json"
        )

    def to_google(self) -> dict[str, Json]:
        """The contents of google's `albert_config.json`.

        Raises:
            InputError: [config-value-invalid] for an activation that google has no name for.
        """
        if self.activation not in TO_GOOGLE:
            raise bad_value_error(
                "hidden_act", self.hidden_act, "google's albert_config.json has no name for it"
            )
        return {
            "attention_probs_dropout_prob": self.attention_probs_dropout_prob,
            "hidden_act": TO_GOOGLE[self.activation],
            "hidden_dropout_prob": self.hidden_dropout_prob,
            "embedding_size": self.embedding_size,
            "hidden_size": self.hidden_size,
            "initializer_range": self.initializer_range,
            "intermediate_size": self.intermediate_size,
            "max_position_embeddings": self.max_position_embeddings,
            "num_attention_heads": self.num_attention_heads,
            "num_hidden_layers": self.num_hidden_layers,
            "num_hidden_groups": self.num_hidden_groups,
            "inner_group_num": self.inner_group_num,
            "type_vocab_size": self.type_vocab_size,
            "vocab_size": self.vocab_size,
            **{key: self.extra[key] for key in GOOGLE_IDLE_KEYS if key in self.extra},
        }


FIELD_NAMES = tuple(f.name for f in fields(AlbertConfig))
READ_KEYS = (*FIELD_NAMES, "model_type", "label2id", "num_labels")


def _accept_num_labels(make: Callable[..., None]) -> Callable[..., None]:
    """Let a config be made with `num_labels` or `label2id`, which are not fields of it."""

    @functools.wraps(make)
    def make_with_labels(
        self: AlbertConfig,
        *,
        num_labels: int | None = None,
        label2id: Mapping[str, int] | None = None,
        **values: object,
    ) -> None:
        if num_labels is not None and "id2label" not in values:
            names = {number: label for label, number in (label2id or {}).items()}
            values["id2label"] = names or make_labels(num_labels)
        elif label2id is not None and "id2label" not in values:
            values["id2label"] = {number: label for label, number in label2id.items()}
        make(self, **values)
        if num_labels is not None and num_labels != self.num_labels:
            raise bad_value_error(
                "num_labels", num_labels, f"id2label has {self.num_labels} labels"
            )
        if label2id is not None and dict(label2id) != self.label2id:
            raise bad_value_error("label2id", dict(label2id), "id2label has other labels")

    return make_with_labels


AlbertConfig.__init__ = _accept_num_labels(AlbertConfig.__init__)  # type: ignore[method-assign]  # the class that a dataclass makes has no other place for it


def _read_labels(values: Mapping[str, Json]) -> Mapping[int, str]:
    """The labels of id2label, else LABEL_0 … for `num_labels`; numbers from 1 become from 0."""
    labels, count = values.get("id2label"), values.get("num_labels")
    if isinstance(labels, dict):
        if not all(str(key).isdecimal() and len(str(key)) < 10 for key in labels):
            raise bad_value_error("id2label", labels, "its keys must be the numbers of the classes")
        first = 1 if {int(key) for key in labels} == set(range(1, len(labels) + 1)) else 0
        return {int(number) - first: str(label) for number, label in labels.items()}
    if labels is not None:
        raise bad_value_error("id2label", labels, "it must be an object, number → label")
    return name_labels(2) if count is None else make_labels(count)
