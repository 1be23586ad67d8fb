"""AlbertConfig: the numbers that make one ALBERT, under the names that Hugging Face gave them.

In and out: Hugging Face's `config.json` and google's `albert_config.json`. Unknown keys are kept
in `extra`, so that a round trip loses nothing. Defaults are transformers' (they mean xxlarge).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from albertkit.errors import FormatError, InputError
from albertkit.errors.keywords import knows_its_fields
from albertkit.errors.wording import nearest_name

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Activation = Literal["gelu_tanh", "gelu_erf", "relu", "silu", "tanh", "identity"]

# Every name of an activation that published configs use → the arithmetic it means.
ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "gelu": "gelu_erf",
        "gelu_new": "gelu_tanh",
        "gelu_pytorch_tanh": "gelu_tanh",
        "gelu_fast": "gelu_tanh",
        "relu": "relu",
        "silu": "silu",
        "swish": "silu",
        "tanh": "tanh",
        "linear": "identity",
    }
)
# google's code calls the tanh form "gelu" (modeling.py) and has no name for the erf form.
FROM_GOOGLE = {"gelu": "gelu_new", "relu": "relu", "tanh": "tanh", "linear": "linear", "": "linear"}
TO_GOOGLE = {"gelu_tanh": "gelu", "relu": "relu", "tanh": "tanh", "identity": "linear"}
# Keys that stand in google's JSON and do nothing in its code.
GOOGLE_IDLE_KEYS = (
    "net_structure_type",
    "gap_size",
    "num_memory_blocks",
    "down_scale_factor",
    "layers_to_keep",
)

ProblemType = Literal["regression", "single_label_classification", "multi_label_classification"]
PROBLEM_TYPES: tuple[ProblemType | None, ...] = (None, *get_args(ProblemType))
NO_EXTRA: Mapping[str, Json] = MappingProxyType({})
TWO_LABELS: Mapping[int, str] = MappingProxyType({0: "LABEL_0", 1: "LABEL_1"})


@knows_its_fields
@dataclass(frozen=True, slots=True, kw_only=True)
class AlbertConfig:
    """One ALBERT. Widths count floats, rates are probabilities; checked when made.

    Raises InputError [config-value-invalid] for an impossible value, [unknown-keyword].
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
    prediction_layer_norm_eps: float | None = None  # of the masked-word head; None: as above
    classifier_dropout_prob: float = 0.1
    pad_token_id: int | None = 0
    bos_token_id: int | None = 2
    eos_token_id: int | None = 3
    problem_type: ProblemType | None = None
    id2label: Mapping[int, str] = field(default_factory=lambda: TWO_LABELS)
    extra: Mapping[str, Json] = field(
        default_factory=lambda: NO_EXTRA
    )  # keys of the file that we don't know

    def __post_init__(self) -> None:
        _check_counts(self)
        _check_rates(self)
        _check_words(self)

    @property
    def activation(self) -> Activation:
        """The arithmetic that `hidden_act` names."""
        return ACTIVATIONS[self.hidden_act]

    @property
    def prediction_eps(self) -> float:
        """The epsilon of the masked-word head's norm: Keras Hub gives that head one of its own."""
        own = self.prediction_layer_norm_eps
        return self.layer_norm_eps if own is None else own

    @property
    def num_labels(self) -> int:
        return len(self.id2label)

    @property
    def label2id(self) -> dict[str, int]:
        return {label: number for number, label in self.id2label.items()}

    @property
    def head_size(self) -> int:
        """D = H / A."""
        return self.hidden_size // self.num_attention_heads

    def group_of(self, layer: int) -> int:
        """The group whose weights repetition `layer` uses: ⌊layer·G / L⌋, in whole numbers.

        google's code and transformers compute it in floating point and err in some configurations,
        google's first at (L 22, G 22), transformers first at (L 18, G 14); checkpoints that say
        so are told of where they are read. Published models have G = 1.
        """
        return layer * self.num_hidden_groups // self.num_hidden_layers

    @classmethod
    def from_dict(cls, found: Mapping[str, Json], *, where: str = "config.json") -> AlbertConfig:
        """Read Hugging Face's `config.json`.

        Raises FormatError [config-not-albert] where `model_type` names another model, and
        [config-value-invalid] for an impossible value.
        """
        kind = found.get("model_type", "albert")
        if kind != "albert":
            raise FormatError(
                "config-not-albert",
                f"model_type is {kind!r}, not 'albert'",
                why="its tensors have other names and another meaning",
                fix="Give the directory of an ALBERT model",
                where=where,
            )
        known = {name: value for name, value in found.items() if name in FIELD_NAMES}
        known.pop("extra", None)
        known.pop("id2label", None)
        extra = {name: value for name, value in found.items() if name not in READ_KEYS}
        try:
            return cls(**known, id2label=_labels(found), extra=MappingProxyType(extra))  # type: ignore[arg-type]  # checked in __post_init__
        except InputError as error:
            part = error.diagnostic
            raise FormatError(
                part.code, part.what, why=part.why, fix=part.fix, where=where
            ) from error

    def to_dict(self) -> dict[str, Json]:
        """Hugging Face's `config.json`, unknown keys of the origin included."""
        own = {
            name: getattr(self, name)
            for name in FIELD_NAMES
            if name not in ("extra", "id2label", *UNSAID_IF_NONE)
        }
        own |= {n: getattr(self, n) for n in UNSAID_IF_NONE if getattr(self, n) is not None}
        labels: dict[str, Json] = {
            "id2label": {str(number): label for number, label in self.id2label.items()},
            "label2id": dict(self.label2id),
        }
        if dict(self.id2label) == dict(TWO_LABELS):
            labels = {}
        return {"model_type": "albert", **self.extra, **own, **labels}

    @classmethod
    def from_google(cls, found: Mapping[str, Json]) -> AlbertConfig:
        """Read google's `albert_config.json`; its `gelu` is the tanh form."""
        kept = {k: v for k, v in found.items() if k not in GOOGLE_IDLE_KEYS}
        act = str(kept.get("hidden_act", "gelu"))
        if act not in FROM_GOOGLE:
            raise _bad_value("hidden_act", act, f"google's code knows {', '.join(FROM_GOOGLE)}")
        idle: dict[str, Json] = {k: v for k, v in found.items() if k in GOOGLE_IDLE_KEYS}
        return cls.from_dict(
            {**kept, **idle, "hidden_act": FROM_GOOGLE[act]}, where="albert_config.json"
        )

    def to_google(self) -> dict[str, Json]:
        """Write google's `albert_config.json`.

        Raises InputError [config-value-invalid] for an activation google has no name for.
        """
        if self.activation not in TO_GOOGLE:
            raise _bad_value(
                "hidden_act", self.hidden_act, "google's albert_config.json has no name for it"
            )
        idle = {key: self.extra[key] for key in GOOGLE_IDLE_KEYS if key in self.extra}
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
            **idle,
        }


# Keys that transformers doesn't write either, where they say nothing.
UNSAID_IF_NONE = ("problem_type", "prediction_layer_norm_eps")
FIELD_NAMES = tuple(f.name for f in fields(AlbertConfig))
POSITIVE = (
    "vocab_size",
    "embedding_size",
    "hidden_size",
    "num_hidden_layers",
    "num_hidden_groups",
    "num_attention_heads",
    "intermediate_size",
    "inner_group_num",
    "max_position_embeddings",
    "type_vocab_size",
)
# What is built as often as a number says: a file may not ask for more than any model has.
REPEATED = {"num_hidden_layers": 10_000, "num_hidden_groups": 512, "inner_group_num": 64}
MOST_LABELS = 1_000_000
RATES = ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout_prob")
READ_KEYS = (*FIELD_NAMES, "model_type", "label2id", "num_labels")


def _check_counts(c: AlbertConfig) -> None:
    for name in POSITIVE:
        value = getattr(c, name)
        if not _is_whole(value) or value < 1:
            raise _bad_value(name, value, "it must be a whole number of at least 1")
    for name, most in REPEATED.items():
        if getattr(c, name) > most:
            raise _bad_value(name, getattr(c, name), f"no ALBERT has more than {most:,}")
    for name in ("pad_token_id", "bos_token_id", "eos_token_id"):
        value = getattr(c, name)
        if value is not None and not _is_whole(value):
            raise _bad_value(name, value, "it must be a whole number or null")
    if c.hidden_size % c.num_attention_heads:
        raise _bad_value(
            "num_attention_heads",
            c.num_attention_heads,
            f"hidden_size {c.hidden_size} cannot be cut into so many equal heads",
        )


def _check_rates(c: AlbertConfig) -> None:
    for name in RATES:
        value = getattr(c, name)
        if not _is_number(value) or not 0 <= value < 1:
            raise _bad_value(name, value, "it must be a probability, 0 ≤ p < 1")
    spreads = {
        "layer_norm_eps": c.layer_norm_eps,
        "prediction_layer_norm_eps": c.prediction_eps,
        "initializer_range": c.initializer_range,
    }
    for name, value in spreads.items():
        if not _is_number(value) or not 0 <= value < math.inf:
            raise _bad_value(name, value, "it must be a number of at least 0")


def _check_words(c: AlbertConfig) -> None:
    if c.problem_type not in PROBLEM_TYPES:
        raise _bad_value(
            "problem_type", c.problem_type, f"known are {', '.join(get_args(ProblemType))}"
        )
    if not c.id2label or set(c.id2label) != set(range(len(c.id2label))):
        raise _bad_value(
            "id2label", dict(c.id2label), "it must name the classes 0, 1, 2 …, at least one"
        )
    if not isinstance(c.hidden_act, str) or c.hidden_act not in ACTIVATIONS:
        near = nearest_name(str(c.hidden_act), ACTIVATIONS)
        hint = f"did you mean {near!r}?" if near else f"known are {', '.join(ACTIVATIONS)}"
        raise _bad_value("hidden_act", c.hidden_act, hint)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _labels(found: Mapping[str, Json]) -> Mapping[int, str]:
    """id2label, or LABEL_0 … where only `num_labels` stands there."""
    given, count = found.get("id2label"), found.get("num_labels")
    if isinstance(given, dict):
        if not all(str(key).isdecimal() and len(str(key)) < 10 for key in given):
            raise _bad_value("id2label", given, "its keys must be the numbers of the classes")
        return MappingProxyType({int(number): str(label) for number, label in given.items()})
    if given is not None:
        raise _bad_value("id2label", given, "it must be an object, number → label")
    if count is None:
        return TWO_LABELS
    if not isinstance(count, int) or isinstance(count, bool) or not 0 < count <= MOST_LABELS:
        raise _bad_value("num_labels", count, f"it must be a whole number, 1 to {MOST_LABELS:,}")
    return MappingProxyType({number: f"LABEL_{number}" for number in range(count)})


def _bad_value(name: str, value: object, why: str) -> InputError:
    return InputError(
        "config-value-invalid", f"{name} is {value!r}", why=why, fix=f"Correct {name}"
    )
