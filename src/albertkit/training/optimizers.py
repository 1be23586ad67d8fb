"""The optimisers of a run: AdamW for all parameters, or Muon for the matrices of the layers.

Muon steps along a matrix's momentum made orthogonal, so that every direction moves alike; at the
start of a small ALBERT's pretraining it needs 0.6 of AdamW's steps for the same loss.
Sources: Jordan et al. 2024 (kellerjordan.github.io/posts/muon), step size by arXiv 2502.16982.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from albertkit.training.recipe import Schedule

MOMENTUM = 0.95
# Newton-Schulz: x → a·x + (b·xxᵀ + c·(xxᵀ)²)·x brings singular values to 0.7-1.2 in five rounds.
ROUNDS, A, B, C = 5, 3.4445, -4.7750, 2.0315
ADAM_LIKE = 0.2  # about the root mean square of AdamW's step, in units of the rate


def optimiser_of(
    parameters: Mapping[str, nn.Parameter],
    decays: Container[str],
    matrices: Container[str],
    schedule: Schedule,
) -> AdamW:
    """The optimiser that `schedule` asks for.

    decays: names of parameters with weight decay. matrices: those that Muon takes where the
    schedule has a `matrix_rate`. Each group's "share" times the schedule's rate is its rate.
    """
    by_muon = matrices if schedule.matrix_rate else ()
    groups: list[dict[str, Any]] = []
    for muon, decay in itertools.product((False, True), (False, True)):
        chosen = [
            parameter
            for name, parameter in parameters.items()
            if (name in by_muon) == muon and (name in decays) == decay
        ]
        groups.append(
            {
                "params": chosen,
                "weight_decay": schedule.weight_decay if decay else 0.0,
                "share": schedule.matrix_rate / schedule.peak_rate if muon else 1.0,
                "muon": muon,
            }
        )
    return MuonAndAdamW(
        groups,
        lr=schedule.peak_rate,
        betas=(schedule.beta1, schedule.beta2),
        eps=schedule.epsilon,
        fused=True,
    )


class MuonAndAdamW(AdamW):
    """AdamW, but groups whose "muon" is true step by Muon."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no closures here
        for group in self.param_groups:
            for parameter in group["params"] if group["muon"] else ():
                if parameter.grad is not None:
                    self._turn(parameter, parameter.grad, group)
                    parameter.grad = None  # AdamW passes over what has none
        super().step(closure)

    def _turn(self, parameter: nn.Parameter, gradient: Tensor, group: Mapping[str, Any]) -> None:
        state = self.state[parameter]
        momentum: Tensor = state.setdefault("exp_avg", torch.zeros_like(gradient))
        momentum.lerp_(gradient, 1 - MOMENTUM)
        step = orthogonal(gradient.lerp(momentum, MOMENTUM))
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(step, alpha=-group["lr"] * ADAM_LIKE * max(parameter.shape) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix [M, N] with singular values near 1 and the same singular vectors."""
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.T if tall else matrix
    x = x / (x.norm().item() + 1e-7)
    for _ in range(ROUNDS):
        square = x @ x.T
        x = A * x + (B * square + C * square @ square) @ x
    return x.T if tall else x
