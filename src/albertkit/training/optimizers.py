"""The optimizers of a run: AdamW or LAMB for all parameters, and Muon for the layers' matrices.

Muon steps along a matrix's momentum made orthogonal, so that every direction moves alike; at the
start of a small ALBERT's pretraining it needs 0.6 of AdamW's steps for the same loss.
Sources: Jordan et al. 2024 (kellerjordan.github.io/posts/muon), step size by arXiv 2502.16982;
LAMB as in google-research/albert lamb_optimizer.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from albertkit.training.recipe import TrainingConfig

MOMENTUM = 0.95
# Newton-Schulz: x → a·x + (b·xxᵀ + c·(xxᵀ)²)·x brings singular values to 0.7-1.2 in five rounds.
ROUNDS, A, B, C = 5, 3.4445, -4.7750, 2.0315
ADAM_LIKE = 0.2  # about the root mean square of AdamW's step, in units of the learning rate


def make_optimizer(
    parameters: Mapping[str, nn.Parameter],
    decaying: Container[str],
    matrices: Container[str],
    config: TrainingConfig,
) -> MixedOptimizer:
    """Make the optimizer that the config names.

    Args:
        parameters: by canonical names.
        decaying: names of those with weight decay (and, under LAMB, with the trust ratio).
        matrices: names of those that Muon takes if the config has a `muon_learning_rate`.
        config: the "rate_ratio" of each group times the config's learning rate is its own.
    """
    by_muon = matrices if config.muon_learning_rate else ()
    groups: list[dict[str, Any]] = []
    for is_muon, decays in itertools.product((False, True), (False, True)):
        ratio = config.muon_learning_rate / config.learning_rate if is_muon else 1.0
        groups.append(
            {
                "params": [
                    parameter
                    for name, parameter in parameters.items()
                    if (name in by_muon) == is_muon and (name in decaying) == decays
                ],
                "weight_decay": config.weight_decay if decays else 0.0,
                "rate_ratio": ratio,
                "lr": config.learning_rate * ratio,
                "method": "muon" if is_muon else config.optimizer,
            }
        )
    return MixedOptimizer(
        groups, betas=(config.beta1, config.beta2), eps=config.epsilon, fused=True
    )


class MixedOptimizer(AdamW):
    """AdamW, but groups whose "method" is "muon" or "lamb" step by these."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # closures are not used
        """Take one step with the gradients of all groups."""
        for group in self.param_groups:
            if group["method"] == "adamw":
                continue
            take_step = self._muon_step if group["method"] == "muon" else self._lamb_step
            for parameter in group["params"]:
                if parameter.grad is not None:
                    take_step(parameter, parameter.grad, group)
                    parameter.grad = None  # AdamW skips parameters without a gradient
        super().step(closure)

    def set_learning_rate(self, rate: float) -> None:
        """Set the rate of each group from the config's rate at this step."""
        for group in self.param_groups:
            group["lr"] = rate * group["rate_ratio"]

    def _muon_step(self, parameter: Tensor, gradient: Tensor, group: Mapping[str, Any]) -> None:
        momentum = self._moment(parameter, "exp_avg")
        momentum.lerp_(gradient, 1 - MOMENTUM)
        direction = orthogonalize(gradient.lerp(momentum, MOMENTUM))
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(direction, alpha=-group["lr"] * ADAM_LIKE * max(parameter.shape) ** 0.5)

    def _lamb_step(self, parameter: Tensor, gradient: Tensor, group: Mapping[str, Any]) -> None:
        """LAMB without bias correction; norms and biases get neither decay nor trust ratio."""
        beta1, beta2 = group["betas"]
        mean = self._moment(parameter, "exp_avg").lerp_(gradient, 1 - beta1)
        square = self._moment(parameter, "exp_avg_sq")
        square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        update = mean / (square.sqrt() + group["eps"])
        if group["weight_decay"]:
            update = update + group["weight_decay"] * parameter
            norms = parameter.norm(), update.norm()
            if norms[0] > 0 and norms[1] > 0:
                update = update * (norms[0] / norms[1])
        parameter.add_(update, alpha=-group["lr"])

    def _moment(self, parameter: Tensor, name: str) -> Tensor:
        """A parameter's running mean of this name, zeros before the first step."""
        state = self.state[parameter]
        if name not in state:
            state[name] = torch.zeros_like(parameter)
        moment: Tensor = state[name]
        return moment


def orthogonalize(matrix: Tensor) -> Tensor:
    """The matrix [M, N] with singular values near 1 and the same singular vectors."""
    is_tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.T if is_tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(ROUNDS):
        square = x @ x.T
        x = A * x + (B * square + C * square @ square) @ x
    return x.T if is_tall else x
