"""Compare two checkpoints of any formats.

The comparison covers configs, tensors bit by bit, outputs on the parity inputs, and the ids of
sample texts. An ONNX file is executed for its outputs; of other formats the weights are read, and
numpy computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from albertkit.checkpoints import find_target
from albertkit.conversion.differences import (
    ConfigDifference,
    TokenizerDifferences,
    WeightDifferences,
    compare_configs,
    compare_outputs,
    compare_tokenizers,
    compare_weights,
)
from albertkit.conversion.model_outputs import compute_outputs
from albertkit.conversion.parity import (
    LEAST_TOLERANCE,
    check_tolerance,
    estimate_differences,
    format_difference,
)
from albertkit.conversion.parity_inputs import make_parity_inputs
from albertkit.conversion.parts import have_same_pooling
from albertkit.engine.protocol import Engine
from albertkit.errors.arguments import check_keywords
from albertkit.runtime import LoadedModel, LoadOptions, open_model

# Formats whose files are executed. A TF Hub module is not: TensorFlow would run a stranger's graph.
EXECUTED = ("onnx", "onnx-int8")


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
        limits: the same names → the largest difference between equal models.
        executed: for each model, whether its own file computed the outputs.
        tokenizers: None if a model has none, or if they were not compared.
    """

    first: LoadedModel
    second: LoadedModel
    configs: tuple[ConfigDifference, ...]
    weights: WeightDifferences
    inputs: str
    outputs: Mapping[str, float] | None
    limits: Mapping[str, float]
    executed: tuple[bool, bool]
    tokenizers: TokenizerDifferences | None

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
        elif any(value > self.limits[name] for name, value in self.outputs.items()):
            reasons.append(f"their outputs differ by {format_difference(self.largest)}")
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
    tolerance: float | None = None,
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
        tolerance: the largest difference of an output between equal models. None: 1e-4, or what
            float32 explains if an ONNX file is executed, see `parity.estimate_differences`.
        num_hidden_layers: for checkpoints whose files lack it; this and the next are for both.
        num_attention_heads: for checkpoints whose files lack it.
        hidden_act: for checkpoints whose files lack it.
        revision: a branch, tag or commit of a hub's repository.
        token: for private models. None: the one saved on this machine, or HF_TOKEN. False: none.
        cache_dir: directory for downloaded files. None: the hub's own.
        local_files_only: never use the network.
        tokenizers: whether ids are compared too.

    Raises:
        InputError: [option-invalid].
        AlbertKitError: the errors of reading the models.
    """
    check_tolerance(tolerance)
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
    weights = compare_weights(one.weights, other.weights)
    inputs = make_parity_inputs(
        one.weights.config, one.optional_tokenizer or other.optional_tokenizer
    )
    engines = _open_file_engine(one), _open_file_engine(other)
    outputs, limits = None, {}
    if weights.are_comparable:
        expected = compute_outputs(one.weights, inputs, engines[0])
        outputs = compare_outputs(expected, compute_outputs(other.weights, inputs, engines[1]))
        limits = dict.fromkeys(outputs, LEAST_TOLERANCE if tolerance is None else tolerance)
        if tolerance is None and any(engines) and max(outputs.values()) > LEAST_TOLERANCE:
            limits |= estimate_differences(
                one.weights, compute_outputs(one.weights, inputs), inputs
            )
    ids = None
    both = one.optional_tokenizer, other.optional_tokenizer
    if tokenizers and both[0] is not None and both[1] is not None:
        ids = compare_tokenizers(both[0], both[1])
    return Comparison(
        one,
        other,
        compare_configs(one.weights.config, other.weights.config),
        weights,
        inputs.description,
        outputs,
        limits,
        (engines[0] is not None, engines[1] is not None),
        ids,
    )


def _open_file_engine(model: LoadedModel) -> Engine | None:
    """The engine that executes the model's file; None if its weights are computed by numpy."""
    if model.format not in EXECUTED or not model.path.is_dir():  # an archive's files are gone
        return None
    return find_target(model.format).engine(model.path, model.weights)
