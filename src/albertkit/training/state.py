"""The state of a run on disk: enough to go on as if nothing had happened.

A run directory holds `state.safetensors` (parameters and their moments, float32) and
`state.json` (plain numbers), replaced together, whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn
from torch.optim import AdamW

from albertkit.errors import FormatError
from albertkit.fileformats.atomic import new_directory
from albertkit.fileformats.reader import read_json
from albertkit.fileformats.safetensors import read_safetensors, write_safetensors

MOMENTS = ("exp_avg", "exp_avg_sq")  # torch's names in AdamW's state; Muon has the first alone


@dataclass(slots=True)
class Progress:
    """Where a run stands. Batches are counted in the epoch, so that they can be skipped."""

    step: int = 0
    tokens: int = 0
    epoch: int = 0
    batch: int = 0


def save_state(
    place: Path, progress: Progress, parameters: Mapping[str, nn.Parameter], optimiser: AdamW
) -> None:
    """Write the run's state into the directory `place`."""
    arrays = {f"parameter/{name}": p.detach().numpy() for name, p in parameters.items()}
    for name, p in parameters.items():
        kept = optimiser.state[p]
        arrays |= {f"{m}/{name}": kept[m].numpy() for m in MOMENTS if m in kept}
    with new_directory(place) as fresh:
        write_safetensors(fresh / "state.safetensors", arrays, metadata={})
        (fresh / "state.json").write_text(json.dumps(asdict(progress)))


def open_state(
    place: Path, parameters: Mapping[str, nn.Parameter], optimiser: AdamW
) -> Progress | None:
    """Put a saved state into `parameters` and `optimiser`; None where there is none.

    Raises FormatError [run-model-mismatch] where the saved arrays are not these parameters'.
    """
    if not (place / "state.json").exists():
        return None
    numbers = read_json(place / "state.json")
    progress = Progress(**{name: int(str(value)) for name, value in numbers.items()})
    arrays = read_safetensors(place / "state.safetensors")
    for name, p in parameters.items():
        saved = arrays.get(f"parameter/{name}")
        if saved is None or saved.shape != tuple(p.shape):
            raise FormatError(
                "run-model-mismatch",
                f"the saved run has {name} of shape {None if saved is None else saved.shape}",
                why=f"this recipe's model has {tuple(p.shape)}",
                fix="Give another directory for this run",
                where=str(place),
            )
        with torch.no_grad():
            p.copy_(torch.from_numpy(saved.copy()))
        found = {m: f"{m}/{name}" for m in MOMENTS if f"{m}/{name}" in arrays}
        moments = {m: torch.from_numpy(arrays[key].copy()) for m, key in found.items()}
        optimiser.state[p] = {"step": torch.tensor(float(progress.step)), **moments}
    return progress
