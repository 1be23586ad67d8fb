"""The values that an AlbertConfig may have: sizes, rates, names of activations, labels.

Whole numbers of other libraries (numpy) become int, other real numbers float, so that a config can
always be written as JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from albertkit.errors import InputError
from albertkit.errors.exceptions import find_nearest_name

if TYPE_CHECKING:
    from albertkit.spec.config import AlbertConfig

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Activation = Literal["gelu_tanh", "gelu_erf", "quick_gelu", "relu", "silu", "tanh", "identity"]
ACTIVATION_NAMES: tuple[Activation, ...] = get_args(Activation)
ProblemType = Literal["regression", "single_label_classification", "multi_label_classification"]

# The names of activations in published configs → the arithmetic that each means.
ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu_erf",
    "gelu_python": "gelu_erf",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "quick_gelu": "quick_gelu",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
    "linear": "identity",
}
SIZES = (
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
MAX_REPETITIONS = {"num_hidden_layers": 10_000, "num_hidden_groups": 512, "inner_group_num": 64}
MAX_LABELS = 1_000_000
RATES = ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout_prob")
NON_NEGATIVE = ("layer_norm_eps", "prediction_layer_norm_eps", "initializer_range")


def check_config(config: AlbertConfig) -> None:
    """Raise InputError [config-value-invalid] for the first impossible value."""
    _check_sizes(config)
    _check_token_ids(config)
    _check_rates(config)
    if config.problem_type not in (None, *get_args(ProblemType)):
        known = ", ".join(get_args(ProblemType))
        raise bad_value_error("problem_type", config.problem_type, f"known are {known}")
    if not isinstance(config.hidden_act, str) or config.hidden_act not in ACTIVATIONS:
        raise bad_activation_error(config.hidden_act)
    _check_labels(config)
    if not isinstance(config.extra, dict):
        object.__setattr__(config, "extra", dict(config.extra))


def _check_sizes(config: AlbertConfig) -> None:
    for name in SIZES:
        value = convert_to_int(getattr(config, name))
        if value is None or value < 1:
            raise bad_value_error(
                name, getattr(config, name), "it must be a whole number of at least 1"
            )
        object.__setattr__(config, name, value)
    for name, most in MAX_REPETITIONS.items():
        if getattr(config, name) > most:
            raise bad_value_error(name, getattr(config, name), f"no ALBERT has more than {most:,}")
    if config.hidden_size % config.num_attention_heads:
        raise bad_value_error(
            "num_attention_heads",
            config.num_attention_heads,
            f"hidden_size {config.hidden_size} cannot be divided by it",
        )


def _check_token_ids(config: AlbertConfig) -> None:
    for name in ("pad_token_id", "bos_token_id", "eos_token_id"):
        value = getattr(config, name)
        if name == "eos_token_id" and isinstance(value, list) and value:
            if any(convert_to_int(id_) is None for id_ in value):
                raise bad_value_error(
                    name, value, "it must be a whole number, a list of them, or null"
                )
            continue
        if value is not None:
            if convert_to_int(value) is None:
                raise bad_value_error(name, value, "it must be a whole number or null")
            object.__setattr__(config, name, convert_to_int(value))


def _check_rates(config: AlbertConfig) -> None:
    for name in (*RATES, *NON_NEGATIVE):
        value = getattr(config, name)
        if name == "prediction_layer_norm_eps" and value is None:
            continue
        below = 1.0 if name in RATES else math.inf
        number = float(value) if is_number(value) else math.nan
        if not 0 <= number < below:
            why = "a probability, 0 ≤ p < 1" if name in RATES else "a number of at least 0"
            raise bad_value_error(name, value, f"it must be {why}")
        if isinstance(value, np.generic):
            object.__setattr__(config, name, number)


def _check_labels(config: AlbertConfig) -> None:
    labels = config.id2label
    if not isinstance(labels, Mapping) or not labels or set(labels) != set(range(len(labels))):
        raise bad_value_error(
            "id2label", labels, "it must name the classes 0, 1, 2 …, at least one"
        )
    object.__setattr__(config, "id2label", {int(n): labels[n] for n in sorted(labels)})


def convert_to_int(value: object) -> int | None:
    """The value as an int; None if it is not a whole number (a bool is none)."""
    return (
        int(value)
        if isinstance(value, int | np.integer) and value is not True and value is not False
        else None
    )


def is_number(value: object) -> bool:
    """Whether this is a real number, also one of numpy's (a bool is none)."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def name_labels(count: int) -> dict[int, str]:
    """The names of classes that have none: LABEL_0, LABEL_1, …."""
    return {number: f"LABEL_{number}" for number in range(count)}


def bad_value_error(name: str, value: object, why: str) -> InputError:
    """An InputError [config-value-invalid] about one value."""
    return InputError(
        "config-value-invalid", f"{name} is {value!r}", why=why, fix=f"Give another {name}"
    )


def bad_activation_error(name: object) -> InputError:
    """An InputError about an unknown activation, with the nearest known name."""
    near = find_nearest_name(str(name), ACTIVATIONS)
    hint = f"did you mean {near!r}?" if near else f"known are {', '.join(ACTIVATIONS)}"
    return bad_value_error("hidden_act", name, hint)


def make_labels(count: object) -> dict[int, str]:
    """LABEL_0 …, `count` of them; InputError if that is not a number of classes."""
    if not isinstance(count, int) or isinstance(count, bool) or not 0 < count <= MAX_LABELS:
        raise bad_value_error(
            "num_labels", count, f"it must be a whole number, 1 to {MAX_LABELS:,}"
        )
    return name_labels(count)
