"""The table [data] of a pretraining recipe: the data, its masks, the losses' weights over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from albertkit.errors.arguments import check_fields
from albertkit.pretraining.batches import BatchShape
from albertkit.pretraining.sentence_order import ADDED
from albertkit.pretraining.shards import SHORTEST
from albertkit.training.recipe import FINITE, check_ranges, convert_fields
from albertkit.training.schedules import Ramp, Stages

RANGES: Mapping[str, tuple[float, float]] = {
    "batch_size": (1, FINITE),
    "max_seq_length": (SHORTEST + ADDED, FINITE),
    "mlm_probability": (0, 1),
    "max_predictions": (0, FINITE),
    "order_loss_weight": (0, FINITE),
    "depth": (0, FINITE),
    "teacher_weight": (0, FINITE),
}


@check_fields
@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingConfig:
    """The table [data] of a pretraining recipe; numbers may change over time (schedules.py)."""

    tokenizer: str  # a directory, a SentencePiece model, or a built-in model's name
    license: str = ""  # of the texts; only the model card has it
    shard: str  # made by `albertkit shards`
    valid_shard: str = ""  # held-out text; its loss decides which checkpoint is the best
    piece_vectors: str = ""  # .npy [V, D]: another model's vector of each piece, to start with
    initialize_from: str = ""  # a model's directory or name; empty: random weights
    batch_size: Stages = Stages(((0.0, 16),))  # rows of a batch
    max_seq_length: Stages = Stages(((0.0, 128),))  # slots of a row, pieces of a sequence
    mlm_probability: Ramp = Ramp(((0.0, 0.15),))
    max_predictions: int = 0  # masked pieces of a sequence, at most; google: 20; 0: no cap
    static_masks: bool = False  # the same masks in each epoch, instead of new ones
    order_loss_weight: Ramp = Ramp(((0.0, 1.0),))
    depth: Stages = Stages(((0.0, 0),))  # layers that are computed; 0: all
    teacher: str = ""  # a model's directory or name; its token vectors are a loss at each slot
    teacher_weight: Ramp = Ramp(((0.0, 1.0),))  # of this loss, 1 - cosine; at 0 it costs nothing

    def __post_init__(self) -> None:
        """Raise FormatError [recipe-value-invalid] for numbers that are out of their ranges."""
        convert_fields(self, "data")
        check_ranges(self, "data", RANGES)

    def shape_at(self, fraction: float) -> BatchShape:
        """The shape of batches when `fraction` of the run is done."""
        return BatchShape(
            self.batch_size(fraction),
            self.max_seq_length(fraction),
            self.mlm_probability(fraction),
            self.max_predictions,
        )

    def most_slots(self) -> int:
        """Slots of the largest batch."""
        return max(self.batch_size.values()) * max(self.max_seq_length.values())
