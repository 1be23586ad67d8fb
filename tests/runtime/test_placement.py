"""A device is found, or refused by one line before anything is loaded."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.support.axes import random_weights
from tests.support.tiny_models import TINY, save_tiny, save_tiny_vectors
from tests.support.words import words_of

from albertkit import FillMask, TextEmbedder, load
from albertkit.errors import InputError, ResourceError
from albertkit.runtime.choose_engine import Placement, choose_placement
from albertkit.spec.pooling_config import PoolingConfig

WEIGHTS = random_weights(TINY)
TEXTS = ["a glass of water", "How old are you?", "the"]


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch would say of them; nothing is computed there."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device}")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_everything_is_on_the_cpu() -> None:
    assert choose_placement() == Placement("auto", "cpu")
    assert choose_placement("auto", "auto") == Placement("auto", "cpu")
    assert choose_placement("torch") == Placement("torch", "cpu")
    assert choose_placement("numpy", "auto") == Placement("numpy", "cpu")


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_is_torchs_where_it_is_asked_for() -> None:
    assert choose_placement() == Placement("auto", "cpu")
    assert (
        choose_placement("auto", "auto")
        == choose_placement("torch")
        == choose_placement("auto", "cuda")
    )
    assert choose_placement("auto", "cuda:1") == Placement("torch", "cuda:1")
    assert choose_placement("torch", "cpu") == Placement("torch", "cpu")
    assert choose_placement("openvino", "auto") == Placement("openvino", "cpu")
    processor = choose_placement("auto", "cuda:1").processor()
    assert processor.describe_bfloat16() == "torch's engine on GPU cuda:1 has bfloat16 instructions"
    assert not processor.int8


@pytest.mark.usefixtures("two_gpus")
def test_a_third_of_two_gpus_is_refused() -> None:
    with pytest.raises(ResourceError, match=r"'cuda:2', and torch sees 2 GPUs;.*-unavailable"):
        choose_placement("auto", "cuda:2")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("opening", [load, TextEmbedder, FillMask])
def test_a_gpu_that_is_not_here_is_refused_before_the_model_is_looked_for(
    opening: type[TextEmbedder],
) -> None:
    with pytest.raises(ResourceError, match=r"sees no GPU;.*\[device-unavailable\]"):
        opening("no-such-model", device="cuda")


@pytest.mark.parametrize(
    "device", ["gpu", "cuda:x", "cuda:٣", "cuda:01", "cuda:128", "mps", 0, ["cuda"]]
)
def test_an_unknown_device_is_refused(device: object) -> None:
    with pytest.raises(InputError, match=r"device is.*'cuda:0'.*\[option-invalid\]"):
        choose_placement("auto", device)  # type: ignore[arg-type]  # that is the test
    with pytest.raises(InputError, match=r"device is.*'cuda:0'.*\[option-invalid\]"):
        choose_placement("auto", device, deterministic=True)  # type: ignore[arg-type]  # too


def test_an_engine_of_the_cpu_has_no_gpu() -> None:
    with pytest.raises(InputError, match=r"openvino computes on the CPU.*\[option-invalid\]"):
        choose_placement("openvino", "cuda")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"device": "cuda"}, "device='cuda' needs torch"),
        ({"engine": "torch"}, "engine='torch' needs torch"),
        ({"engine": "openvino"}, "engine='openvino' needs openvino"),
    ],
)
def test_without_its_library_an_engines_extra_is_named(
    asked: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # its import fails
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ResourceError, match=rf"{says}.*\[extra-missing\]"):
        load("no-such-model", **asked)  # type: ignore[arg-type]  # plain data
    assert choose_placement("auto", "auto") == Placement("auto", "cpu")


@pytest.mark.usefixtures("no_gpu")
def test_torch_answers_all_tasks(tmp_path: Path) -> None:
    vectors = save_tiny_vectors(tmp_path / "vectors", PoolingConfig())
    actual = TextEmbedder(vectors, engine="torch", device="cpu").encode(TEXTS)
    expected = TextEmbedder(vectors, engine="numpy").encode(TEXTS)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)
    words = save_tiny(tmp_path / "words", ["masked_lm"])
    mine, other = (
        words_of(FillMask(words, engine=engine)("a [MASK] of water"))
        for engine in ("torch", "numpy")
    )
    assert [word["token"] for word in mine] == [word["token"] for word in other]
    assert mine[0]["score"] == pytest.approx(other[0]["score"], abs=1e-5)


@pytest.mark.usefixtures("no_gpu")
def test_torch_has_no_int8(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"torch computes in float32 and bfloat16 only.*-invalid"):
        load(save_tiny(tmp_path / "model"), engine="torch", precision="int8")
