"""Whole runs on a stand-in for a GPU: all that they compute and save is moved as a GPU needs it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from albertkit.pretraining import distillation, pretrain
from albertkit.pretraining.distillation_config import DistillationConfig
from albertkit.pretraining.pretraining_config import PretrainingConfig
from albertkit.pretraining.recipe import Recipe, read_recipe
from albertkit.spec import Weights
from albertkit.training.devices import TrainingDevice
from albertkit.training.loop import Metrics
from albertkit.training.recipe import Optimizer
from tests.pretraining import test_distillation, test_pretrain
from tests.support.far_device import FarTensor, far_device

ROUNDING = 1e-5  # a GPU's cross entropy is torch's, the CPU's our own


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Choose the stand-in in each run."""
    with far_device() as device:
        for module in (pretrain, distillation):
            monkeypatch.setattr(
                module, "choose_training_device", lambda *names: TrainingDevice(device)
            )
        yield


def read_pretraining(directory: Path, optimizer: Optimizer = "adamw") -> Recipe[PretrainingConfig]:
    recipe = read_recipe(test_pretrain.write_recipe(directory), PretrainingConfig)
    rate = 2e-2 if optimizer == "adamw" else 0.0  # LAMB has all parameters for itself
    training = replace(
        recipe.training,
        max_steps=6,
        save_steps=3,
        logging_steps=1,
        optimizer=optimizer,
        muon_learning_rate=rate,
    )
    return replace(recipe, training=training)


def compare(near: Weights, far: Weights) -> None:
    for name, array in near.arrays.items():
        np.testing.assert_allclose(far.arrays[name], array, atol=ROUNDING, err_msg=name)


def test_the_stand_in_acts_as_a_gpu() -> None:
    here = torch.ones(3)
    with far_device() as device:
        there = here.to(device)
        assert isinstance(there, FarTensor)
        assert there.device.type == torch.zeros(2, device=there.device).device.type == "cuda"
        with pytest.raises(RuntimeError, match="on the same device"):
            there + here
        for read in (FarTensor.numpy, np.asarray):
            with pytest.raises(TypeError, match="can't convert cuda:0"):
                read(there)
        assert there.cpu().numpy().tolist() == [1, 1, 1]
        linear = torch.nn.Linear(3, 1).to(device)
        linear(there).backward()
        assert isinstance(linear.weight.grad, FarTensor)
        with pytest.raises(RuntimeError, match="on the same device"):
            linear(here)


@pytest.mark.parametrize("optimizer", ["adamw", "lamb"])
def test_pretraining_on_a_gpu_computes_what_the_cpu_computes(
    tmp_path: Path, optimizer: Optimizer, request: pytest.FixtureRequest
) -> None:
    recipe = read_pretraining(tmp_path, optimizer)
    near = pretrain.pretrain(recipe, tmp_path / "near")
    request.getfixturevalue("gpu")
    compare(near, pretrain.pretrain(recipe, tmp_path / "far"))


def test_a_run_begun_on_the_cpu_goes_on_on_a_gpu(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    recipe = read_pretraining(tmp_path)
    whole = pretrain.pretrain(recipe, tmp_path / "whole")

    def stop(metrics: Metrics) -> None:
        if metrics["step"] == 4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        pretrain.pretrain(recipe, tmp_path / "parts", stop)
    request.getfixturevalue("gpu")
    moved = replace(recipe, training=replace(recipe.training, device="cuda"))
    compare(whole, pretrain.pretrain(moved, tmp_path / "parts"))


def test_distillation_on_a_gpu_computes_what_the_cpu_computes(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    losses = "gram = 20.0\ncontrastive = 0.1\nhalvings = 1"
    recipe = read_recipe(test_distillation.write_recipe(tmp_path, losses), DistillationConfig)
    recipe = replace(recipe, training=replace(recipe.training, max_steps=4))
    near = distillation.distil(recipe, tmp_path / "near")
    request.getfixturevalue("gpu")
    compare(near, distillation.distil(recipe, tmp_path / "far"))
