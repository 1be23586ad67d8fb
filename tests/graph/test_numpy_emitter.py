"""Each operation of the numpy emitter against torch's, where values are large too."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from tests.support.axes import CONFIG
from torch.nn import functional as F

from albertkit.arrays import FloatArray
from albertkit.graph.encoder import MASKED_SCORE
from albertkit.graph.numpy_emitter import (
    NOT_WORTH_SHARING,
    ONE_CORE_PRODUCTS,
    ONE_CORE_VECTOR_PRODUCTS,
    NumpyEmitter,
    matmul,
)
from albertkit.spec.config_values import Activation

TORCH = {
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_erf": F.gelu,
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "relu": F.relu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "identity": lambda x: x,
}


@pytest.mark.parametrize("kind", get_args(Activation))
def test_activations_equal_torch_also_far_out(kind: Activation) -> None:
    x = np.concatenate([np.linspace(-12, 12, 4001), [-1e4, -100, 100, 1e4]]).astype(np.float32)
    given = x.copy()
    actual = NumpyEmitter(CONFIG, {}).activate(x, kind)
    assert actual.dtype == np.float32
    # the erf series errs by 1.5e-7, times x/2; everything else by roundings
    np.testing.assert_allclose(actual, TORCH[kind](torch.tensor(x)).numpy(), rtol=3e-7, atol=1e-6)
    np.testing.assert_array_equal(x, given)


# (M, K, N): in one piece, a vector on either side, in tiles, in one piece again
PRODUCTS = [
    (1, 16, 8),
    (3, 1024, 80),
    (1, 128, 5000),
    (700, 512, 1),
    (3, 1024, 256),
    (37, 256, 1001),
    (70, 2048, 200),
]


@pytest.mark.parametrize("shape", PRODUCTS)
def test_a_product_in_tiles_is_the_product(shape: tuple[int, int, int]) -> None:
    M, K, N = shape
    x, weight = values((M, K)), values((N, K))
    expected = x.astype(np.float64) @ weight.T.astype(np.float64)
    np.testing.assert_allclose(matmul(x, weight), expected, rtol=0, atol=1e-6 * K)


def test_the_products_above_are_of_every_size() -> None:
    works = [math.prod(shape) for shape in PRODUCTS]
    assert works[0] <= ONE_CORE_VECTOR_PRODUCTS < works[1] <= ONE_CORE_PRODUCTS < min(works[2:])
    assert max(works[:-1]) <= NOT_WORTH_SHARING < works[-1]


WOKEN = """
import json, sys, time
from pathlib import Path
import numpy as np
from albertkit.graph.numpy_emitter import matmul

def others():
    tasks = [task for task in Path("/proc/self/task").iterdir() if task.name != main]
    return {task.name: (task / "schedstat").read_text().split()[0] for task in tasks}  # time run

def at_rest():
    before = None
    while before != (now := others()):
        before = now
        time.sleep(0.1)
    return now

def wakes(multiply):
    before = at_rest()
    for _ in range(100):  # on a busy machine some are over before a woken thread has run
        multiply()
    return at_rest() != before

main = Path("/proc/thread-self").resolve().name
for M, K, N in json.loads(sys.argv[1]):
    x, weight = np.ones((M, K), np.float32), np.ones((N, K), np.float32)
    print(wakes(lambda: matmul(x, weight)))
large = np.ones((512, 512), np.float32)
print(wakes(lambda: large @ large))
"""


@pytest.mark.skipif(
    not Path("/proc/thread-self/schedstat").exists(), reason="/proc/thread-self is not there"
)
def test_a_small_product_wakes_no_second_core() -> None:
    small = [shape for shape in PRODUCTS if math.prod(shape) <= NOT_WORTH_SHARING]
    # OpenBLAS then shares what is large among all cores that this process may run on
    env = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", WOKEN, json.dumps(small)],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    *ours, large = done.stdout.split()
    assert ours == ["False"] * len(small)
    assert large == str(len(os.sched_getaffinity(0)) > 1)  # what is looked for can be seen


@pytest.mark.parametrize("middle", [0.0, 100.0])
def test_norm_equals_torch_far_from_zero(middle: float) -> None:
    x, scale, shift = (values(shape) for shape in ((3, 5, 16), (16,), (16,)))
    x += np.float32(middle)
    actual = NumpyEmitter(CONFIG, {"n.weight": scale, "n.bias": shift}).norm(x, "n")
    expected = F.layer_norm(
        torch.tensor(x), (16,), torch.tensor(scale), torch.tensor(shift), CONFIG.layer_norm_eps
    )
    # a value of 100 has a last place of 8e-6, which the norm keeps
    np.testing.assert_allclose(actual, expected.numpy(), rtol=0, atol=2e-6 if not middle else 3e-5)


def test_attention_equals_torch_and_an_unseen_slot_counts_exactly_nothing() -> None:
    R, W, H, A = 2, 6, CONFIG.hidden_size, CONFIG.num_attention_heads
    query, key, value = (values((R, W, H)) for _ in range(3))
    mask = np.zeros((R, 1, W, W), np.float32)
    mask[:, :, :, 4:] = MASKED_SCORE
    emit = NumpyEmitter(CONFIG, {})
    actual = emit.attention(query, key, value, mask)

    heads = [torch.tensor(x).view(R, W, A, H // A).transpose(1, 2) for x in (query, key, value)]
    bare = F.scaled_dot_product_attention(heads[0], heads[1][:, :, :4], heads[2][:, :, :4])
    expected = bare.transpose(1, 2).reshape(R, W, H).numpy()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-6)

    value[:, 4:] = math.pi * 1e6
    np.testing.assert_array_equal(emit.attention(query, key, value, mask), actual)


CHANCE = np.random.default_rng(0)


def values(shape: tuple[int, ...]) -> FloatArray:
    return CHANCE.normal(0, 1, shape).astype(np.float32)
