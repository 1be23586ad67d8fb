"""Attention with its own gradient, against torch's own and against finite differences."""

from __future__ import annotations

from typing import cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from albertkit.model.explicit_attention import attend_explicitly
from albertkit.model.packed_attention import make_packed_mask

MASKS = {
    "none": None,
    "packed": make_packed_mask(torch.tensor([[0, 0, 0, 1, 1], [2, 3, 3, -1, -1]])),
    "padded": torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()[:, None, None],
}


def make_inputs(dtype: torch.dtype, queries: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    """q [2, 3, Q, 4], k and v [2, 3, 5, 4], as views like those of a layer."""
    generator = torch.Generator().manual_seed(0)
    tensors = [
        torch.randn(2, length, 3, 4, generator=generator, dtype=torch.float64).to(dtype)
        for length in (queries, 5, 5)
    ]
    return cast(
        tuple[Tensor, Tensor, Tensor], tuple(x.transpose(1, 2).requires_grad_() for x in tensors)
    )


@pytest.mark.parametrize("name", MASKS)
def test_output_and_gradients_are_torchs(name: str) -> None:
    q, k, v = make_inputs(torch.float32)
    own = attend_explicitly(q, k, v, MASKS[name])
    other = F.scaled_dot_product_attention(q, k, v, MASKS[name])
    torch.testing.assert_close(own, other, atol=1e-6, rtol=0)
    weights = torch.randn(own.shape, generator=torch.Generator().manual_seed(1))
    for ours, theirs in zip(
        torch.autograd.grad((own * weights).sum(), (q, k, v)),
        torch.autograd.grad((other * weights).sum(), (q, k, v)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", MASKS)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    queries = 1 if name == "padded" else 5
    inputs = make_inputs(torch.float64, queries)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return attend_explicitly(q, k, v, MASKS[name])

    assert torch.autograd.gradcheck(attend, inputs)


def test_under_autocast_the_result_is_of_the_products_type_and_near_float32() -> None:
    q, k, v = make_inputs(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        own = attend_explicitly(q, k, v, MASKS["packed"])
    assert own.dtype == torch.bfloat16
    exact = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), MASKS["packed"])
    # three roundings to 8 bits, of scores, probabilities and sums of values up to 3
    torch.testing.assert_close(own.float(), exact, atol=0.05, rtol=0)


def test_a_gradient_of_the_gradient_is_refused() -> None:
    inputs = make_inputs(torch.float32)
    (gradient,) = torch.autograd.grad(
        attend_explicitly(*inputs, None).square().sum(), inputs[:1], create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
