"""Compare two checkpoints of any formats.

The comparison covers configs, tensors bit by bit, outputs on the parity inputs, and the ids of
sample texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from albertkit.conversion.differences import (
    ConfigDifference,
    TokenizerDifferences,
    WeightDifferences,
    config_differences,
    output_differences,
    tokenizer_differences,
    weight_differences,
)
from albertkit.conversion.model_outputs import compute_outputs
from albertkit.conversion.parity import TOLERANCE, figure
from albertkit.conversion.parity_inputs import make_parity_inputs
from albertkit.conversion.parts import have_same_pooling
from albertkit.errors.arguments import check_keywords
from albertkit.runtime import LoadedModel, LoadOptions, open_model


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences of two models.

    Attributes:
        first: one model.
        second: the other.
        configs: the fields that differ.
        weights: how the tensors compare.
        inputs: what both computed, in words.
        outputs: name → max |diff|, for outputs that both have; None if the shapes differ.
        tokenizers: None if a model has none, or if they were not compared.
        tolerance: the largest difference of an output between equal models.
    """

    first: LoadedModel
    second: LoadedModel
    configs: tuple[ConfigDifference, ...]
    weights: WeightDifferences
    inputs: str
    outputs: Mapping[str, float] | None
    tokenizers: TokenizerDifferences | None
    tolerance: float

    @property
    def is_equal(self) -> bool:
        """Whether there are no `reasons` to call the models different."""
        return not self.reasons()

    def reasons(self) -> tuple[str, ...]:
        """Return why the models are different, in words; empty if they are equal.

        Equal models have the same parts, outputs within the tolerance, and the same ids for texts.
        Tensors may differ by less, and configs in fields that change no output.
        """
        reasons = []
        heads = set(self.first.weights.heads) ^ set(self.second.weights.heads)
        if heads:
            reasons.append(f"only one has the head {', '.join(sorted(heads))}")
        if self.first.weights.has_pooler != self.second.weights.has_pooler:
            reasons.append("only one has a pooler")
        if self.outputs is None:
            reasons.append("their shapes differ")
        elif self.largest > self.tolerance:
            reasons.append(f"their outputs differ by {figure(self.largest)}")
        if not have_same_pooling(self.first, self.second):
            reasons.append("they compute text vectors from token vectors differently")
        if self.tokenizers:
            reasons.append("their tokenizers give different ids")
        return tuple(reasons)

    @property
    def largest(self) -> float:
        """The largest difference of all outputs; 0 if none was compared."""
        return max(self.outputs.values()) if self.outputs else 0.0


@check_keywords
def verify(
    first: str | Path,
    second: str | Path,
    *,
    tolerance: float = TOLERANCE,
    num_hidden_layers: int | None = None,
    num_attention_heads: int | None = None,
    hidden_act: str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    tokenizers: bool = True,
) -> Comparison:
    """Compare two checkpoints of any formats, or names that `load` takes.

    Args:
        first: one model.
        second: the other.
        tolerance: the largest difference of an output between equal models.
        num_hidden_layers: for checkpoints whose files lack it; this and the next are for both.
        num_attention_heads: for checkpoints whose files lack it.
        hidden_act: for checkpoints whose files lack it.
        revision: a branch, tag or commit of a hub's repository.
        token: for private models. None: the one saved on this machine, or HF_TOKEN. False: none.
        cache_dir: directory for downloaded files. None: the hub's own.
        local_files_only: never use the network.
        tokenizers: whether ids are compared too.

    Raises:
        AlbertKitError: the errors of reading the models.
    """
    options = LoadOptions(
        num_hidden_layers=num_hidden_layers,
        num_attention_heads=num_attention_heads,
        hidden_act=hidden_act,
        revision=revision,
        token=token,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
    )
    one, other = open_model(first, options), open_model(second, options)
    weights = weight_differences(one.weights, other.weights)
    inputs = make_parity_inputs(
        one.weights.config, one.optional_tokenizer or other.optional_tokenizer
    )
    outputs = None
    if weights.are_comparable:
        outputs = output_differences(
            compute_outputs(one.weights, inputs), compute_outputs(other.weights, inputs)
        )
    ids = None
    both = one.optional_tokenizer, other.optional_tokenizer
    if tokenizers and both[0] is not None and both[1] is not None:
        ids = tokenizer_differences(both[0], both[1])
    return Comparison(
        one,
        other,
        config_differences(one.weights.config, other.weights.config),
        weights,
        inputs.description,
        outputs,
        ids,
        tolerance,
    )
