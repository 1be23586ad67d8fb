"""Muon's step: every direction of a matrix moves alike, whatever the gradient's size."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from albertkit.training.optimizers import ADAM_LIKE, optimiser_of, orthogonal
from albertkit.training.recipe import Schedule

SCHEDULE = Schedule(
    steps=10, warmup_steps=0, decay_steps=0, peak_rate=0.01, matrix_rate=0.03, weight_decay=0.0
)


@pytest.mark.parametrize("shape", [(24, 24), (16, 40), (40, 16)])
def test_orthogonal_keeps_directions_and_evens_their_sizes(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(shape) * 1e-4
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    seen = u.T @ orthogonal(matrix) @ v.T
    sizes = seen.diagonal()
    assert torch.allclose(seen, sizes.diag(), atol=1e-5)
    assert sizes.min() > 0.6
    assert sizes.max() < 1.3


def test_a_matrix_moves_by_its_own_rate_and_the_rest_by_adamw() -> None:
    torch.manual_seed(0)
    matrix, bias = nn.Parameter(torch.zeros(64, 64)), nn.Parameter(torch.zeros(64))
    parameters = {"matrix": matrix, "bias": bias}
    optimiser = optimiser_of(parameters, (), {"matrix"}, SCHEDULE)
    for group in optimiser.param_groups:
        group["lr"] = SCHEDULE.peak_rate * group["share"]
    matrix.grad, bias.grad = torch.randn(64, 64), torch.randn(64)
    optimiser.step()
    assert matrix.square().mean().sqrt().item() == pytest.approx(0.03 * ADAM_LIKE, rel=0.2)
    assert bias.abs().mean().item() == pytest.approx(0.01, rel=1e-3)


def test_without_a_matrix_rate_adamw_takes_all() -> None:
    matrix = nn.Parameter(torch.zeros(8, 8))
    schedule = Schedule(steps=10, warmup_steps=0, decay_steps=0, peak_rate=0.01)
    optimiser = optimiser_of({"matrix": matrix}, (), {"matrix"}, schedule)
    matrix.grad = torch.full((8, 8), 3.0)
    optimiser.step()
    assert torch.allclose(matrix, torch.full((8, 8), -0.01))
