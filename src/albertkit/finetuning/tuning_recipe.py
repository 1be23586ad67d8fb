"""How a model is tuned: the settings of one run, read strictly from TOML or from keywords."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from albertkit.errors.arguments import check_fields
from albertkit.training.recipe import (
    FINITE,
    SHARED_RANGES,
    Precision,
    TrainingConfig,
    check_device,
    check_ranges,
    convert_fields,
    parse_table,
    read_toml,
)
from albertkit.training.recipe import Optimizer as OptimizerName

# Sources: ALBERT paper, table 14 (1e-5 to 5e-5); google-research/bert, models of 128 to 512 (3e-4)
BASE_RATE, SMALL_RATE, BASE_SIZE = 3e-5, 2e-4, 768
LEAST_EPOCHS, MOST_EPOCHS, LEAST_STEPS = 3, 10, 200
FEW_ROWS = 3000  # below, the best of three seeds is kept: results of few rows vary by the seed
FEW_ROWS_SEEDS = 3
TIMED_STEPS = 2  # from which the time of a run is estimated
LARGEST_DROPOUT = 0.9
RANGES: Mapping[str, tuple[float, float]] = {
    **SHARED_RANGES,
    "batch_size": (1, FINITE),
    "epochs": (0, FINITE),
    "warmup_steps": (0, FINITE),
    "max_seq_length": (0, FINITE),
    "dropout": (0, LARGEST_DROPOUT),
    "classifier_dropout": (0, LARGEST_DROPOUT),
    "patience": (0, FINITE),
    "seeds": (0, FINITE),
    "repetitions": (0, FINITE),
    "distillation": (0, 1),
}


@check_fields
@dataclass(frozen=True, slots=True, kw_only=True)
class TuningConfig:
    """The table [tuning] of a recipe.

    Defaults are for thousands of rows; the recipes in recipes/finetuning are the paper's, table 14.
    """

    learning_rate: float = 0.0  # the peak; 0: 3e-5, or 2e-4 for models narrower than 768
    batch_size: int = 32  # examples of a step, over all batches and ranks
    epochs: float = 0.0  # 0: 3, or up to 10 for 200 steps
    max_steps: int = 0  # in place of epochs
    warmup_ratio: float = 0.1
    warmup_steps: int = 0  # in place of warmup_ratio
    weight_decay: float = 0.01
    optimizer: OptimizerName = "adamw"
    max_grad_norm: float = 1.0
    gradient_accumulation_steps: int = 1  # batches into which a step is divided on each rank
    max_seq_length: int = 0  # ids of a text; 0: as many as the model reads
    dropout: float = 0.0  # of ALBERT; table 14 has 0 for nearly all tasks
    classifier_dropout: float = 0.1
    patience: int = 0  # epochs without a lower validation loss after which it stops; 0: never
    seeds: int = 0  # runs with other seeds, of which the best is kept; 0: 3 below 3,000 rows
    seed: int = 0
    repetitions: int = 0  # of the shared layers; 0: as many as the model has
    # Share of the loss that is the distance to the logits of the same model with all repetitions,
    # which is tuned first; of the rest the labels decide. 0: fewer repetitions are tuned alone.
    distillation: float = 0.5
    # auto: bfloat16 where the processor multiplies it; a step takes 0.6 of float32's time
    precision: Precision = "auto"
    device: str = "auto"

    def __post_init__(self) -> None:
        """Raise FormatError [recipe-value-invalid] for numbers that are out of their ranges."""
        convert_fields(self, "tuning")
        check_ranges(self, "tuning", RANGES)
        check_device(self.device, "tuning")
        if self.max_seq_length:
            check_ranges(self, "tuning", {"max_seq_length": (3, FINITE)})  # [CLS], a piece, [SEP]
        check_ranges(self, "tuning", {"gradient_accumulation_steps": (1, self.batch_size)})

    def resolve(self, hidden_size: int, epoch: int) -> TuningConfig:
        """The same settings with numbers in place of 0.

        Args:
            hidden_size: Of the model.
            epoch: Steps of an epoch.
        """
        rate = self.learning_rate or (BASE_RATE if hidden_size >= BASE_SIZE else SMALL_RATE)
        epochs = self.epochs or min(MOST_EPOCHS, max(LEAST_EPOCHS, math.ceil(LEAST_STEPS / epoch)))
        steps = self.max_steps or max(1, round(epochs * epoch))
        return replace(self, learning_rate=rate, epochs=float(epochs), max_steps=steps)

    def has_teacher(self, layers: int) -> bool:
        """Whether a model of so many layers is tuned whole first, and teaches."""
        return 0 < self.repetitions < layers and self.distillation > 0

    def seeds_for(self, rows: int) -> int:
        """Runs for this number of training rows."""
        return self.seeds or (FEW_ROWS_SEEDS if rows < FEW_ROWS else 1)

    def training(self, epoch: int, seed: int, seconds: float | None = None) -> TrainingConfig:
        """What the training loop needs.

        Args:
            epoch: Steps of an epoch; there is a checkpoint after each.
            seed: Of this run.
            seconds: After which it ends, its learning rate at 0, even if steps are left.
        """
        steps = self.max_steps
        warmup = min(1.0, self.warmup_steps / steps) if self.warmup_steps else self.warmup_ratio
        return TrainingConfig(
            learning_rate=self.learning_rate,
            max_steps=steps,
            max_hours=(seconds or 0.0) / 3600,
            optimizer=self.optimizer,
            warmup_ratio=warmup,
            decay_ratio=1 - warmup,
            weight_decay=self.weight_decay,
            beta2=0.999,
            max_grad_norm=self.max_grad_norm,
            gradient_accumulation_steps=self.gradient_accumulation_steps,
            seed=seed,
            logging_steps=max(1, min(50, epoch // 4)),
            save_steps=max(1, epoch),
            keep_checkpoints=1,
            precision=self.precision,
            device=self.device,
        )

    def settings(self) -> dict[str, object]:
        """All settings, as a checkpoint keeps them."""
        return asdict(self)


def read_tuning_recipe(path: str | Path) -> TuningConfig:
    """Read a TOML file with the table [tuning].

    Args:
        path: Of the file.

    Raises:
        InputError: [file-not-found].
        FormatError: [recipe-malformed], [recipe-key-unknown], [recipe-key-missing],
            [recipe-value-invalid].
    """
    return parse_table(TuningConfig, read_toml(path, ("tuning",)).get("tuning"), "tuning")
