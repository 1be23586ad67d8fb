"""How the token vectors of a text become one vector: pooling, then steps; and prompts.

A bare encoder has the defaults; directories of sentence-transformers have their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeGuard, get_args

from albertkit.arrays import FloatArray
from albertkit.spec.config_values import Activation

Pooling = Literal["mean", "cls", "max", "mean_sqrt_len", "weighted_mean", "last", "pooler"]
Poolings: TypeAlias = Pooling | tuple[Pooling, ...]  # of several, the vectors are concatenated
Similarity = Literal["cosine", "dot", "euclidean", "manhattan"]
# Activations of torch that no encoder has, with torch's default parameters.
DenseOnlyActivation = Literal[
    "elu",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "log_sigmoid",
    "mish",
    "relu6",
    "selu",
    "sigmoid",
    "softplus",
    "softsign",
]
DenseActivation: TypeAlias = Activation | DenseOnlyActivation
# Normalize divides by no less, so vectors of zeros stay zeros. Source: torch's F.normalize
LEAST_NORM = 1e-12


@dataclass(frozen=True, slots=True)
class Dense:
    """A linear layer on pooled vectors, and an activation."""

    weight: FloatArray  # [out, in]
    bias: FloatArray | None  # [out]
    activation: DenseActivation

    @property
    def arrays(self) -> dict[str, FloatArray]:
        """The parameters by name; without "bias" if there is none."""
        bias = {} if self.bias is None else {"bias": self.bias}
        return {"weight": self.weight, **bias}


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """Layer normalization of pooled vectors, with torch's default epsilon."""

    weight: FloatArray  # [D]
    bias: FloatArray  # [D]

    @property
    def arrays(self) -> dict[str, FloatArray]:
        """The parameters by name."""
        return {"weight": self.weight, "bias": self.bias}


@dataclass(frozen=True, slots=True)
class Normalize:
    """Division of each vector by its length."""

    @property
    def arrays(self) -> dict[str, FloatArray]:
        """No parameters."""
        return {}


VectorStep: TypeAlias = Dense | LayerNorm | Normalize


def is_encoder_activation(activation: DenseActivation) -> TypeGuard[Activation]:
    """Return whether every emitter computes this activation.

    Args:
        activation: of a Dense.
    """
    return activation in get_args(Activation)


@dataclass(frozen=True, slots=True)
class PoolingConfig:
    """What turns texts into vectors, except the encoder itself.

    pooling: a tuple holds no "pooler". include_prompt: whether the tokens of the prompt are pooled,
    [CLS] among them. max_length: of a text in ids, special tokens included; None: the model's
    positions. prompts: name → the text that is put before a text. default_prompt: the name of the
    prompt that is used if none is asked for. lower_case: whether texts are lower-cased before they
    are tokenized.
    truncate_dim: how many dimensions of a vector are kept, the first; None: all.
    """

    pooling: Poolings = "mean"
    steps: tuple[VectorStep, ...] = ()
    max_length: int | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    similarity: Similarity = "cosine"
    lower_case: bool = False
    truncate_dim: int | None = None
    include_prompt: bool = True

    def __post_init__(self) -> None:
        """Keep the prompts as a dict, which can be copied and pickled."""
        object.__setattr__(self, "prompts", dict(self.prompts))

    def as_read(self, text: str, prompt: str | None = None) -> str:
        """Put the prompt before a text, and lower-case both if the config says so.

        Args:
            text: as the caller gave it.
            prompt: the text to put before it; None: the default prompt.
        """
        if prompt is None:
            prompt = self.prompts.get(self.default_prompt or "", "")
        return (prompt + text).lower() if self.lower_case else prompt + text

    @property
    def modes(self) -> tuple[Pooling, ...]:
        """The ways of pooling, in the order of their vectors."""
        return self.pooling if isinstance(self.pooling, tuple) else (self.pooling,)

    @property
    def pooling_name(self) -> str:
        """The ways of pooling in words, as "mean + max"."""
        return " + ".join(self.modes) + ("" if self.include_prompt else " without the prompt")

    def width(self, hidden_size: int) -> int:
        """The number of dimensions of a vector.

        Args:
            hidden_size: of the encoder.
        """
        widths = [len(step.weight) for step in self.steps if isinstance(step, Dense)]
        width = widths[-1] if widths else hidden_size * len(self.modes)
        return min(width, self.truncate_dim or width)
