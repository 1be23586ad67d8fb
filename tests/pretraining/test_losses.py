"""The packed losses equal transformers' on the same texts in padded rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AlbertConfig as TheirConfig
from transformers import AlbertForPreTraining

from albertkit.pretraining.batches import BatchShape, PretrainingBatch, PretrainingData
from albertkit.pretraining.losses import PackedPretraining, compute_accuracy
from albertkit.pretraining.masking import MaskingVocabulary
from albertkit.pretraining.shards import CorpusShard
from albertkit.spec import AlbertConfig
from albertkit.spec.heads import IGNORED_LABEL
from albertkit.training.schedules import Ramp, Stages

SIZES: dict[str, Any] = {
    "vocab_size": 300,
    "embedding_size": 16,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
}
CONFIG = AlbertConfig(**SIZES)


def first_batch(shard: CorpusShard, vocabulary: MaskingVocabulary) -> PretrainingBatch:
    data = PretrainingData(shard, vocabulary, lambda fraction: BatchShape(4, 40))
    return data.block(0, 0, 0.0)[0]


def their_losses(batch: PretrainingBatch, model: AlbertForPreTraining) -> tuple[float, float]:
    """Each text in a padded row of its own, through transformers."""
    count = int(batch.segment_ids.max()) + 1
    ids, mask, types = (torch.zeros(count, 40, dtype=torch.long) for _ in range(3))
    labels = torch.full((count, 40), IGNORED_LABEL)
    flat = np.full(batch.ids.size, IGNORED_LABEL)
    counted = batch.labels != IGNORED_LABEL
    flat[batch.masked[counted]] = batch.labels[counted]
    for n in range(count):
        slots = np.flatnonzero(batch.segment_ids.ravel() == n)
        ids[n, : len(slots)] = torch.from_numpy(batch.ids.ravel()[slots])
        types[n, : len(slots)] = torch.from_numpy(batch.type_ids.ravel()[slots])
        mask[n, : len(slots)] = 1
        labels[n, : len(slots)] = torch.from_numpy(flat[slots])
    out = model(ids, mask, types)
    words = torch.nn.functional.cross_entropy(out.prediction_logits.flatten(0, 1), labels.flatten())
    order = torch.nn.functional.cross_entropy(
        out.sop_logits, torch.from_numpy(batch.orders[:count])
    )
    return words.item(), order.item()


@pytest.fixture(scope="module")
def model() -> PackedPretraining:
    torch.manual_seed(0)
    made = PackedPretraining(CONFIG)
    for p in made.parameters():
        p.data.normal_(0.1, 0.2)
    return made


def test_packed_losses_equal_transformers_on_padded_rows(
    shard: CorpusShard, vocabulary: MaskingVocabulary, model: PackedPretraining
) -> None:
    theirs = AlbertForPreTraining(TheirConfig(**SIZES)).eval()
    renamed = {
        name if name.startswith(("predictions", "sop")) else f"albert.{name}": p.detach()
        for name, p in model.canonical_parameters().items()
    }
    report = theirs.load_state_dict(renamed, strict=False)
    assert not report.unexpected_keys
    assert all("decoder" in key for key in report.missing_keys)
    theirs.tie_weights()
    batch = first_batch(shard, vocabulary)
    with torch.no_grad():
        metrics = model(batch).metrics
        words, order = their_losses(batch, theirs)
    assert metrics["masked_loss"].item() == pytest.approx(words, abs=1e-5)
    assert metrics["order_loss"].item() == pytest.approx(order, abs=1e-5)


def test_every_parameter_learns(
    shard: CorpusShard, vocabulary: MaskingVocabulary, model: PackedPretraining
) -> None:
    model(first_batch(shard, vocabulary)).loss.backward()
    silent = [
        n
        for n, p in model.canonical_parameters().items()
        if p.grad is None or not p.grad.abs().max() > 0
    ]
    assert silent == []
    model.zero_grad()


@pytest.mark.parametrize("groups", [1, 3])
def test_a_last_layer_at_the_read_slots_has_the_gradients_of_all_slots(
    shard: CorpusShard, vocabulary: MaskingVocabulary, groups: int
) -> None:
    torch.manual_seed(2)
    model = PackedPretraining(AlbertConfig(**{**SIZES, "num_hidden_groups": groups}))
    for p in model.parameters():
        p.data.normal_(0.1, 0.2)
    batch = first_batch(shard, vocabulary)
    result = model(batch)
    result.loss.backward()
    gradients = {n: p.grad for n, p in model.named_parameters()}
    model.zero_grad()
    everywhere = replace(
        batch,  # a teacher's vector at one slot, and its loss weighs nothing
        taught=np.zeros(1, np.int64),
        teacher=np.ones((1, 5), np.float32),
    )
    model.teacher = torch.nn.Linear(32, 5)
    model.teacher_weight = Ramp(((0.0, 0.0),))
    whole = model(everywhere)
    whole.loss.backward()
    assert result.loss.item() == pytest.approx(whole.loss.item(), abs=1e-5)
    for name, gradient in gradients.items():
        expected = dict(model.named_parameters())[name].grad
        torch.testing.assert_close(gradient, expected, atol=1e-5, rtol=1e-4, msg=name)


def test_the_order_loss_is_weighted_over_time(
    shard: CorpusShard, vocabulary: MaskingVocabulary
) -> None:
    model = PackedPretraining(CONFIG, order_weight=Ramp(((0.0, 0.0), (1.0, 0.5))))
    batch = first_batch(shard, vocabulary)
    for fraction, weight in ((0.0, 0.0), (0.5, 0.25), (1.0, 0.5)):
        result = model(batch, fraction)
        expected = result.metrics["masked_loss"] + weight * result.metrics["order_loss"]
        assert result.loss.item() == pytest.approx(expected.item(), abs=1e-6)


def test_a_shallow_stage_computes_fewer_layers(
    shard: CorpusShard, vocabulary: MaskingVocabulary
) -> None:
    torch.manual_seed(1)
    model = PackedPretraining(CONFIG, Stages(((0.0, 1), (0.5, 3))))
    shallow = PackedPretraining(AlbertConfig(**{**SIZES, "num_hidden_layers": 1}))
    shallow.load_state_dict(model.state_dict())
    batch = first_batch(shard, vocabulary)
    with torch.no_grad():
        assert model(batch, 0.4).loss.item() == shallow(batch, 0.4).loss.item()
        assert model(batch, 0.5).loss.item() != shallow(batch, 0.5).loss.item()


def test_accuracy_is_the_fraction_of_greatest_logits() -> None:
    torch.manual_seed(0)
    logits = torch.randn(50, 20)
    labels = torch.where(torch.rand(50) < 0.5, logits.argmax(-1), torch.randint(0, 20, (50,)))
    labels[:10] = IGNORED_LABEL
    expected = (logits.argmax(-1) == labels)[10:].float().mean().item()
    assert compute_accuracy(logits, labels).item() == pytest.approx(expected)
    tied = torch.tensor([[1.0, 1.0, 0.0], [2.0, 2.0, 2.0]])
    assert compute_accuracy(tied, torch.tensor([1, 0])).item() == pytest.approx((1 / 2 + 1 / 3) / 2)
