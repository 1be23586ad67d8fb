"""Few-shot tuning by pairs: texts of one label come closer, others go away; then a probe.

Input: few rows of each label, and an embedder. Output: an encoder whose vectors a linear head
separates better. The idea, the loss (squared error of the cosine) and half of the pairs with equal
labels are SetFit's (Tunstall et al. 2022). Pairs are drawn for each batch, so that memory grows
with the rows, and not with their pairs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from albertkit.arrays import FloatArray, Int64Array
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.tuning_batches import hash_arrays
from albertkit.finetuning.tuning_recipe import BASE_RATE, BASE_SIZE, SMALL_RATE, TIMED_STEPS
from albertkit.model import AlbertModel
from albertkit.model.packed_attention import TextBounds
from albertkit.runtime.loaded_model import add_fingerprint
from albertkit.spec.pooling_config import Normalize
from albertkit.tasks import TextEmbedder
from albertkit.tokenization import Encodings
from albertkit.tokenization.encodings import concat_ranges, select
from albertkit.training.devices import TrainingDevice, choose_training_device
from albertkit.training.loop import StepResult, Trainer, explain_lack_of_memory
from albertkit.training.recipe import TrainingConfig

BATCH_PAIRS = 16  # of a batch. Source: SetFit
PAIRS_OF_ROW = 40  # 20 of equal and 20 of different labels. Source: SetFit, num_iterations
MOST_STEPS = 300


@dataclass(frozen=True, slots=True, eq=False)
class PairBatch:
    """Pairs of texts.

    Attributes:
        encodings: 2 · P texts, sorted by length.
        places: [2, P], of each pair's texts among them.
        targets: [P], 1 for equal labels, 0 for different ones.
    """

    encodings: Encodings
    places: Int64Array
    targets: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PairData:
    """Batches of pairs; a batch is a function of seed, epoch and number.

    Attributes:
        encodings: Of N texts.
        members: The rows of each label.
        steps: Batches of an epoch.
        seed: Of the draws.
    """

    encodings: Encodings
    members: Sequence[Int64Array]
    steps: int
    seed: int

    @property
    def blocks(self) -> int:
        """Blocks of an epoch."""
        return 1

    def block(self, epoch: int, number: int, fraction: float) -> Sequence[PairBatch]:
        """The batches of an epoch."""
        return _Pairs(self, epoch)

    def draw(self, rng: np.random.Generator) -> tuple[Int64Array, FloatArray]:
        """Draw the rows [2, P] of pairs, and whether their labels are equal [P]."""
        several = [rows for rows in self.members if len(rows) > 1]
        rows = np.empty((2, BATCH_PAIRS), np.int64)
        targets = np.arange(BATCH_PAIRS) % 2 if several else np.zeros(BATCH_PAIRS)
        for number, is_equal in enumerate(targets):
            if is_equal:
                own = several[rng.integers(len(several))]
                rows[:, number] = rng.choice(own, 2, replace=False)
            else:
                labels = rng.choice(len(self.members), 2, replace=False)
                rows[:, number] = [rng.choice(self.members[label]) for label in labels]
        return rows, targets.astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs(Sequence[PairBatch]):
    """Batches that are drawn when they are asked for."""

    data: PairData
    epoch: int

    def __len__(self) -> int:
        return self.data.steps

    def __getitem__(self, index: Any) -> Any:
        """Batch `index`; slices are not needed."""
        rows, targets = self.data.draw(np.random.default_rng((self.data.seed, self.epoch, index)))
        flat = rows.ravel()
        order = np.argsort(self.data.encodings.lengths[flat], kind="stable")
        places = np.argsort(order).reshape(2, BATCH_PAIRS)
        return PairBatch(select(self.data.encodings, flat[order]), places, targets)


class PairTuning(nn.Module):
    """The loss of pairs.

    Args:
        model: The encoder.
        reads_first: Whether a text's vector is that of its first token, not the mean.
    """

    def __init__(self, model: AlbertModel, *, reads_first: bool) -> None:
        super().__init__()
        self.model: Any = model
        self.reads_first = reads_first

    def vectors(self, encodings: Encodings) -> Tensor:
        """The vector of each text, [N, H]."""
        device = self.model.device
        lengths = encodings.lengths.tolist()
        positions = concat_ranges(np.zeros(len(lengths), np.int64), encodings.lengths)
        ids, type_ids, position_ids = (
            torch.from_numpy(array.astype(np.int64))[None].to(device)
            for array in (encodings.ids, encodings.type_ids, positions)
        )
        bounds = TextBounds.of(lengths, device)
        vectors = self.model.token_vectors(ids, type_ids, position_ids, bounds)[0]  # [T, H]
        if self.reads_first:
            return vectors[torch.from_numpy(encodings.offsets[:-1].astype(np.int64)).to(device)]  # type: ignore[no-any-return]
        return torch.stack([part.mean(0) for part in torch.split(vectors, lengths)])

    def forward(self, batch: PairBatch, fraction: float = 0.0) -> StepResult:
        """The mean squared error of the cosines.

        Args:
            batch: Of pairs.
            fraction: Of the run that is done.
        """
        vectors = self.vectors(batch.encodings).float()
        first, second = (vectors[torch.from_numpy(own).to(vectors.device)] for own in batch.places)
        targets = torch.from_numpy(batch.targets).to(vectors.device)
        cosines = F.cosine_similarity(first, second)
        loss = F.mse_loss(cosines, targets)
        return StepResult(loss, len(batch.encodings.ids), {"cosine": cosines.mean()})


def tune_pairs(
    embedder: TextEmbedder,
    labels: LabelSet,
    train: Examples,
    *,
    directory: Path,
    seed: int = 0,
    steps: int = 0,
    seconds: float | None = None,
    device: str = "auto",
    report: Callable[[Mapping[str, Any]], None] = lambda metrics: None,
) -> TextEmbedder | str:
    """Train an encoder with pairs of texts.

    Args:
        embedder: Whose encoder is trained; it stays as it is.
        labels: The labels and their order.
        train: N examples of one text and one label each.
        directory: Of checkpoints; a run that was interrupted goes on. They stay until the caller
            has written the model.
        seed: Of the draws and of dropout.
        steps: Batches; 0: 40 pairs for each row, at most 300 batches.
        seconds: That it may take; None: no limit.
        device: As in a recipe.
        report: Is called with each line of the metrics log.

    Returns:
        An embedder with the trained encoder, or the reason why it is not begun.

    Raises:
        ResourceError: [training-diverged], [training-out-of-memory].
    """
    if train.task != "classification" or train.second is not None:
        return "pairs are drawn from single texts with one label each"
    pooling, base = embedder.pooling, embedder.model
    if pooling.pooling not in ("mean", "cls") or set(map(type, pooling.steps)) - {Normalize}:
        return f"vectors by {pooling.pooling_name} and further layers are not trained"
    ids = labels.ids(train)
    members = [np.flatnonzero(ids == label) for label in np.unique(ids)]
    if len(members) < 2:  # the only row of another label is for validation
        return "all training rows have one label, and pairs need two"
    texts = [pooling.as_read(text) for text in train.first]
    encodings = embedder.tokenizer.encode_batch(texts, max_length=base.max_length)
    steps = steps or max(1, min(MOST_STEPS, PAIRS_OF_ROW * len(train) // BATCH_PAIRS))
    data = PairData(encodings, members, steps, seed)
    training_device = choose_training_device(device, "float32")
    packed = _make_model(embedder).to(training_device.device)
    if seconds is not None:
        with explain_lack_of_memory("step 1", directory):
            needed = _estimate_seconds(packed, data, training_device) * steps
        needed, seconds = training_device.largest(needed), -training_device.largest(-seconds)
        if needed > seconds:
            return f"it would take {needed:.0f} s, {max(0.0, seconds):.0f} s are left"
    rate = BASE_RATE if base.config.hidden_size >= BASE_SIZE else SMALL_RATE
    trainer: Trainer[PairBatch] = Trainer(
        packed.model.canonical_parameters(),
        packed.model.table().decaying,
        packed,
        data,
        TrainingConfig(
            learning_rate=rate,
            max_steps=steps,
            warmup_ratio=0.1,
            decay_ratio=0.9,
            beta2=0.999,
            seed=seed,
            logging_steps=max(1, steps // 10),
            save_steps=steps,
            precision="float32",
            device=device,
        ),
        directory,
        training_device,
        settings={
            "seed": seed,
            "steps": steps,
            "rows": len(train),
            "hash of the rows": hash_arrays((encodings.ids, encodings.offsets, ids)),
            "hash of the model": hash_arrays(base.weights.arrays.values()),
            "learning_rate": rate,
        },
        report=report,
    )
    trainer.train()
    training_device.leave()
    return _replace_encoder(embedder, packed)


def _make_model(embedder: TextEmbedder) -> PairTuning:
    weights = embedder.model.weights
    config = replace(weights.config, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    model = AlbertModel(config, weights.has_pooler)
    with torch.no_grad():
        for name, parameter in model.canonical_parameters().items():
            parameter.copy_(torch.from_numpy(np.array(weights.arrays[name], np.float32)))
    return PairTuning(model, reads_first=embedder.pooling.pooling == "cls")


def _estimate_seconds(packed: PairTuning, data: PairData, device: TrainingDevice) -> float:
    """Seconds of a step, measured on the first batches."""
    begin = time.monotonic()
    for batch in (data.block(0, 0, 0.0)[number] for number in range(TIMED_STEPS)):
        with device.autocast():
            loss = packed(batch).loss
        loss.backward()
    packed.zero_grad(set_to_none=True)
    return (time.monotonic() - begin) / TIMED_STEPS


def _replace_encoder(embedder: TextEmbedder, packed: PairTuning) -> TextEmbedder:
    """The same embedder with other parameters of the encoder."""
    base = embedder.model
    arrays = {
        name: parameter.detach().float().cpu().numpy().copy()
        for name, parameter in packed.model.canonical_parameters().items()
    }
    weights = replace(base.weights, arrays={**base.weights.arrays, **arrays})
    checkpoint = replace(base.checkpoint, weights=add_fingerprint(weights, base.tokenizer))
    tuned = copy(embedder)
    tuned.model = base.with_checkpoint(checkpoint, base.tokenizer)
    return tuned
