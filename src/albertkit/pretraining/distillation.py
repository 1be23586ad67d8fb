"""Teach an ALBERT another model's sentence vectors.

In: a recipe (TOML) that names texts and the teacher's vector of each. Out: an encoder whose mean
of token vectors points where the teacher's vector points, in fewer dimensions. A masked language
model alone makes poor sentence vectors: nothing in its training compares sentences.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from albertkit.arrays import FloatArray, Int64Array
from albertkit.model.albert import AlbertEncoder, initialize_weights
from albertkit.model.packed_attention import make_packed_mask
from albertkit.pretraining.distillation_dataset import DistillationDataset, DistillationExample
from albertkit.pretraining.initialization import aligned_start, directions
from albertkit.pretraining.pretrain import arrays_of
from albertkit.pretraining.recipe import Recipe
from albertkit.pretraining.sequence_packing import Placed, filled_rows
from albertkit.spec import AlbertConfig, Weights, parameter_table
from albertkit.training.loop import Run, StepResult


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationConfig:
    """What is read: paths are counted from the recipe's directory."""

    tokenizer: str  # a directory or a SentencePiece model
    lessons: str  # made by `write_lessons`
    piece_vectors: str  # .npy [V, D]: the teacher's vector of each piece alone
    rows: int = 16  # R of a batch
    width: int = 128  # W of a row; longer texts are cut


@dataclass(frozen=True, slots=True)
class LessonBatch:
    """Packed texts and where their vectors should point."""

    ids: Int64Array  # [R, W]
    positions: Int64Array  # [R, W]
    segment_ids: Int64Array  # [R, W], -1 for empty slots
    targets: FloatArray  # [N, H], unit length
    real: int  # tokens that are not filling


class Student(nn.Module):
    """An encoder whose mean token vector is compared with the teacher's."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.albert = AlbertEncoder(config, pooler=False, implementation="eager")
        initialize_weights(self, config.initializer_range)

    def vectors(self, ids: Tensor, positions: Tensor, segment_ids: Tensor) -> Tensor:
        """The mean token vector of each text, [N, H], from packed rows [R, W]."""
        types = torch.zeros_like(ids)
        tokens = self.albert.token_vectors(ids, types, positions, make_packed_mask(segment_ids))
        real = segment_ids.flatten() >= 0
        owner = segment_ids.flatten()[real]
        sums = tokens.new_zeros(int(owner.max()) + 1, tokens.shape[-1])
        sums = sums.index_add(0, owner, tokens.flatten(0, 1)[real])
        return sums / torch.bincount(owner)[:, None]

    def forward(self, batch: LessonBatch) -> StepResult:
        """1 - cosine to the targets, in the mean over texts."""
        ids, positions, segment_ids = map(
            torch.from_numpy, (batch.ids, batch.positions, batch.segment_ids)
        )
        found = F.normalize(self.vectors(ids, positions, segment_ids), dim=-1)
        cosine = (found * torch.from_numpy(batch.targets)).sum(-1).mean()
        return StepResult(1 - cosine, batch.real, {"cosine": cosine})

    def named(self) -> dict[str, nn.Parameter]:
        """The parameters under their canonical names."""
        return {n.removeprefix("albert."): p for n, p in self.named_parameters()}


def distil(recipe: Recipe[DistillationConfig], place: Path) -> Weights:
    """Train to the recipe's last step, going on from what `place` holds of an earlier run."""
    tokenizer = recipe.tokenizer()
    lessons = DistillationDataset.open(recipe.home / recipe.data.lessons)
    config = recipe.model.config(tokenizer.vocab_size)
    turn = directions(lessons.targets, config.hidden_size)  # [D, H]
    torch.manual_seed(recipe.schedule.seed)
    student = Student(config)
    pieces = np.load(recipe.home / recipe.data.piece_vectors)
    table, projection = aligned_start(pieces @ turn, config.embedding_size)
    parameters = student.named()
    parameters["embeddings.word_embeddings.weight"].data.copy_(torch.from_numpy(table))
    parameters["encoder.embedding_hidden_mapping_in.weight"].data.copy_(
        torch.from_numpy(projection)
    )
    names = parameter_table(config, pooler=False)
    run: Run[LessonBatch] = Run(
        parameters,
        names.decaying,
        student,
        partial(epoch_batches, recipe, lessons, turn),
        recipe.schedule,
        place,
        names.inner_matrices,
    )
    run.train()
    return Weights(config, (), arrays_of(parameters), str(place))


def epoch_batches(
    recipe: Recipe[DistillationConfig],
    lessons: DistillationDataset,
    turn: npt.NDArray[np.floating],
    epoch: int,
) -> Iterator[LessonBatch]:
    """All lessons once, in an order of this epoch."""
    rng = np.random.default_rng((recipe.schedule.seed, epoch))
    rows, width = recipe.data.rows, recipe.data.width
    stream = (lessons.take(int(n), width) for n in rng.permutation(len(lessons)))
    for placed in filled_rows(stream, rows, width, rows * width):
        yield _batch(placed, rows, width, turn)


def _batch(
    placed: list[Placed[DistillationExample]], rows: int, width: int, turn: npt.NDArray[np.floating]
) -> LessonBatch:
    ids, positions = (np.zeros((rows, width), np.int64) for _ in range(2))
    segment_ids = np.full((rows, width), -1, np.int64)
    for number, (lesson, row, at) in enumerate((p.item, p.row, p.at) for p in placed):
        here = slice(at, at + len(lesson))
        ids[row, here], positions[row, here] = lesson.ids, np.arange(len(lesson))
        segment_ids[row, here] = number
    targets = np.stack([p.item.target for p in placed]).astype(np.float32) @ turn
    targets /= np.linalg.norm(targets, axis=1, keepdims=True)
    return LessonBatch(
        ids, positions, segment_ids, targets.astype(np.float32), int((segment_ids >= 0).sum())
    )
