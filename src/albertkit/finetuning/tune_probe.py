"""Tuning that begins at the probe's solution: its encoder and its head are trained on.

A new head needs many steps, in which it disturbs the encoder. The probe has its head already, and
reads the vectors that the encoder was made for. Source: Kumar et al. 2022, arXiv 2202.10054.
Input: a probe. Output: the same kind of directory as a probe's.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from albertkit.arrays import Float64Array
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.probe import PROBLEM_TYPES
from albertkit.finetuning.race import ProbeModel, write_probe
from albertkit.finetuning.tuning_batches import TuningBatch, TuningRows, make_rows
from albertkit.finetuning.tuning_model import (
    PackedTuning,
    Start,
    TunedEncoder,
    make_inputs,
    make_model,
)
from albertkit.finetuning.tuning_recipe import TuningConfig
from albertkit.finetuning.word_probe import WordProbe
from albertkit.model import AlbertModel
from albertkit.spec import Weights
from albertkit.tokenization import AlbertTokenizer


def begin_at_probe(probe: ProbeModel) -> Start:
    """Make what `tune` begins with."""
    task = next(
        task for task, kind in PROBLEM_TYPES.items() if kind == probe.probe.head.problem_type
    )

    def make(config: TuningConfig, shift: tuple[float, float]) -> PackedProbe:
        return PackedProbe(probe, task, config, shift)

    return make


def begin_at_word_probe(probe: WordProbe) -> Start:
    """Make what `tune` begins with, of tagging: the class of Hugging Face with the probe's head."""

    def make(config: TuningConfig, shift: tuple[float, float]) -> PackedTuning:
        packed = make_model(probe.base, probe.labels, config, config.seed)
        head = packed.model.classifier
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(probe.model.weight))
            head.bias.copy_(torch.from_numpy(probe.model.bias))
        return packed

    return make


class PackedProbe(PackedTuning):
    """An encoder with a linear head on the means of its token vectors.

    Args:
        probe: Where the training begins.
        task: What is learned.
        config: Has the dropout rates.
        shift: Mean and standard deviation of a regression's numbers.
    """

    def __init__(
        self, probe: ProbeModel, task: str, config: TuningConfig, shift: tuple[float, float]
    ) -> None:
        base = probe.embedder.model
        model_config = replace(
            base.config,
            hidden_dropout_prob=config.dropout,
            attention_probs_dropout_prob=config.dropout,
        )
        if config.repetitions:
            model_config = replace(model_config, num_hidden_layers=config.repetitions)
        model = AlbertModel(model_config, add_pooling_layer=False)
        super().__init__(model, task, config.distillation)
        head, (mean, std) = probe.probe.head, shift
        self.head = nn.Linear(head.weight.shape[1], len(head.bias))
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.probe, self.reads_pairs = probe, head.reads_pairs
        self.is_normalized = bool(probe.embedder.pooling.steps)
        with torch.no_grad():
            for name, parameter in model.canonical_parameters().items():
                parameter.copy_(torch.from_numpy(np.array(base.weights.arrays[name], np.float32)))
            self.head.weight.copy_(torch.from_numpy(head.weight / std))
            self.head.bias.copy_(torch.from_numpy((head.bias - mean) / std))

    def make_rows(
        self,
        labels: LabelSet,
        examples: Examples,
        tokenizer: AlbertTokenizer,
        max_length: int,
        weights: Float64Array | None = None,
    ) -> TuningRows:
        """As `make_rows`, but the texts of a pair are two sequences."""
        if examples.second is None:
            return make_rows(labels, examples, tokenizer, max_length, weights)
        texts = [
            text for pair in zip(examples.first, examples.second, strict=True) for text in pair
        ]
        rows = make_rows(labels, replace(examples, second=None), tokenizer, max_length, weights)
        encodings = tokenizer.encode_batch(texts, max_length=max_length)
        groups = np.arange(0, len(texts) + 1, 2, dtype=np.int64)
        return replace(rows, encodings=encodings, groups=groups)

    def logits(self, batch: TuningBatch) -> Tensor:
        """[N, C]."""
        device = self.model.device
        inputs, bounds = make_inputs(batch, device)
        tokens = self.model.token_vectors(*inputs, bounds)[0, : len(batch.ids)].float()  # [T, H]
        lengths = torch.tensor(batch.lengths, device=device)
        text_numbers = torch.arange(len(lengths), device=device).repeat_interleave(lengths)
        sums = tokens.new_zeros(len(lengths), tokens.shape[1]).index_add(0, text_numbers, tokens)
        vectors = sums / lengths[:, None]  # [M, H]
        if self.is_normalized:
            vectors = F.normalize(vectors, dim=-1)
        if self.reads_pairs:
            first, second = vectors[0::2], vectors[1::2]
            vectors = torch.cat([first, second, (first - second).abs(), first * second], -1)
        logits: Tensor = self.head(self.dropout(vectors))
        return logits

    def canonical_parameters(self) -> dict[str, nn.Parameter]:
        """Those of the encoder, and the head's two."""
        encoder: dict[str, nn.Parameter] = self.model.canonical_parameters()
        return {**encoder, **dict(self.head.named_parameters("head"))}

    def write(self, tuned: TunedEncoder, directory: Path, temperature: float) -> None:
        """Write encoder and head, as a probe does."""
        arrays = {
            name: parameter.detach().float().cpu().numpy().copy()
            for name, parameter in self.canonical_parameters().items()
        }
        mean, std = tuned.shift
        head = replace(
            self.probe.probe.head,
            weight=arrays.pop("head.weight") * np.float32(std),
            bias=arrays.pop("head.bias") * np.float32(std) + np.float32(mean),
        )
        embedder = self.probe.embedder
        weights = Weights(self.model.config, (), arrays, "a tuned model")
        write_probe(weights, head.with_temperature(temperature), embedder, directory)
