"""Teach an ALBERT another model's sentence vectors.

Input: a recipe (TOML) that names texts with the teacher's vector of each. Output: an encoder
whose mean of token vectors points where the teacher's vector points, in fewer dimensions. A
masked LM alone makes poor sentence vectors: nothing in its training compares sentences.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from albertkit.errors import FormatError
from albertkit.model.albert import AlbertEncoder, initialize_weights
from albertkit.model.packed_attention import make_packed_mask
from albertkit.pretraining.distillation_batches import DistillationBatch, DistillationData
from albertkit.pretraining.distillation_config import DistillationConfig
from albertkit.pretraining.distillation_dataset import DistillationDataset, read_piece_vectors
from albertkit.pretraining.initialization import (
    align_to_teacher,
    compute_principal_directions,
    initialize_from,
    set_parameter,
    to_arrays,
)
from albertkit.pretraining.recipe import Recipe
from albertkit.spec import AlbertConfig, Weights, parameter_table
from albertkit.spec.parameters import WORD_TABLE
from albertkit.training.devices import choose_training_device
from albertkit.training.loop import Metrics, StepResult, Trainer
from albertkit.training.run_directory import lock_run

ALIGNED_BATCHES = 64  # whose vectors turn the teacher's directions to those of the student


class Student(nn.Module):
    """An encoder whose mean token vector is compared with the teacher's vector.

    Args:
        config: sizes of the encoder.
        losses: their weights.
        teacher_size: D, the dimensions of the teacher's vectors.
    """

    def __init__(self, config: AlbertConfig, losses: DistillationConfig, teacher_size: int) -> None:
        super().__init__()
        self.losses = losses
        self.albert = AlbertEncoder(config, pooler=False, implementation="explicit")
        initialize_weights(self, config.initializer_range)
        self.rotation: Tensor  # [D, H], from the teacher's directions to the student's
        self.register_buffer("rotation", torch.zeros(teacher_size, config.hidden_size))

    def vectors(self, ids: Tensor, positions: Tensor, segment_ids: Tensor) -> Tensor:
        """The mean token vector of each text, [N, H], from packed rows [R, W]."""
        type_ids = torch.zeros_like(ids)
        tokens = self.albert.token_vectors(ids, type_ids, positions, make_packed_mask(segment_ids))
        is_real = segment_ids.flatten() >= 0
        segments = segment_ids.flatten()[is_real]
        counts = torch.bincount(segments)
        sums = torch.zeros(len(counts), tokens.shape[-1], device=tokens.device)
        sums = sums.index_add(0, segments, tokens.flatten(0, 1)[is_real].float())
        return sums / counts[:, None]

    def forward(self, batch: DistillationBatch, fraction: float = 0.0) -> StepResult:
        """The weighted sum of losses, with the mean cosine to the teacher's vectors."""
        ids, positions, segment_ids, teacher, triplets = (
            torch.from_numpy(array).to(self.rotation.device) for array in batch.arrays()
        )
        student = self.vectors(ids, positions, segment_ids)
        with torch.autocast(student.device.type, enabled=False):
            target = teacher @ self.rotation  # [N, H]
            cosine = F.cosine_similarity(student, target, dim=-1).mean()
            loss = self.losses.cosine(fraction) * (1 - cosine)
            metrics = {"cosine": cosine}
            if weight := self.losses.gram(fraction):
                metrics["gram"] = self.gram_loss(student, teacher, fraction)
                loss = loss + weight * metrics["gram"]
            if weight := self.losses.contrastive(fraction):
                metrics["contrastive"] = self.contrastive_loss(student, target, fraction)
                loss = loss + weight * metrics["contrastive"]
            if len(triplets) and (weight := self.losses.hard_negatives(fraction)):
                metrics["hard_negatives"] = self.triplet_loss(student, teacher, triplets, fraction)
                loss = loss + weight * metrics["hard_negatives"]
        return StepResult(loss, batch.tokens, metrics)

    def gram_loss(self, student: Tensor, teacher: Tensor, fraction: float) -> Tensor:
        """The mean squared difference between the student's and the teacher's cosines."""
        cosines = teacher @ teacher.T  # [N, N]
        return self.mean_over_widths(
            lambda width: F.mse_loss(
                _compute_cosines(student[:, :width], student[:, :width]), cosines
            ),
            fraction,
        )

    def contrastive_loss(self, student: Tensor, target: Tensor, fraction: float) -> Tensor:
        """The cross entropy that finds a text's own teacher's vector among those of the batch."""
        labels = torch.arange(len(student), device=student.device)
        return self.mean_over_widths(
            lambda width: F.cross_entropy(
                _compute_cosines(student[:, :width], target[:, :width]) / self.losses.temperature,
                labels,
            ),
            fraction,
        )

    def triplet_loss(
        self, student: Tensor, teacher: Tensor, triplets: Tensor, fraction: float
    ) -> Tensor:
        """The cross entropy that finds an anchor's positive among all positives and negatives.

        A text that the teacher places at least as near to the anchor as the positive may mean the
        same, so it does not count against the positive. An anchor's own negative always does:
        teachers place contradictions near.
        """
        anchors, positives, negatives = triplets.unbind(1)
        labels = torch.arange(len(triplets), device=student.device)  # [M]
        with_negative = labels[negatives >= 0]
        candidates = torch.cat((positives, negatives[with_negative]))  # [C]
        is_own = torch.cat((labels, with_negative)) == labels[:, None]  # [M, C]
        cosines = teacher[anchors] @ teacher[candidates].T
        counts = is_own | (cosines < cosines[labels, labels][:, None])

        def loss(width: int) -> Tensor:
            scores = _compute_cosines(student[anchors, :width], student[candidates, :width])
            scores = scores / self.losses.temperature
            return F.cross_entropy(scores.masked_fill(~counts, -torch.inf), labels)

        return self.mean_over_widths(loss, fraction)

    def mean_over_widths(self, loss: Callable[[int], Tensor], fraction: float) -> Tensor:
        """The mean of a loss over all dimensions, their first half, quarter, and so on."""
        width, halvings = self.rotation.shape[1], self.losses.halvings(fraction)
        return torch.stack([loss(width >> n) for n in range(halvings + 1)]).mean()

    def canonical_parameters(self) -> dict[str, nn.Parameter]:
        """The parameters under their canonical names."""
        return {n.removeprefix("albert."): p for n, p in self.named_parameters()}


def _compute_cosines(a: Tensor, b: Tensor) -> Tensor:
    return F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T


def distil(
    recipe: Recipe[DistillationConfig],
    directory: str | Path,
    report: Callable[[Metrics], None] = lambda metrics: None,
) -> Weights:
    """Train to the end of the recipe, from the last checkpoint in the directory if there is one.

    Args:
        recipe: of the model, its data and its training.
        directory: for checkpoints and the metrics log.
        report: is called with each line of the metrics log.

    Returns:
        The trained encoder's weights, without a pooler.

    Raises:
        InputError: [directory-not-empty] if the directory is a file; [shard-vocabulary-differs],
            [corpus-too-small], [run-settings-changed] and
            what opening the recipe's files raises.
        ResourceError: [output-busy] if another run has the directory; [device-unavailable],
            [training-diverged], [training-out-of-memory].
    """
    _check_sizes(recipe)
    directory = Path(directory)
    with lock_run(directory):
        return _train(recipe, directory, report)


def _train(
    recipe: Recipe[DistillationConfig], directory: Path, report: Callable[[Metrics], None]
) -> Weights:
    """As `distil`, in a directory that no other run has."""
    tokenizer = recipe.tokenizer()
    dataset = DistillationDataset.open(recipe.path(recipe.data.dataset))
    dataset.metadata.check_tokenizer(tokenizer, recipe.path(recipe.data.dataset))
    config = recipe.model.config(tokenizer)
    if any(weight for _, weight in recipe.data.hard_negatives.points) and not len(dataset.triplets):
        raise FormatError(
            "recipe-value-invalid",
            "[data] hard_negatives is set",
            why=f"the dataset {recipe.data.dataset!r} has no triplets",
            fix="Give a table of them to `albertkit prepare-distillation --triplets`",
        )
    data = DistillationData(dataset, recipe.data, recipe.training.seed)
    training_device = choose_training_device(recipe.training.device, recipe.training.precision)
    student = _make_student(recipe, config, data).to(training_device.device)
    if recipe.training.compile:
        student.albert.encoder.compile_layers()
    table = parameter_table(config, pooler=False)
    trainer: Trainer[DistillationBatch] = Trainer(
        student.canonical_parameters(),
        table.decaying,
        student,
        data,
        recipe.training,
        directory,
        training_device,
        table.inner_matrices,
        {**recipe.settings(), "the dataset": dataset.contents},
        report=report,
    )
    trainer.train()
    training_device.leave()
    return Weights(config, (), to_arrays(student.canonical_parameters()), str(directory))


def _check_sizes(recipe: Recipe[DistillationConfig]) -> None:
    """Refuse lengths that have no positions, and vectors that would be halved to nothing."""
    data, model = recipe.data, recipe.model
    if data.max_seq_length > model.max_position_embeddings:
        raise FormatError(
            "recipe-value-invalid",
            f"[data] max_seq_length is {data.max_seq_length}",
            why=f"the model has {model.max_position_embeddings} positions",
            fix="Lower it, or raise max_position_embeddings in [model]",
        )
    halvings = max(data.halvings.values())
    most = max(0, model.hidden_size.bit_length() - 1)
    if halvings > most:
        raise FormatError(
            "recipe-value-invalid",
            f"[data] halvings is {halvings}",
            why=f"vectors of {model.hidden_size} dimensions can be halved {most} times",
            fix="Lower it",
        )


def _make_student(
    recipe: Recipe[DistillationConfig], config: AlbertConfig, data: DistillationData
) -> Student:
    """The student with its initial weights, and the teacher's directions turned to it."""
    torch.manual_seed(recipe.training.seed)
    targets, special_ids = data.dataset.targets, data.dataset.metadata.special_ids
    student = Student(config, recipe.data, targets.shape[1])
    parameters = student.canonical_parameters()
    if recipe.data.initialize_from:
        initialize_from(parameters, config, recipe.read_weights(recipe.data.initialize_from))
        rotation = align_directions(student, data)
    else:
        rotation = compute_principal_directions(targets, config.hidden_size)  # [D, H]
    student.rotation.copy_(torch.from_numpy(rotation.astype(np.float32)))
    if recipe.data.piece_vectors and not recipe.data.initialize_from:
        path = recipe.path(recipe.data.piece_vectors)
        vectors = read_piece_vectors(path, config.vocab_size, targets.shape[1]) @ rotation
        words, projection = align_to_teacher(vectors, config.embedding_size, special_ids.all())
        set_parameter(parameters[WORD_TABLE], words)
        set_parameter(parameters["encoder.embedding_hidden_mapping_in.weight"], projection)
    return student


def align_directions(student: Student, data: DistillationData) -> npt.NDArray[np.floating]:
    """The rotation [D, H] that brings the teacher's vectors nearest to the student's (Procrustes).

    A student that already has sentence vectors need not learn other directions first.
    """
    products = np.zeros(student.rotation.shape)  # [D, H]
    with torch.no_grad():
        for batch in data.block(0, 0, 0.0)[:ALIGNED_BATCHES]:
            arrays = (batch.ids, batch.positions, batch.segment_ids)
            vectors = F.normalize(student.vectors(*map(torch.from_numpy, arrays)), dim=-1)
            products += batch.targets.T @ vectors.numpy()
    left, _, right = np.linalg.svd(products, full_matrices=False)
    return np.asarray(left @ right)
