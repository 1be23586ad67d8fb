"""Pretrain an ALBERT from a recipe: masked LM and sentence order on packed rows.

Input: a recipe (TOML) and an output directory. Output: checkpoints and the metrics log in it, and
the parameters under their canonical names. See recipes/small-en.toml for an example.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError, InputError
from albertkit.errors.exceptions import count_noun
from albertkit.pretraining.batches import BatchShape, PretrainingBatch, PretrainingData
from albertkit.pretraining.distillation_dataset import read_piece_vectors
from albertkit.pretraining.initialization import (
    initialize_from,
    set_parameter,
    to_arrays,
)
from albertkit.pretraining.losses import ALL_LAYERS, PackedPretraining
from albertkit.pretraining.masking import MaskingVocabulary
from albertkit.pretraining.neighbours import initialize_neighbour_heads
from albertkit.pretraining.pretraining_config import PretrainingConfig
from albertkit.pretraining.recipe import Recipe
from albertkit.pretraining.shards import CorpusShard
from albertkit.pretraining.token_teacher import TokenTeacher
from albertkit.spec import Weights, parameter_table
from albertkit.training.devices import TrainingDevice, choose_training_device
from albertkit.training.loop import Metrics, Trainer
from albertkit.training.run_directory import lock_run

TRAINED_HEADS = ("masked_lm", "sentence_order")
VALID_BATCHES = 64
STEPS_PER_BLOCK = 32
COUNTED_PIECES = 1 << 24  # that are in memory while pieces are counted


def pretrain(
    recipe: Recipe[PretrainingConfig],
    directory: str | Path,
    report: Callable[[Metrics], None] = lambda metrics: None,
    report_start: Callable[[float], None] = lambda loss: None,
    *,
    best: bool = False,
) -> Weights:
    """Train to the end of the recipe, from the last checkpoint in the directory if there is one.

    Args:
        recipe: of the model, its data and its training.
        directory: for checkpoints and the metrics log.
        report: is called with each line of the metrics log.
        report_start: is called before the first step with the masked loss, in nats, of a model
            that knows only how frequent pieces are. A run that stays there is stuck.
        best: return the checkpoint with the lowest loss on the held-out text, not the last one.

    Returns:
        The trained weights with both heads.

    Raises:
        InputError: [directory-not-empty] if the directory is a file; [shard-vocabulary-differs],
            [corpus-too-small], [run-settings-changed];
            [option-invalid] for the best checkpoint of a run without held-out text; and what
            opening the recipe's files raises.
        ResourceError: [output-busy] if another run has the directory; [device-unavailable],
            [training-diverged], [training-out-of-memory].
    """
    if best and not recipe.data.valid_shard:
        raise InputError(
            "option-invalid",
            "the best checkpoint is asked for, and the recipe has no valid_shard",
            why="checkpoints are compared by their loss on held-out text",
            fix="Take the last checkpoint, or begin a run with a valid_shard",
        )
    directory = Path(directory)
    with lock_run(directory):
        return _train(recipe, directory, report, report_start, best=best)


def _train(
    recipe: Recipe[PretrainingConfig],
    directory: Path,
    report: Callable[[Metrics], None],
    report_start: Callable[[float], None],
    *,
    best: bool,
) -> Weights:
    """As `pretrain`, in a directory that no other run has."""
    tokenizer = recipe.tokenizer()
    vocabulary = MaskingVocabulary.from_tokenizer(tokenizer)
    shard = CorpusShard.open(recipe.path(recipe.data.shard))
    shard.metadata.check_tokenizer(tokenizer, recipe.path(recipe.data.shard))
    config = recipe.model.config(tokenizer)
    _check_sizes(recipe)
    training_device = choose_training_device(recipe.training.device, recipe.training.precision)
    teacher = None
    if recipe.data.teacher:
        teacher = TokenTeacher(recipe.location(recipe.data.teacher), tokenizer)
    frequencies = log_frequencies(shard, config.vocab_size)
    model = _make_model(recipe, frequencies, vocabulary, teacher.size if teacher else 0)
    model = model.to(training_device.device)
    if recipe.training.compile:
        model.albert.encoder.compile_layers()
    steps_batches = recipe.training.gradient_accumulation_steps * training_device.world_size
    data = PretrainingData(
        shard,
        vocabulary,
        recipe.data.shape_at,
        recipe.training.seed,
        STEPS_PER_BLOCK * steps_batches * recipe.data.most_slots(),
        recipe.data.static_masks,
        teacher,
        recipe.data.teacher_weight,
    )
    table = parameter_table(config, TRAINED_HEADS)
    trainer: Trainer[PretrainingBatch] = Trainer(
        model.canonical_parameters(),
        table.decaying,
        model,
        data,
        recipe.training,
        directory,
        training_device,
        table.inner_matrices,
        {**recipe.settings(), "the shard": shard.contents},
        _make_evaluation(recipe, model, vocabulary, training_device),
        report,
    )
    report_start(float(-(np.exp(frequencies) * frequencies).sum()))
    progress = trainer.train()
    if best:
        trainer.load_best(progress)
    training_device.leave()
    names = {row.name for row in table}  # not the teacher's projection
    parameters = {n: p for n, p in model.canonical_parameters().items() if n in names}
    return Weights(config, TRAINED_HEADS, to_arrays(parameters), str(directory))


def evaluate(
    model: PackedPretraining,
    data: PretrainingData,
    training_device: TrainingDevice,
    most_batches: int = VALID_BATCHES,
) -> dict[str, float]:
    """Loss and accuracies on held-out text, with the same masks each time.

    Args:
        model: is evaluated at its full depth.
        data: of held-out text.
        training_device: of the model.
        most_batches: that are read.
    """
    model.eval()
    depth, model.depth = model.depth, ALL_LAYERS
    batches = (batch for n in range(data.blocks) for batch in data.block(0, n, 0.0))
    with torch.no_grad(), training_device.autocast():
        results = [model(batch).metrics for batch in islice(batches, most_batches)]
    model.train()
    model.depth = depth
    if not results:
        return {"valid_loss": math.inf}  # the held-out text fills no batch
    values: dict[str, list[float]] = {}  # not each batch has each metric
    for result in results:
        for name, value in result.items():
            values.setdefault(f"valid_{name}", []).append(float(value))
    means = {name: round(sum(own) / len(own), 4) for name, own in values.items()}
    return {"valid_loss": means["valid_masked_loss"] + means.get("valid_order_loss", 0.0), **means}


def log_frequencies(shard: CorpusShard, vocab_size: int) -> FloatArray:
    """The log of each piece's frequency in the corpus, one occurrence added to each: [V].

    A masked-LM head that starts with this bias need not learn first how frequent pieces are.
    """
    counts = np.ones(vocab_size, np.int64)
    for first in range(0, len(shard.ids), COUNTED_PIECES):  # bincount copies ids as int64
        ids = shard.ids[first : first + COUNTED_PIECES]
        counts += np.bincount(ids, minlength=vocab_size)
    return np.asarray(np.log(counts / counts.sum()), np.float32)


def _make_model(
    recipe: Recipe[PretrainingConfig],
    frequencies: FloatArray,
    vocabulary: MaskingVocabulary,
    teacher_size: int,
) -> PackedPretraining:
    """The model with its initial weights."""
    data, seed = recipe.data, recipe.training.seed
    config = recipe.model.config(recipe.tokenizer())
    torch.manual_seed(seed)
    weights = (data.order_loss_weight, teacher_size, data.teacher_weight)
    model = PackedPretraining(config, data.depth, *weights)
    set_parameter(model.predictions.bias, frequencies)
    if data.piece_vectors:
        vectors = read_piece_vectors(recipe.path(data.piece_vectors), config.vocab_size)
        special_ids = vocabulary.special_ids.all()
        initialize_neighbour_heads(model.canonical_parameters(), config, vectors, special_ids, seed)
    if data.initialize_from:
        initialize_from(
            model.canonical_parameters(), config, recipe.read_weights(data.initialize_from)
        )
    return model


def _make_evaluation(
    recipe: Recipe[PretrainingConfig],
    model: PackedPretraining,
    vocabulary: MaskingVocabulary,
    training_device: TrainingDevice,
) -> Callable[[], Mapping[str, float]] | None:
    if not recipe.data.valid_shard:
        return None
    shard = CorpusShard.open(recipe.path(recipe.data.valid_shard))
    shard.metadata.check_tokenizer(recipe.tokenizer(), recipe.path(recipe.data.valid_shard))
    width = recipe.data.max_seq_length(1.0)
    data = _make_valid_data(shard, vocabulary, width, recipe.data.valid_shard)
    return lambda: evaluate(model, data, training_device)


def _make_valid_data(
    shard: CorpusShard, vocabulary: MaskingVocabulary, width: int, name: str
) -> PretrainingData:
    """Held-out data in batches of 16 rows, or of fewer if it fills no 16."""
    for rows in (16, 8, 4, 2, 1):
        data = PretrainingData(shard, vocabulary, partial(_keep_shape, BatchShape(rows, width)))
        if len(data.block(0, 0, 0.0)):
            return data
    raise InputError(
        "corpus-too-small",
        f"the held-out text {name!r} has {count_noun(len(shard.ids), 'piece')}",
        why=f"they fill no sequence of {width}, so no checkpoint could be compared",
        fix="Hold out more text (`albertkit shards --valid-every`), or leave valid_shard out",
    )


def _keep_shape(shape: BatchShape, fraction: float) -> BatchShape:
    """The same shape at each fraction of a run."""
    return shape


def _check_sizes(recipe: Recipe[PretrainingConfig]) -> None:
    """Refuse lengths that have no positions, and depths that would leave a group untrained."""
    longest = max(recipe.data.max_seq_length.values())
    positions = recipe.model.max_position_embeddings
    if longest > positions:
        raise FormatError(
            "recipe-value-invalid",
            f"[data] max_seq_length is {longest}",
            why=f"the model has {positions} positions",
            fix="Lower it, or raise max_position_embeddings in [model]",
        )
    depths = recipe.data.depth.values()
    layers, groups = recipe.model.num_hidden_layers, recipe.model.num_hidden_groups
    if any(depth > layers or depth % groups for depth in depths):
        raise FormatError(
            "recipe-value-invalid",
            f"[data] depth is {list(depths)}",
            why=f"the model has {layers} layers in {groups} groups, each of which must be trained",
            fix="Give multiples of num_hidden_groups, at most num_hidden_layers",
        )
