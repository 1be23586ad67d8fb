"""AdamW over a module, decaying what the parameter table says decays."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn
from torch.optim import AdamW

from albertkit.training.recipe import Schedule


def adamw(parameters: Mapping[str, nn.Parameter], schedule: Schedule) -> AdamW:
    """AdamW in which matrices and tables decay, biases and norms do not.

    Source of the exclusions: google-research/albert optimization.py (LayerNorm, bias); these are
    just the parameters of one axis.
    """
    decaying = [p for p in parameters.values() if p.ndim > 1]
    steady = [p for p in parameters.values() if p.ndim <= 1]
    return AdamW(
        [
            {"params": decaying, "weight_decay": schedule.weight_decay},
            {"params": steady, "weight_decay": 0.0},
        ],
        lr=schedule.peak_rate,
        betas=(schedule.beta1, schedule.beta2),
        eps=schedule.epsilon,
        fused=True,
    )
