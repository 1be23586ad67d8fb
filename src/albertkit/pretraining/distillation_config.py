"""The table [data] of a distillation recipe: the data, the losses, and their weights over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from albertkit.errors.arguments import check_fields
from albertkit.training.recipe import FINITE, check_ranges, convert_fields
from albertkit.training.schedules import Ramp, Stages

RANGES: Mapping[str, tuple[float, float]] = {
    "batch_size": (1, FINITE),
    "max_seq_length": (3, FINITE),  # [CLS], a piece, [SEP]
    **dict.fromkeys(("cosine", "gram", "contrastive", "hard_negatives"), (0, FINITE)),
    "temperature": (1e-6, FINITE),
    "halvings": (0, FINITE),
}


@check_fields
@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationConfig:
    """The table [data] of a distillation recipe; numbers may change over time (schedules.py).

    The loss is a weighted sum: `cosine` of 1 - cosine to the teacher's vector, `gram` of the mean
    squared difference between the cosines of all pairs in a batch, `contrastive` of the cross
    entropy that finds the right teacher's vector in the batch, `hard_negatives` of the cross
    entropy that finds an anchor's positive among those of the batch and the hard negatives
    (triplets of the dataset; they are read only while it is above 0). All but the first are means
    over a vector and, `halvings` times, its first half (Matryoshka). Sources: Jasper and Stella
    (arXiv 2412.19048), tokenlearn, GISTEmbed (arXiv 2402.16829).
    """

    tokenizer: str  # a directory, a SentencePiece model, or a built-in model's name
    license: str = ""  # of the texts; only the model card has it
    dataset: str  # made by `albertkit prepare-distillation`
    piece_vectors: str = ""  # .npy [V, D]: the teacher's vector of each piece alone
    initialize_from: str = ""  # a model's directory or name; empty: piece_vectors or random
    batch_size: Stages = Stages(((0.0, 16),))  # rows of a batch
    max_seq_length: int = 128  # slots of a row; longer texts are cut
    cosine: Ramp = Ramp(((0.0, 1.0),))
    gram: Ramp = Ramp(((0.0, 0.0),))
    contrastive: Ramp = Ramp(((0.0, 0.0),))
    hard_negatives: Ramp = Ramp(((0.0, 0.0),))
    temperature: float = 0.05  # of the last two
    halvings: Stages = Stages(((0.0, 0),))  # 2: also the first half and quarter of a vector

    def __post_init__(self) -> None:
        """Raise FormatError [recipe-value-invalid] for numbers that are out of their ranges."""
        convert_fields(self, "data")
        check_ranges(self, "data", RANGES)
