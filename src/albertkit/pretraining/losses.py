"""The two losses of ALBERT's pretraining, on packed rows, and that of a teacher's token vectors.

The vocabulary matrix is multiplied at masked slots only: at every slot it would be a third of
the step. So is most of the last layer, if no teacher reads all slots. Source: ALBERT paper §3.1,
google-research/albert run_pretraining.py (equal weights).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from albertkit.model.albert import AlbertEncoder, MaskedLMHead, initialize_weights
from albertkit.model.packed_attention import make_packed_mask
from albertkit.pretraining.batches import PretrainingBatch
from albertkit.pretraining.cross_entropy import mean_cross_entropy
from albertkit.spec import AlbertConfig
from albertkit.spec.heads import SENTENCE_ORDER
from albertkit.training.loop import StepResult
from albertkit.training.schedules import Ramp, Stages

ALL_LAYERS = Stages(((0.0, 0),))


class PackedPretraining(nn.Module):
    """The encoder with both pretraining heads, for packed rows.

    Args:
        config: sizes of the model.
        depth: how many layers are computed, by the fraction of the run that is done; 0: all.
        order_weight: of the sentence-order loss, likewise.
        teacher_size: D, the dimensions of a teacher's token vectors; 0: no teacher.
        teacher_weight: of the loss 1 - cosine to these vectors, likewise.
    """

    def __init__(
        self,
        config: AlbertConfig,
        depth: Stages = ALL_LAYERS,
        order_weight: Ramp = Ramp(((0.0, 1.0),)),
        teacher_size: int = 0,
        teacher_weight: Ramp = Ramp(((0.0, 1.0),)),
    ) -> None:
        super().__init__()
        self.config, self.depth, self.order_weight = config, depth, order_weight
        # torch's fused attention has a slow backward pass on a CPU (×1.3-1.45).
        self.albert = AlbertEncoder(config, implementation="explicit")
        self.predictions = MaskedLMHead(config)
        self.order = nn.Linear(config.hidden_size, 2)
        self.teacher_weight = teacher_weight
        if teacher_size:  # is thrown away after training
            self.teacher = nn.Linear(config.hidden_size, teacher_size)
        initialize_weights(self, config.initializer_range)

    def forward(self, batch: PretrainingBatch, fraction: float = 0.0) -> StepResult:
        """Both losses of a batch, with their accuracies.

        Args:
            batch: of packed rows.
            fraction: of the run that is done.
        """
        device = self.order.weight.device
        ids, type_ids, positions, segment_ids, masked, labels, firsts, orders, taught, teacher = (
            torch.from_numpy(array).to(device, non_blocking=True) for array in batch.arrays()
        )
        self.set_depth(self.depth(fraction) or self.config.num_hidden_layers)
        inputs = (ids, type_ids, positions, make_packed_mask(segment_ids))
        if len(taught):
            vectors = self.albert.token_vectors(*inputs).flatten(0, 1)  # [R · W, H]
            read, first = vectors[masked], vectors[firsts]
        else:
            vectors = self.albert.vectors_at(*inputs, torch.cat((masked, firsts)))
            read, first = torch.split(vectors, [len(masked), len(firsts)])
        table = self.albert.embeddings.word_embeddings.weight
        words = self.predictions(read, table)  # [P, V]
        order = self.order(self.albert.pool(first))  # [N, 2]
        masked_loss, order_loss = (
            mean_cross_entropy(words, labels),
            mean_cross_entropy(order, orders),
        )
        loss = masked_loss + self.order_weight(fraction) * order_loss
        metrics = {
            "masked_loss": masked_loss,
            "masked_accuracy": compute_accuracy(words, labels),
        }
        if (batch.orders >= 0).any():  # sentences may be as long as sequences
            metrics["order_loss"] = order_loss
            metrics["order_accuracy"] = compute_accuracy(order, orders)
        if len(taught):
            student = self.teacher(vectors[taught]).float()  # [T, D]
            metrics["teacher_cosine"] = F.cosine_similarity(student, teacher, dim=-1).mean()
            loss = loss + self.teacher_weight(fraction) * (1 - metrics["teacher_cosine"])
        return StepResult(loss, batch.tokens, metrics)

    def set_depth(self, depth: int) -> None:
        """Compute only this many layers, spread over the groups as in a model of this depth."""
        groups = self.config.num_hidden_groups
        self.albert.encoder.order = [layer * groups // depth for layer in range(depth)]

    def canonical_parameters(self) -> dict[str, nn.Parameter]:
        """The parameters under their canonical names."""
        return {make_canonical_name(name): value for name, value in self.named_parameters()}


def make_canonical_name(name: str) -> str:
    """albert.pooler.weight → pooler.weight, order.bias → sop_classifier.classifier.bias."""
    name = name.removeprefix("albert.")
    prefix = SENTENCE_ORDER.prefix
    return name.replace("order.", f"{prefix}.") if name.startswith("order.") else name


def compute_accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """The fraction of labels that the greatest logit names, ignored ones left out.

    A label that shares the greatest logit with n - 1 others counts 1/n: bfloat16 has many ties.
    Not by argmax, which takes 6 % of a step on a CPU.
    """
    counted = labels >= 0
    greatest = logits.amax(-1)
    own = logits.gather(-1, labels.clamp(min=0)[:, None]).squeeze(-1)
    is_right = (own == greatest) & counted
    ties = (logits[is_right] == greatest[is_right, None]).sum(-1)
    return (1 / ties).sum() / counted.sum().clamp(min=1)
