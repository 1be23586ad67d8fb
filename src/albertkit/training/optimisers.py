"""AdamW over a module, decaying what the parameter table says decays."""

from __future__ import annotations

from collections.abc import Container, Mapping

from torch import nn
from torch.optim import AdamW

from albertkit.training.recipe import Schedule


def adamw(
    parameters: Mapping[str, nn.Parameter], decays: Container[str], schedule: Schedule
) -> AdamW:
    """AdamW in which the parameters named in `decays` decay and the others do not."""
    decaying = [p for name, p in parameters.items() if name in decays]
    steady = [p for name, p in parameters.items() if name not in decays]
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
