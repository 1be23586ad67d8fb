"""Do two places of any formats hold the same model?

In: two places. Out: Comparison, with every figure: configs, tensors bit by bit, the answers to
the eight questions, and the ids of the probe texts.
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
from albertkit.conversion.model_outputs import answers
from albertkit.conversion.parity import TOLERANCE, figure
from albertkit.conversion.parity_inputs import questions_for
from albertkit.conversion.parts import have_same_plans
from albertkit.errors.keywords import check_keywords
from albertkit.runtime import LoadedModel, LoadOptions, open_model


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models side by side.

    outputs: name → max |diff|, of outputs that both have; None where the shapes do not allow it.
    tokenizers: None where not both have one, or they were not to be compared.
    """

    first: LoadedModel
    second: LoadedModel
    configs: tuple[ConfigDifference, ...]
    weights: WeightDifferences
    asked: str
    outputs: Mapping[str, float] | None
    tokenizers: TokenizerDifferences | None
    tolerance: float

    @property
    def is_equal(self) -> bool:
        return not self.reasons()

    def reasons(self) -> tuple[str, ...]:
        """Why the two are different, in words; none where they are equal.

        Equal means: the same parts, answers within the tolerance, the same ids of texts. Tensors
        may differ by less than shows in the answers, and configs in fields that change none.
        """
        found = []
        heads = set(self.first.weights.heads) ^ set(self.second.weights.heads)
        if heads:
            found.append(f"only one has the head {', '.join(sorted(heads))}")
        if self.first.weights.has_pooler != self.second.weights.has_pooler:
            found.append("only one has a pooler")
        if self.outputs is None:
            found.append("their shapes differ")
        elif self.largest > self.tolerance:
            found.append(f"their answers differ by {figure(self.largest)}")
        if not have_same_plans(self.first, self.second):
            found.append("they make other vectors of a text")
        if self.tokenizers:
            found.append("their tokenizers read text otherwise")
        return tuple(found)

    @property
    def largest(self) -> float:
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
    tokenizers: bool = True,
) -> Comparison:
    """Compare two places of any formats, or names that `load` takes.

    tolerance: how far an answer may differ. num_hidden_layers, num_attention_heads, hidden_act:
    what a place's files may not say, for both. tokenizers: whether ids are compared too.
    Raises what reading raises.
    """
    options = LoadOptions(
        num_hidden_layers=num_hidden_layers,
        num_attention_heads=num_attention_heads,
        hidden_act=hidden_act,
    )
    one, other = open_model(first, options), open_model(second, options)
    weights = weight_differences(one.weights, other.weights)
    questions = questions_for(
        one.weights.config, one.optional_tokenizer or other.optional_tokenizer
    )
    outputs = None
    if weights.are_comparable:
        outputs = output_differences(
            answers(one.weights, questions), answers(other.weights, questions)
        )
    unlike = None
    both = one.optional_tokenizer, other.optional_tokenizer
    if tokenizers and both[0] is not None and both[1] is not None:
        unlike = tokenizer_differences(both[0], both[1])
    return Comparison(
        one,
        other,
        config_differences(one.weights.config, other.weights.config),
        weights,
        questions.called,
        outputs,
        unlike,
        tolerance,
    )
