"""TensorFlow's modules and checkpoints among the fixtures, and what was computed from them."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

Reference = dict[str, npt.NDArray[np.generic]]

HERE = Path(__file__).parents[1] / "fixtures"


def fixture(name: str, home: Path, tmp_path: Path) -> Path:
    """The directory of a fixture in `home`; what is packed is unpacked into `tmp_path`."""
    if (home / name).is_dir():
        return home / name
    with tarfile.open(home / f"{name}.tar.gz") as archive:
        archive.extractall(tmp_path / name, filter="data")
    return tmp_path / name


def reference(name: str, home: Path) -> Reference:
    """The inputs and outputs that TensorFlow computed."""
    with np.load(home / f"{name}_reference.npz") as file:
        return dict(file)
