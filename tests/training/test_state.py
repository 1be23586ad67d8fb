"""What is saved of a run comes from any device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from albertkit.pretraining.initialization import to_arrays
from albertkit.training.optimizers import make_optimizer
from albertkit.training.recipe import TrainingConfig
from albertkit.training.state import Progress, load_checkpoint, save_checkpoint

CONFIG = TrainingConfig(max_steps=1, learning_rate=0.1, muon_learning_rate=0.1)


class FarTensor(Tensor):
    """A tensor as on a GPU: numpy cannot read it before `.cpu()` brings it here."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        plain = [a.as_subclass(Tensor) if isinstance(a, FarTensor) else a for a in args]
        if func is Tensor.numpy:
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        result = func(*plain, **(kwargs or {}))
        if func is Tensor.cpu or not isinstance(result, Tensor):
            return result
        return result.as_subclass(cls)


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
