"""Attention in groups of padded texts, against torch's own with a mask, gradients included."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from tests.support.axes import CONFIGS, random_weights
from torch import Tensor

from albertkit import AlbertConfig
from albertkit.model.packed_attention import TextBounds, attend_within_texts, make_packed_mask
from albertkit.model.padded_attention import GROUPS, attend_from_first_tokens, make_groups
from albertkit.model.torch_engine import build_encoder

CPU = torch.device("cpu")
LENGTHS = (3, 1, 7, 7, 7, 2, 2, 3)  # T = 32


def make_inputs() -> tuple[Tensor, Tensor, Tensor]:
    """q, k and v [1, 4, 32, 6], as views like those of a layer."""
    q, k, v = torch.randn(3, 1, 32, 4, 6, generator=torch.Generator().manual_seed(0)).unbind()
    return tuple(x.transpose(1, 2).requires_grad_() for x in (q, k, v))  # type: ignore[return-value]


def attend_with_mask(q: Tensor, k: Tensor, v: Tensor, lengths: Sequence[int]) -> Tensor:
    segment_ids = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
    return F.scaled_dot_product_attention(q, k, v, make_packed_mask(segment_ids[None]))


@pytest.mark.parametrize("lengths", [LENGTHS, sorted(LENGTHS), (32,), (1,) * 32, (8, 8, 8, 8)])
@pytest.mark.parametrize("is_first_only", [False, True])
def test_output_and_gradients_are_those_of_a_mask(
    lengths: Sequence[int], is_first_only: bool
) -> None:
    q, k, v = make_inputs()
    bounds = TextBounds.of(lengths, CPU)
    firsts = bounds.offsets[:-1]
    expected = attend_with_mask(q, k, v, lengths)
    if is_first_only:
        expected = expected[:, :, firsts]
        actual = attend_from_first_tokens(q[:, :, firsts], k, v, bounds.runs, 0.0)
    else:
        actual = attend_within_texts(q, k, v, bounds)
    torch.testing.assert_close(actual, expected, atol=1e-6, rtol=0)
    weights = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1))
    for own, other in zip(
        torch.autograd.grad((actual * weights).sum(), (q, k, v)),
        torch.autograd.grad((expected * weights).sum(), (q, k, v)),
        strict=True,
    ):
        torch.testing.assert_close(own, other, atol=1e-5, rtol=0)


def test_texts_are_divided_into_groups_of_about_equal_numbers() -> None:
    groups = make_groups(TextBounds.of([8] * 6 + [5] + [9] * 5, CPU).runs, CPU)
    assert [group.count for group in groups] == [12 // GROUPS] * GROUPS
    assert [group.length for group in groups] == [8, 16]
    assert [group.tokens for group in groups] == [48, 50]
    assert [group.mask is None for group in groups] == [True, False]


def test_dropout_is_of_the_probabilities() -> None:
    bounds = TextBounds.of((32,), CPU)
    q, k, v = make_inputs()
    assert attend_within_texts(q, k, v, bounds, 1.0).abs().max() == 0
    torch.manual_seed(0)
    means = torch.stack([attend_within_texts(q, k, v, bounds, 0.5) for _ in range(400)]).mean(0)
    torch.testing.assert_close(means, attend_within_texts(q, k, v, bounds), atol=0.15, rtol=0)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_first_vectors_are_the_first_of_all_token_vectors(config: AlbertConfig) -> None:
    encoder = build_encoder(random_weights(config), torch.float32, CPU)
    rng = torch.Generator().manual_seed(2)
    ids = torch.randint(config.vocab_size, (1, 32), generator=rng)
    type_ids = torch.randint(config.type_vocab_size, (1, 32), generator=rng)
    positions = torch.cat([torch.arange(length) for length in LENGTHS])[None]
    bounds = TextBounds.of(LENGTHS, CPU)
    expected = encoder.token_vectors(ids, type_ids, positions, bounds)[0, bounds.offsets[:-1]]
    actual = encoder.first_vectors(ids, type_ids, positions, bounds)
    torch.testing.assert_close(actual, expected, atol=2e-5, rtol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(
            encoder.first_vectors(ids, type_ids, positions, bounds), actual, atol=2e-5, rtol=1e-5
        )
