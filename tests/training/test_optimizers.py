"""Each optimizer's step: Muon moves all directions alike, LAMB has google's check values."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from albertkit.training.optimizers import ADAM_LIKE, make_optimizer, orthogonalize
from albertkit.training.recipe import TrainingConfig

CONFIG = TrainingConfig(
    max_steps=10, learning_rate=0.01, muon_learning_rate=0.03, weight_decay=0.0, warmup_ratio=0.0
)


@pytest.mark.parametrize("shape", [(24, 24), (16, 40), (40, 16)])
def test_orthogonalize_keeps_directions_and_evens_their_sizes(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(shape) * 1e-4
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    result = u.T @ orthogonalize(matrix) @ v.T
    sizes = result.diagonal()
    assert torch.allclose(result, sizes.diag(), atol=1e-5)
    assert sizes.min() > 0.6
    assert sizes.max() < 1.3


def test_a_matrix_moves_by_its_own_rate_and_the_rest_by_adamw() -> None:
    torch.manual_seed(0)
    matrix, bias = nn.Parameter(torch.zeros(64, 64)), nn.Parameter(torch.zeros(64))
    optimizer = make_optimizer({"matrix": matrix, "bias": bias}, (), {"matrix"}, CONFIG)
    matrix.grad, bias.grad = torch.randn(64, 64), torch.randn(64)
    optimizer.step()
    assert matrix.square().mean().sqrt().item() == pytest.approx(0.03 * ADAM_LIKE, rel=0.2)
    assert bias.abs().mean().item() == pytest.approx(0.01, rel=1e-3)


def test_without_a_muon_rate_adamw_takes_all() -> None:
    matrix = nn.Parameter(torch.zeros(8, 8))
    config = replace(CONFIG, muon_learning_rate=0.0)
    optimizer = make_optimizer({"matrix": matrix}, (), {"matrix"}, config)
    matrix.grad = torch.full((8, 8), 3.0)
    optimizer.step()
    assert torch.allclose(matrix, torch.full((8, 8), -0.01))


def test_adamw_steps_as_torchs_does() -> None:
    torch.manual_seed(0)
    start = {"matrix": torch.randn(16, 8), "bias": torch.randn(16), "unused": torch.randn(3)}
    gradients = [{"matrix": torch.randn(16, 8), "bias": torch.randn(16)} for _ in range(3)]
    ours, theirs = ({name: nn.Parameter(x.clone()) for name, x in start.items()} for _ in range(2))
    config = replace(CONFIG, muon_learning_rate=0.0, weight_decay=0.1)
    optimizer = make_optimizer(ours, {"matrix"}, (), config)
    oracle = torch.optim.AdamW(
        [
            {"params": [theirs["matrix"]], "weight_decay": 0.1},
            {"params": [theirs["bias"], theirs["unused"]], "weight_decay": 0.0},
        ],
        betas=(config.beta1, config.beta2),
        eps=config.epsilon,
        fused=True,
    )
    for number, own in enumerate(gradients):
        optimizer.learning_rate = oracle.param_groups[0]["lr"] = 0.01 / (number + 1)
        oracle.param_groups[1]["lr"] = 0.01 / (number + 1)
        for parameters in (ours, theirs):
            for name, gradient in own.items():
                parameters[name].grad = gradient.clone()
        optimizer.step()
        oracle.step()
        optimizer.zero_grad()
        assert ours["matrix"].grad is None
    for name, parameter in theirs.items():
        assert torch.equal(ours[name], parameter)


def test_a_step_does_not_import_torchs_compiler() -> None:
    """The import would take 1.2 s and 72 MB."""
    code = """
import sys
import torch
from albertkit.training.optimizers import make_optimizer
from albertkit.training.recipe import TrainingConfig
w = torch.nn.Parameter(torch.ones(2))
optimizer = make_optimizer({"w": w}, {"w"}, (), TrainingConfig(max_steps=1, learning_rate=0.1))
w.grad = torch.ones(2)
optimizer.step()
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_lamb_gives_googles_values() -> None:
    """Two steps of google-research/albert's lamb_optimizer.py on w = (3, 4)."""
    w = nn.Parameter(torch.tensor([3.0, 4.0]))
    config = TrainingConfig(
        max_steps=2, learning_rate=0.01, optimizer="lamb", beta1=0.9, beta2=0.999, epsilon=1e-6
    )
    optimizer = make_optimizer({"w": w}, {"w"}, (), config)
    for gradient, expected in (
        ((0.1, -0.2), (2.9642577, 4.0349641)),
        ((0.3, 0.1), (2.9160159, 4.0483623)),
    ):
        w.grad = torch.tensor(gradient)
        optimizer.step()
        assert w.tolist() == pytest.approx(expected, abs=2e-6)  # float32


def test_lamb_without_weight_decay_keeps_its_trust_ratio() -> None:
    w = nn.Parameter(torch.tensor([3.0, 4.0]))
    config = TrainingConfig(
        max_steps=2, learning_rate=0.01, optimizer="lamb", beta2=0.999, weight_decay=0.0
    )
    w.grad = torch.tensor([0.1, -0.2])
    make_optimizer({"w": w}, {"w"}, (), config).step()
    step = 0.01 * 5 / 2**0.5  # |w| / |(u, -u)| · u
    assert w.tolist() == pytest.approx([3.0 - step, 4.0 + step], abs=1e-4)


def test_lamb_adapts_only_what_decays() -> None:
    bias = nn.Parameter(torch.tensor([3.0, 4.0]))
    config = TrainingConfig(max_steps=2, learning_rate=0.01, optimizer="lamb", beta2=0.999)
    optimizer = make_optimizer({"bias": bias}, (), (), config)
    bias.grad = torch.tensor([0.1, -0.2])
    optimizer.step()
    step = 0.01 * 0.1 / 0.001**0.5  # m / sqrt(v) without bias correction
    assert bias.tolist() == pytest.approx([3.0 - step, 4.0 + step], abs=1e-5)
