"""What is saved of a run comes from any device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.support.far_device import FarTensor
from torch import nn

from albertkit.errors import InputError
from albertkit.pretraining.initialization import to_arrays
from albertkit.training.optimizers import make_optimizer
from albertkit.training.recipe import TrainingConfig
from albertkit.training.state import (
    Progress,
    list_checkpoints,
    load_checkpoint,
    make_checkpoint_path,
    save_checkpoint,
)

CONFIG = TrainingConfig(max_steps=1, learning_rate=0.1, muon_learning_rate=0.1)


def make_parameters() -> dict[str, nn.Parameter]:
    torch.manual_seed(0)
    return {
        "matrix": nn.Parameter(torch.randn(4, 4)),
        "bias": nn.Parameter(torch.randn(4)),
        "scale": nn.Parameter(torch.randn(1)),
    }


def test_a_checkpoint_restores_parameters_and_moments(tmp_path: Path) -> None:
    parameters = make_parameters()
    optimizer = make_optimizer(parameters, {"matrix"}, {"matrix"}, CONFIG)
    for parameter in parameters.values():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    progress = Progress(step=1, tokens=7, block=3, fraction=0.5)
    save_checkpoint(tmp_path, progress, parameters, optimizer, {}, keep=1)
    others = {name: nn.Parameter(torch.zeros_like(p)) for name, p in parameters.items()}
    other = make_optimizer(others, {"matrix"}, {"matrix"}, CONFIG)
    assert load_checkpoint(tmp_path, others, other, {}) == progress
    for name, parameter in parameters.items():
        assert torch.equal(parameter, others[name])
        saved, loaded = optimizer.state[parameter], other.state[others[name]]
        assert saved.keys() == loaded.keys()
        assert all(torch.equal(saved[key], loaded[key]) for key in saved), name
        assert all(saved[key].shape == loaded[key].shape for key in saved), name


def test_tensors_of_another_device_are_saved(tmp_path: Path) -> None:
    parameters: dict[str, Any] = {
        n: p.data.as_subclass(FarTensor) for n, p in make_parameters().items()
    }
    state = {p: {"exp_avg": p * 2, "step": p.sum()} for p in parameters.values()}
    optimizer: Any = type("Optimizer", (), {"state": state})()
    save_checkpoint(tmp_path, Progress(step=1), parameters, optimizer, {}, keep=1)
    arrays = to_arrays(parameters)
    for name, parameter in make_parameters().items():
        assert arrays[name].tolist() == parameter.detach().numpy().tolist()


@pytest.mark.parametrize("has_new_key", [True, False])
def test_a_setting_that_an_older_release_did_not_have_is_not_compared(
    tmp_path: Path, has_new_key: bool
) -> None:
    parameters = make_parameters()
    optimizer = make_optimizer(parameters, (), (), CONFIG)
    saved = {"data.shard": "a", **({"data.new": 1} if has_new_key else {})}
    save_checkpoint(tmp_path, Progress(step=1), parameters, optimizer, saved, keep=1)
    now = {"data.shard": "a", "data.new": 2}
    if has_new_key:
        with pytest.raises(InputError, match=r"data\.new was 1 and is 2.*run-settings-changed"):
            load_checkpoint(tmp_path, parameters, optimizer, now)
    else:
        assert load_checkpoint(tmp_path, parameters, optimizer, now) == Progress(step=1)


def test_checkpoints_are_in_the_order_of_their_steps(tmp_path: Path) -> None:
    """Also where the number has more digits than the name has zeros for."""
    for step in (99_999_999, 100_000_000, 5):
        make_checkpoint_path(tmp_path, step).mkdir()
    steps = [int(path.name.split("-")[1]) for path in list_checkpoints(tmp_path)]
    assert steps == [5, 99_999_999, 100_000_000]
