"""The packed losses equal transformers' on the same texts in padded rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AlbertConfig as TheirConfig
from transformers import AlbertForPreTraining

from albertkit.pretraining.batches import BatchShape, PretrainingBatch, batches
from albertkit.pretraining.losses import PackedPretraining
from albertkit.pretraining.sentence_order import IGNORED
from albertkit.pretraining.shards import Shard
from albertkit.spec import AlbertConfig

SIZES = {
    "vocab_size": 300,
    "embedding_size": 16,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
}


def their_losses(batch: PretrainingBatch, model: AlbertForPreTraining) -> tuple[float, float]:
    """Each text in a padded row of its own, through transformers."""
    count = int(batch.segment_ids.max()) + 1
    ids, mask, types = (torch.zeros(count, 40, dtype=torch.long) for _ in range(3))
    labels = torch.full((count, 40), IGNORED)
    flat = np.full(batch.ids.size, IGNORED)
    counted = batch.labels != IGNORED
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
    made = PackedPretraining(AlbertConfig(**SIZES))  # type: ignore[arg-type]
    for p in made.parameters():
        p.data.normal_(0.1, 0.2)
    return made


def test_packed_losses_equal_transformers_on_padded_rows(
    shard: Shard, model: PackedPretraining
) -> None:
    theirs = AlbertForPreTraining(TheirConfig(**SIZES)).eval()
    renamed = {
        name if name.startswith(("predictions", "sop")) else f"albert.{name}": p.detach()
        for name, p in model.named().items()
    }
    report = theirs.load_state_dict(renamed, strict=False)
    assert not report.unexpected_keys
    assert all("decoder" in key for key in report.missing_keys)
    theirs.tie_weights()
    batch = next(batches(shard, BatchShape(4, 40), np.ones(300, bool), seed=4))
    with torch.no_grad():
        figures = model(batch).figures
        words, order = their_losses(batch, theirs)
    assert figures["masked_loss"].item() == pytest.approx(words, abs=1e-5)
    assert figures["order_loss"].item() == pytest.approx(order, abs=1e-5)


def test_every_parameter_learns(shard: Shard, model: PackedPretraining) -> None:
    batch = next(batches(shard, BatchShape(4, 40), np.ones(300, bool), seed=5))
    model(batch).loss.backward()
    silent = [n for n, p in model.named().items() if p.grad is None or not p.grad.abs().max() > 0]
    assert silent == []
    model.zero_grad()
