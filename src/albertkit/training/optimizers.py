"""The optimizers of a run: AdamW or LAMB for all parameters, and Muon for the layers' matrices.

Muon steps along a matrix's momentum made orthogonal, so that every direction moves alike; at the
start of a small ALBERT's pretraining it needs 0.6 of AdamW's steps for the same loss.
Sources: Jordan et al. 2024 (kellerjordan.github.io/posts/muon), step size by arXiv 2502.16982;
LAMB as in google-research/albert lamb_optimizer.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

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
        config: has their settings.
    """
    by_muon = matrices if config.muon_learning_rate else ()
    groups = []
    for is_muon, decays in itertools.product((False, True), (False, True)):
        own = [
            parameter
            for name, parameter in parameters.items()
            if (name in by_muon) == is_muon and (name in decaying) == decays
        ]
        decay = config.weight_decay if decays else 0.0
        if is_muon:
            ratio = config.muon_learning_rate / config.learning_rate
            groups.append(ParameterGroup(own, "muon", decay, ratio, decays))
        else:
            groups.append(ParameterGroup(own, config.optimizer, decay, 1.0, decays))
    return MixedOptimizer(groups, config)


@dataclass(frozen=True, slots=True, eq=False)
class ParameterGroup:
    """Parameters that step alike.

    Attributes:
        parameters: Any number.
        method: How they step.
        weight_decay: Factor of a parameter that is subtracted from it, times the learning rate.
        rate_ratio: Their learning rate, divided by the config's.
        has_trust_ratio: Whether LAMB scales their step, as it does with what may decay.
    """

    parameters: Sequence[nn.Parameter]
    method: Literal["adamw", "lamb", "muon"]
    weight_decay: float
    rate_ratio: float
    has_trust_ratio: bool


class MixedOptimizer:
    """AdamW, but groups whose method is "muon" or "lamb" step by these.

    It is not a torch.optim.Optimizer: the first one that a process makes imports torch's compiler,
    which takes 1.2 s and 72 MB.

    Args:
        groups: Of all parameters.
        config: Has the constants of the methods, and the learning rate.

    Attributes:
        state: The running means of each parameter: none before its first step.
    """

    def __init__(self, groups: Sequence[ParameterGroup], config: TrainingConfig) -> None:
        self.groups, self.config = groups, config
        self.learning_rate = config.learning_rate
        self.state: dict[nn.Parameter, dict[str, Tensor]] = {
            parameter: {} for group in groups for parameter in group.parameters
        }

    @torch.no_grad()
    def step(self) -> None:
        """Take one step with the gradients of all groups; parameters without one stay."""
        for group in self.groups:
            rate = self.learning_rate * group.rate_ratio
            gradients = {own: own.grad for own in group.parameters if own.grad is not None}
            if group.method == "adamw":
                self._adamw_step(gradients, group, rate)
                continue
            take_step = self._muon_step if group.method == "muon" else self._lamb_step
            for parameter, gradient in gradients.items():
                take_step(parameter, gradient, group, rate)

    def zero_grad(self) -> None:
        """Remove all gradients."""
        for parameter in self.state:
            parameter.grad = None

    def _adamw_step(
        self, gradients: Mapping[nn.Parameter, Tensor], group: ParameterGroup, rate: float
    ) -> None:
        moments = {
            name: [self._moment(parameter, name) for parameter in gradients]
            for name in ("exp_avg", "exp_avg_sq", "step")
        }
        adamw(
            list(gradients),
            list(gradients.values()),
            moments["exp_avg"],
            moments["exp_avg_sq"],
            [],
            moments["step"],
            fused=True,
            amsgrad=False,
            beta1=self.config.beta1,
            beta2=self.config.beta2,
            lr=rate,
            weight_decay=group.weight_decay,
            eps=self.config.epsilon,
            maximize=False,
        )

    def _muon_step(
        self, parameter: nn.Parameter, gradient: Tensor, group: ParameterGroup, rate: float
    ) -> None:
        momentum = self._moment(parameter, "exp_avg")
        momentum.lerp_(gradient, 1 - MOMENTUM)
        direction = orthogonalize(gradient.lerp(momentum, MOMENTUM))
        parameter.mul_(1 - rate * group.weight_decay)
        parameter.add_(direction, alpha=-rate * ADAM_LIKE * max(parameter.shape) ** 0.5)

    def _lamb_step(
        self, parameter: nn.Parameter, gradient: Tensor, group: ParameterGroup, rate: float
    ) -> None:
        """LAMB without bias correction; norms and biases get neither decay nor trust ratio."""
        beta1, beta2 = self.config.beta1, self.config.beta2
        mean = self._moment(parameter, "exp_avg").lerp_(gradient, 1 - beta1)
        square = self._moment(parameter, "exp_avg_sq")
        square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        update = mean / (square.sqrt() + self.config.epsilon)
        if group.has_trust_ratio:
            update = update + group.weight_decay * parameter
            norms = parameter.norm(), update.norm()
            both_positive = (norms[0] > 0) & (norms[1] > 0)
            update = update * torch.where(both_positive, norms[0] / norms[1], 1.0)  # no GPU waits
        parameter.add_(update, alpha=-rate)

    def _moment(self, parameter: nn.Parameter, name: str) -> Tensor:
        """A parameter's running mean of this name (or its steps), zeros before the first step."""
        state = self.state[parameter]
        if name not in state:
            shape = () if name == "step" else parameter.shape
            state[name] = torch.zeros(shape, dtype=torch.float32, device=parameter.device)
        return state[name]


def orthogonalize(matrix: Tensor) -> Tensor:
    """The matrix [M, N] with singular values near 1 and the same singular vectors."""
    is_tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.T if is_tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(ROUNDS):
        square = x @ x.T
        x = A * x + (B * square + C * square @ square) @ x
    return x.T if is_tall else x
