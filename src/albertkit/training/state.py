"""Checkpoints of a run: enough to go on as if there had been no interruption.

`checkpoint-00000250/` holds `state.safetensors` (parameters and the optimizer's tensors, float32)
and `state.json` (progress and settings). A checkpoint has its name only when it is whole.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from albertkit.errors import FormatError, InputError
from albertkit.fileformats.atomic import TEMPORARY, create_directory
from albertkit.fileformats.reader import read_json
from albertkit.fileformats.safetensors import read_safetensors, write_safetensors
from albertkit.training.optimizers import MixedOptimizer
from albertkit.training.recipe import FREE_SETTINGS

Settings: TypeAlias = Mapping[str, object]  # flat: "training.seed" → 0; values as JSON has them
NAME = re.compile(r"checkpoint-(\d+)")
UNFINISHED = f".checkpoint-*{TEMPORARY}*"
OTHER_DIRECTORY = "another directory (--run; of finetune --output)"


@dataclass(slots=True)
class Progress:
    """How far a run is: its next batch is number `batch` of `block` of `epoch`."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0  # of computing
    epoch: int = 0
    block: int = 0
    batch: int = 0  # batches of the block that all ranks have used
    fraction: float = 0.0  # of the run that was done when the block began
    best_step: int = 0
    best_value: float = float("inf")


def save_checkpoint(
    directory: Path,
    progress: Progress,
    parameters: Mapping[str, nn.Parameter],
    optimizer: MixedOptimizer,
    settings: Settings,
    *,
    keep: int,
) -> None:
    """Write a checkpoint into the output directory, then remove old ones.

    Args:
        directory: the run's output directory.
        progress: of the run.
        parameters: by canonical names.
        optimizer: of these parameters.
        settings: what a resumed run must have too.
        keep: how many of the last checkpoints stay, besides the best.
    """
    arrays = {f"parameter/{name}": _convert_to_array(p) for name, p in parameters.items()}
    for name, parameter in parameters.items():
        for key, tensor in optimizer.state[parameter].items():
            arrays[f"{key}/{name}"] = _convert_to_array(tensor).reshape(tensor.shape or (1,))
    numbers = {k: v for k, v in asdict(progress).items() if v != float("inf")}
    with create_directory(make_checkpoint_path(directory, progress.step)) as staging:
        write_safetensors(staging / "state.safetensors", arrays, metadata={})
        (staging / "state.json").write_text(
            json.dumps({"progress": numbers, "settings": settings}, indent=1), encoding="utf-8"
        )
    paths = list_checkpoints(directory)
    for path in paths[: max(0, len(paths) - max(1, keep))]:
        if int(path.name.split("-")[1]) != progress.best_step:
            shutil.rmtree(path)


def make_checkpoint_path(directory: Path, step: int) -> Path:
    """The directory of the checkpoint after a step, in an output directory."""
    return directory / f"checkpoint-{step:08d}"


def list_checkpoints(directory: Path) -> list[Path]:
    """The whole checkpoints of an output directory, oldest first."""
    if not directory.is_dir():
        return []
    paths = [path for path in directory.iterdir() if NAME.fullmatch(path.name)]
    return sorted(paths, key=lambda path: int(path.name.split("-")[1]))


def remove_unfinished(directory: Path) -> None:
    """Remove the checkpoints that killed processes had begun to write: each may have gigabytes."""
    for path in directory.glob(UNFINISHED):
        shutil.rmtree(path)


def read_progress(checkpoint: Path) -> Progress:
    """Read how far the run of a checkpoint was."""
    state = read_json(checkpoint / "state.json")
    return Progress(**state["progress"])  # type: ignore[arg-type]  # our own file


def load_parameters(directory: Path, step: int, parameters: Mapping[str, nn.Parameter]) -> None:
    """Load the parameters of one checkpoint, such as the best.

    Args:
        directory: the run's output directory.
        step: of the checkpoint.
        parameters: get the saved values.
    """
    arrays = read_safetensors(make_checkpoint_path(directory, step) / "state.safetensors")
    for name, parameter in parameters.items():
        parameter.data.copy_(torch.from_numpy(np.array(arrays[f"parameter/{name}"])))


def load_checkpoint(
    directory: Path,
    parameters: Mapping[str, nn.Parameter],
    optimizer: MixedOptimizer,
    settings: Settings,
) -> Progress | None:
    """Load the last checkpoint of an output directory; None if there is none.

    Args:
        directory: the run's output directory.
        parameters: get the saved values.
        optimizer: gets its saved tensors.
        settings: of this run; compared with the saved ones, except FREE_SETTINGS and those that
            the release which saved them did not have.

    Raises:
        InputError: [run-settings-changed].
        FormatError: [run-model-mismatch] if the saved arrays are not these parameters'.
    """
    paths = list_checkpoints(directory)
    if not paths:
        return None
    path = paths[-1]
    state = read_json(path / "state.json")
    _check_settings(state["settings"], json.loads(json.dumps(settings)), directory)
    progress = read_progress(path)
    arrays = read_safetensors(path / "state.safetensors")
    for name, parameter in parameters.items():
        saved = arrays.get(f"parameter/{name}")
        if saved is None or saved.shape != tuple(parameter.shape):
            raise FormatError(
                "run-model-mismatch",
                f"the saved run has {name} of shape {None if saved is None else saved.shape}",
                why=f"this recipe's model has {tuple(parameter.shape)}",
                fix=f"Begin a run in {OTHER_DIRECTORY}",
                where=str(path),
            )
        parameter.data.copy_(torch.from_numpy(np.array(saved)))
    for key in arrays:
        kind, _, name = key.partition("/")
        if kind != "parameter":
            parameter = parameters[name]
            tensor = torch.from_numpy(np.array(arrays[key])).to(parameter.device)
            optimizer.state[parameter][kind] = tensor.squeeze() if kind == "step" else tensor
    return progress


def _convert_to_array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()


def _check_settings(saved: object, current: Settings, directory: Path) -> None:
    """Raise if the run began with other settings than these."""
    old = saved if isinstance(saved, dict) else {}
    changed = [
        f"{key} was {_format_setting(old[key])} and is {_format_setting(current.get(key))}"
        for key in sorted(old)
        if key not in FREE_SETTINGS and old[key] != current.get(key)
    ]
    if changed:
        raise InputError(
            "run-settings-changed",
            f"the run in {str(directory)!r} began with other settings: {'; '.join(changed[:5])}",
            why="it can only go on exactly with the same settings",
            fix=f"Restore the recipe and the data, remove {str(directory)!r}, or begin a run in"
            f" {OTHER_DIRECTORY}",
        )


def _format_setting(value: object) -> str:
    """A value as a recipe writes it: a schedule's points as a list, or as its only value."""
    if isinstance(value, Mapping):
        points = [list(point) for point in value["points"]]
        value = points if len(points) > 1 else points[0][1]
    return repr(value)
