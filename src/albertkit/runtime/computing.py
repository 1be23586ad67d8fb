"""Keywords of `load` that all who open a model for a user take too, and pass on as they are.

So a new one is written in `load`, here, and in the command line's options.
"""

from __future__ import annotations

from typing import TypedDict

from albertkit.runtime.calibration_texts import Calibration
from albertkit.runtime.choose_engine import EngineName
from albertkit.runtime.precision import PrecisionName
from albertkit.tokenization import TokenizerPolicy


class Computing(TypedDict, total=False):
    """By what answers are computed, and how exactly."""

    engine: EngineName
    device: str | None
    precision: PrecisionName
    calibration: Calibration
    deterministic: bool


class Opening(Computing, total=False):
    """Also where a model is looked for, and how it reads text."""

    policy: str | TokenizerPolicy | None
    revision: str | None
    token: str | bool | None
    local_files_only: bool
