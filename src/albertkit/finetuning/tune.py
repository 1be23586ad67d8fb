"""Full tuning: encoder and head are trained together, on the one training loop.

Input: examples and an ALBERT. Output: the model with the lowest validation loss. Settings are those
of the paper (table 14), scaled to the number of rows; recipes/finetuning has the paper's own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from albertkit.arrays import Float64Array
from albertkit.errors import InputError, ResourceError
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.race import loses_alone
from albertkit.finetuning.self_distillation import compute_soft_targets
from albertkit.finetuning.tuning_answers import fit_no_answer
from albertkit.finetuning.tuning_batches import (
    TuningBatch,
    TuningData,
    TuningRows,
    hash_arrays,
    make_batch,
    split_by_tokens,
)
from albertkit.finetuning.tuning_model import PackedTuning, Start, TunedEncoder, make_model
from albertkit.finetuning.tuning_recipe import TIMED_STEPS, TuningConfig
from albertkit.runtime import LoadedModel
from albertkit.tasks.answer_spans import WINDOW
from albertkit.training.devices import TrainingDevice, choose_training_device
from albertkit.training.loop import Trainer, explain_lack_of_memory
from albertkit.training.metrics_log import read_metrics
from albertkit.training.recipe import LARGEST_SEED
from albertkit.training.state import Progress, Settings

LOGGER = logging.getLogger(__name__)


def tune(
    base: LoadedModel,
    labels: LabelSet,
    train: Examples,
    valid: Examples,
    *,
    config: TuningConfig,
    directory: Path,
    row_weights: Float64Array | None = None,
    start: Start | None = None,
    seconds: float | None = None,
    report: Callable[[Mapping[str, Any]], None] = lambda metrics: None,
) -> TunedEncoder | str:
    """Train encoder and head; with fewer repetitions first with all of them, as the teacher.

    Args:
        base: The model to start from; its head is kept if it is one for these labels.
        labels: The labels and their order.
        train: Training examples.
        valid: Their loss decides which checkpoint is the best, and when to stop.
        config: How it is trained.
        directory: Of checkpoints and the metrics log; a run that was interrupted goes on.
            They stay until the caller has written the model.
        row_weights: [N], of the training examples; None: all 1.
        start: Makes the model with which each seed begins; None: the base with a new head.
        seconds: That it may take; None: no limit. It ends then even if a busy machine is slower
            than it was in the first steps.
        report: Is called with each line of the metrics log.

    Returns:
        The best model of all seeds, or the reason why it is not begun.

    Raises:
        ResourceError: [training-diverged], [predictions-constant], [training-out-of-memory], if
            no seed could be trained.
        InputError: [run-settings-changed]; [option-invalid] for fewer repetitions than groups, and
            for more batches of a step than it has examples.
    """
    groups = base.config.num_hidden_groups
    if 0 < config.repetitions < groups:
        raise InputError(
            "option-invalid",
            f"repetitions is {config.repetitions}",
            why=f"the model has {groups} groups of layers, and each runs at least once",
            fix=f"Give {groups} or more",
        )
    run = TuningRun(
        base,
        labels,
        train,
        valid,
        row_weights,
        start,
        report,
        choose_training_device(config.device, config.precision),
    )
    _check_batches(config, len(train), run.training_device)
    layers, begin = base.config.num_hidden_layers, time.monotonic()
    teacher: TunedEncoder | None = None
    if config.has_teacher(layers):
        whole = replace(config, repetitions=0)
        share = layers / (layers + config.repetitions)
        result = run.train_seeds(whole, directory / "teacher", seconds and seconds * share)
        if isinstance(result, str):
            return result
        teacher = result
        if seconds is not None:
            seconds -= time.monotonic() - begin
    tuned = run.train_seeds(config, directory, seconds, teacher)
    if isinstance(tuned, str):
        return tuned
    run.training_device.leave()
    if labels.task == "question-answering":
        has_none = any(not answer.texts for answer in train.labels)
        tuned.no_answer_threshold = (
            fit_no_answer(valid, tuned.answer(valid)) or 0.0 if has_none else None
        )
    return tuned


@dataclass(frozen=True, slots=True, eq=False)
class TuningRun:
    """What all seeds of a tuning, and its teacher, have in common; see `tune`."""

    base: LoadedModel
    labels: LabelSet
    train: Examples
    valid: Examples
    row_weights: Float64Array | None
    start: Start | None
    report: Callable[[Mapping[str, Any]], None]
    training_device: TrainingDevice

    def train_seeds(
        self,
        config: TuningConfig,
        directory: Path,
        seconds: float | None,
        teacher: TunedEncoder | None = None,
    ) -> TunedEncoder | str:
        """Train with each seed; those that fail are left out, unless all do.

        Args:
            config: How it is trained.
            directory: Of checkpoints and the metrics log.
            seconds: That it may take; None: no limit.
            teacher: Its weights are the first ones, and its logits are learned.

        Returns:
            The best model, or the reason why it is not begun.
        """
        base, labels, training_device = self.base, self.labels, self.training_device
        usual = WINDOW if labels.task == "question-answering" else base.max_length
        max_length = min(config.max_seq_length or usual, base.max_length)
        shift = _fit_shift(labels, self.train)
        first = self.make_packed(config, shift, config.seed, teacher)
        rows = first.make_rows(labels, self.train, base.tokenizer, max_length, self.row_weights)
        held = first.make_rows(labels, self.valid, base.tokenizer, max_length)
        kept = {
            "rows": len(self.train),
            "hash of the rows": hash_arrays((*rows.arrays(), *held.arrays())),
            "hash of the model": hash_arrays(base.weights.arrays.values()),
        }
        rows, held = _shift_targets(labels, rows, shift), _shift_targets(labels, held, shift)
        if teacher is not None:
            soft_targets = compute_soft_targets(teacher.packed, rows, training_device)
            rows = replace(rows, teacher=soft_targets)
        batches = config.gradient_accumulation_steps * training_device.world_size
        data = TuningData(rows, config.batch_size, batches, config.seed)
        config = config.resolve(base.config.hidden_size, data.steps)
        # a new head depends on the seed, that of a probe or a teacher does not
        is_new = self.start is None and teacher is None
        number = config.seeds_for(len(self.train)) if is_new else config.seeds or 1
        runs = range(number)
        if seconds is not None:
            with explain_lack_of_memory("step 1", directory):
                needed = _estimate_seconds(first, data, training_device) * config.max_steps
            needed, seconds = training_device.largest(needed), -training_device.largest(-seconds)
            count = int(seconds / max(needed, 1e-9))
            if count < 1:
                return f"it would take {needed:.0f} s, {max(0.0, seconds):.0f} s are left"
            seconds /= min(count, number)
            if training_device.is_main:
                self.report({"step": 0, "tokens": 0, "projected_seconds": round(needed, 1)})
            runs = runs[:count]
        best: tuple[float, TunedEncoder] | None = None
        failures: dict[int, ResourceError] = {}  # by seed
        for index in runs:
            seed = (config.seed + index) % (LARGEST_SEED + 1)
            packed = self.make_packed(config, shift, seed, teacher) if index else first
            run = directory / f"seed-{seed}"
            try:
                own = replace(data, seed=seed)
                progress = self.train_seed(
                    packed, own, held, config, run=run, seconds=seconds, kept=kept
                )
            except ResourceError as error:
                if not loses_alone(error):
                    raise
                failures[seed] = copy(error)  # without its traceback, which holds the model
                continue
            settings = {
                **config.settings(),
                "steps": config.max_steps,
                "best_step": progress.best_step,
                "seed": seed,
            }
            log = read_metrics(run) if training_device.is_main else ()
            tuned = TunedEncoder(
                packed, base.tokenizer, labels, max_length, settings, shift, log=log
            )
            if best is None or progress.best_value < best[0]:
                best = progress.best_value, tuned
        if best is None:
            raise next(iter(failures.values()))
        for seed, failure in failures.items():
            LOGGER.warning("%s", replace(failure.diagnostic, where=f"seed {seed}").line())
        return best[1]

    def train_seed(
        self,
        packed: PackedTuning,
        data: TuningData,
        held: TuningRows,
        config: TuningConfig,
        *,
        run: Path,
        seconds: float | None,
        kept: Settings,
    ) -> Progress:
        """Train with one seed.

        Args:
            packed: The first model; gets the parameters of the best checkpoint.
            data: Of the training; has the seed.
            held: The validation rows.
            config: How it is trained.
            run: Directory of checkpoints and the metrics log.
            seconds: That it may take; None: no limit.
            kept: What a resumed run must have too, besides the settings.
        """
        training_device = self.training_device
        trainer: Trainer[TuningBatch] = Trainer(
            packed.canonical_parameters(),
            packed.model.table().decaying,
            packed,
            data,
            config.training(data.steps, data.seed, seconds),
            run,
            training_device,
            settings={**config.settings(), "seed": data.seed, **kept},
            evaluate=lambda: evaluate(packed, held, training_device),
            report=self.report,
            patience=config.patience,
        )
        progress = trainer.train()
        trainer.load_best(progress)
        if training_device.largest(_is_constant(packed, held, training_device)):
            raise _constant_error(progress.best_step or progress.step)
        return progress

    def make_packed(
        self,
        config: TuningConfig,
        shift: tuple[float, float],
        seed: int,
        teacher: TunedEncoder | None,
    ) -> PackedTuning:
        """The model with which a seed begins, on its device."""
        if self.start is None:
            packed = make_model(self.base, self.labels, config, seed)
        else:
            packed = self.start(config, shift)
        if teacher is not None:  # the layers share their weights, however often they run
            packed.load_state_dict(teacher.packed.state_dict())
        return packed.to(self.training_device.device)


def _check_batches(config: TuningConfig, rows: int, device: TrainingDevice) -> None:
    """Refuse a step with more batches than examples."""
    batches, examples = (
        config.gradient_accumulation_steps * device.world_size,
        min(config.batch_size, rows),
    )
    if batches > examples:
        raise InputError(
            "option-invalid",
            f"a step has {batches} batches and {examples} examples",
            why="gradient_accumulation_steps times the ranks is the number of batches, and each"
            " has an example",
            fix="Give fewer gradient_accumulation_steps, or a larger batch_size",
        )


def evaluate(
    packed: PackedTuning, rows: TuningRows, training_device: TrainingDevice
) -> dict[str, float]:
    """The mean loss and the share of right examples (or words), summed batch by batch."""
    packed.eval()
    loss = right = count = 0.0
    with torch.no_grad(), training_device.autocast():
        for numbers in split_by_tokens(rows):
            batch = make_batch(rows, numbers, 1.0)
            logits = packed.logits(batch).float()
            losses, is_right = packed.losses(logits, batch)
            loss += float(losses.sum())
            right += float(is_right.sum())
            count += len(losses)
    packed.train()
    return {
        "valid_loss": round(loss / max(1.0, count), 6),
        "valid_accuracy": round(right / max(1.0, count), 4),
    }


def _is_constant(packed: PackedTuning, rows: TuningRows, training_device: TrainingDevice) -> bool:
    """Whether all rows get one class, though their labels are several."""
    if packed.task != "classification" or len(set(rows.targets.argmax(1).tolist())) < 2:
        return False
    packed.eval()
    predicted: set[int] = set()
    with torch.no_grad(), training_device.autocast():
        for numbers in split_by_tokens(rows):
            predicted |= set(packed.logits(make_batch(rows, numbers, 1.0)).argmax(-1).tolist())
            if len(predicted) > 1:
                return False
    return True


def _estimate_seconds(packed: PackedTuning, data: TuningData, device: TrainingDevice) -> float:
    """Seconds of a step, measured on the first batches."""
    batches = data.block(0, 0, 0.0)
    packed.train()
    begin = time.monotonic()
    count = min(TIMED_STEPS * data.batches, len(batches))
    for number in range(count):
        with device.autocast():
            result = packed(batches[number])
        result.loss.backward()
    packed.zero_grad(set_to_none=True)
    return (time.monotonic() - begin) / count * data.batches / device.world_size


def _fit_shift(labels: LabelSet, train: Examples) -> tuple[float, float]:
    if labels.task != "regression":
        return 0.0, 1.0
    values = np.array(train.labels, np.float64)
    return float(values.mean()), float(values.std()) or 1.0


def _shift_targets(labels: LabelSet, rows: TuningRows, shift: tuple[float, float]) -> TuningRows:
    if labels.task != "regression":
        return rows
    mean, std = shift
    return replace(rows, targets=np.asarray((rows.targets - mean) / std, np.float32))


def _constant_error(step: int) -> ResourceError:
    """The error of a model that gives all validation rows one class."""
    return ResourceError(
        "predictions-constant",
        f"after {step} steps all validation rows get the same class",
        why="the training has diverged, or the learning rate is too low",
        fix="Give another learning_rate or seed, or more steps",
    )
