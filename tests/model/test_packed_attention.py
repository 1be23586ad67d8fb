"""Attention within texts: the same by a mask, by runs, and as far as a kernel that is not here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.support.axes import CONFIG, CONFIGS, random_weights
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import varlen

from albertkit import AlbertConfig
from albertkit.model import packed_attention
from albertkit.model.packed_attention import TextBounds, attend_within_texts, make_packed_mask
from albertkit.model.torch_engine import build_encoder

CPU = torch.device("cpu")
LENGTHS = (3, 1, 7, 7, 7, 2, 2, 3)  # T = 32


@pytest.mark.parametrize("lengths", [LENGTHS, sorted(LENGTHS), (32,), (1,) * 32])
def test_each_text_sees_itself_as_a_mask_would_let_it(lengths: Sequence[int]) -> None:
    q, k, v = torch.randn(3, 1, 4, 32, 6, generator=torch.Generator().manual_seed(0)).unbind()
    segment_ids = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
    expected = F.scaled_dot_product_attention(q, k, v, make_packed_mask(segment_ids[None]))
    actual = attend_within_texts(q, k, v, TextBounds.of(lengths, CPU))
    torch.testing.assert_close(actual, expected, atol=1e-6, rtol=0)


def test_neighbours_of_one_length_are_one_run() -> None:
    bounds = TextBounds.of(LENGTHS, CPU)
    assert bounds.runs == ((3, 1), (1, 1), (7, 3), (2, 2), (3, 1))
    assert bounds.offsets.tolist() == [0, 3, 4, 11, 18, 25, 27, 29, 32]
    assert bounds.longest == 7


class Calls:
    """A kernel in which nothing computes: what reaches it, checked as torch's own is."""

    def __init__(self) -> None:
        self.seen: list[tuple[tuple[int, ...], object]] = []

    def __call__(self, q: Tensor, *given: Any, **named: Any) -> Tensor:
        assert set(named) == {"scale"}  # all that every backend takes
        self.seen.append((tuple(q.shape), named["scale"]))
        output = varlen.varlen_attn(q, *given, **named)  # torch's, on tensors without numbers
        assert isinstance(output, Tensor)
        return output


def vectors_on_a_gpu(config: AlbertConfig, dtype: torch.dtype) -> Tensor:
    """Token vectors by an encoder whose tensors are a GPU's, without their numbers."""
    encoder = build_encoder(random_weights(config), torch.float32, CPU)
    with FakeTensorMode():
        gpu = torch.device("cuda")
        state = {
            name: torch.empty(value.shape, dtype=dtype, device=gpu)
            for name, value in encoder.named_parameters()
        }
        encoder.load_state_dict(state, assign=True)
        numbers = torch.empty(1, sum(LENGTHS), dtype=torch.int32, device=gpu)
        offsets = torch.empty(len(LENGTHS) + 1, dtype=torch.int32, device=gpu)
        bounds = TextBounds(offsets, TextBounds.of(LENGTHS, CPU).runs)
        with torch.inference_mode():
            return encoder.token_vectors(numbers, numbers, numbers, bounds)


@pytest.mark.parametrize("axis", ["plain", "two_inner_layers", "heads_of_odd_size"])
def test_on_a_gpu_every_repetition_reaches_the_kernel_with_heads_that_it_takes(
    axis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = CONFIGS[axis]
    kernel = Calls()
    monkeypatch.setattr(packed_attention, "_find_kernel", lambda: kernel)
    vectors = vectors_on_a_gpu(config, torch.bfloat16)
    assert vectors.shape == (1, 32, config.hidden_size)
    assert (vectors.device.type, vectors.dtype) == ("cuda", torch.bfloat16)
    assert len(kernel.seen) == config.num_hidden_layers * config.inner_group_num
    for shape, scale in kernel.seen:
        assert shape[:2] == (32, config.num_attention_heads)
        assert shape[2] % 8 == 0
        assert scale == config.head_size**-0.5


def test_in_float32_a_gpu_computes_run_by_run(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Calls()
    monkeypatch.setattr(packed_attention, "_find_kernel", lambda: kernel)
    vectors = vectors_on_a_gpu(CONFIG, torch.float32)
    assert (vectors.device.type, vectors.dtype) == ("cuda", torch.float32)
    assert kernel.seen == []


def test_a_torch_without_the_kernel_computes_run_by_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.nn.attention.varlen", None)  # its import fails
    packed_attention._find_kernel.cache_clear()
    assert packed_attention._find_kernel() is None
    vectors = vectors_on_a_gpu(CONFIG, torch.bfloat16)
    assert vectors.dtype == torch.bfloat16
    packed_attention._find_kernel.cache_clear()


def test_the_kernel_is_torchs_own_where_torch_has_it() -> None:
    assert packed_attention._find_kernel() is varlen.varlen_attn
