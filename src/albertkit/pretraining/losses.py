"""The two losses of ALBERT's pretraining, on packed rows.

The vocabulary matrix is multiplied at masked slots only: at every slot it would be a third of
the step. Source: ALBERT paper §3.1, google-research/albert run_pretraining.py (equal weights).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from albertkit.model.albert import AlbertEncoder, MaskedLMHead, initialize_weights
from albertkit.model.packed_attention import make_packed_mask
from albertkit.pretraining.batches import PretrainingBatch
from albertkit.spec import AlbertConfig
from albertkit.spec.heads import SENTENCE_ORDER
from albertkit.training.loop import StepResult


class PackedPretraining(nn.Module):
    """The encoder with both pretraining heads, for packed rows."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.config = config
        # Written-out attention: torch's fused one has a slow backward pass on a CPU (×1.3-1.45).
        self.albert = AlbertEncoder(config, implementation="eager")
        self.predictions = MaskedLMHead(config)
        self.order = nn.Linear(config.hidden_size, 2)
        initialize_weights(self, config.initializer_range)

    def forward(self, batch: PretrainingBatch) -> StepResult:
        """Both losses of a batch, summed, with their accuracies."""
        ids, type_ids, positions, segment_ids, masked, labels, firsts, orders = map(
            torch.from_numpy, batch.arrays()
        )
        mask = make_packed_mask(segment_ids)
        vectors = self.albert.token_vectors(ids, type_ids, positions, mask).flatten(0, 1)
        table = self.albert.embeddings.word_embeddings.weight
        words = self.predictions(vectors[masked], table)  # [P, V]
        order = self.order(self.albert.pool(vectors[firsts]))  # [N, 2]
        word_loss = F.cross_entropy(words, labels)
        order_loss = F.cross_entropy(order, orders)
        return StepResult(
            word_loss + order_loss,
            batch.real,
            {
                "masked_loss": word_loss,
                "masked_accuracy": accuracy(words, labels),
                "order_loss": order_loss,
                "order_accuracy": accuracy(order, orders),
            },
        )

    def named(self) -> dict[str, nn.Parameter]:
        """The parameters under their canonical names."""
        return {canonical(name): value for name, value in self.named_parameters()}


def canonical(name: str) -> str:
    """albert.pooler.weight → pooler.weight, order.bias → sop_classifier.classifier.bias."""
    name = name.removeprefix("albert.")
    prefix = SENTENCE_ORDER.prefix
    return name.replace("order.", f"{prefix}.") if name.startswith("order.") else name


def accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """The share of labels that the greatest logit names, ignored ones left out."""
    counted = labels >= 0
    return ((logits.argmax(-1) == labels) & counted).sum() / counted.sum().clamp(min=1)
