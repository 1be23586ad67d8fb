"""The loss in one pass equals torch's, with its gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from albertkit.pretraining import cross_entropy
from albertkit.pretraining.cross_entropy import mean_cross_entropy

ROWS, PIECES = 23, 31


def make_logits(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Logits of a wide range, and labels of which a third is ignored."""
    generator = torch.Generator().manual_seed(0)
    logits = 20 * torch.randn(ROWS, PIECES, generator=generator)
    labels = torch.randint(0, PIECES, (ROWS,), generator=generator)
    labels[::3] = -100
    return logits.to(dtype).requires_grad_(), labels


@pytest.mark.parametrize("chunk", [1, 5 * PIECES, 1 << 20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_loss_and_gradient_equal_torchs(
    dtype: torch.dtype, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_entropy, "CHUNK_LOGITS", chunk)
    logits, labels = make_logits(dtype)
    loss = mean_cross_entropy(logits, labels)
    (3 * loss).backward()
    exact = logits.detach().double().requires_grad_()
    expected = F.cross_entropy(exact, labels)
    (3 * expected).backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert logits.grad is not None
    assert exact.grad is not None
    assert logits.grad.dtype == dtype
    tolerance = 1e-6 if dtype == torch.float32 else 2**-8  # two roundings to eight bits
    torch.testing.assert_close(logits.grad.double(), exact.grad, rtol=tolerance * 2, atol=1e-7)


def test_the_loss_of_no_labels_is_zero_and_has_no_gradient() -> None:
    logits = torch.randn(4, 7, requires_grad=True)
    loss = mean_cross_entropy(logits, torch.full((4,), -100))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_without_gradients_only_the_loss_is_computed() -> None:
    logits, labels = make_logits(torch.float32)
    with torch.no_grad():
        loss = mean_cross_entropy(logits, labels)
    assert not loss.requires_grad
    assert loss.item() == pytest.approx(F.cross_entropy(logits, labels).item())
