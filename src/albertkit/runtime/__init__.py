"""A name or a directory → a model that answers."""

from albertkit.runtime.calibration_texts import Calibration
from albertkit.runtime.choose_engine import EngineName
from albertkit.runtime.computing import Computing, Opening
from albertkit.runtime.loaded import LoadedModel, load
from albertkit.runtime.opened import Opened, opened
from albertkit.runtime.precision import PrecisionName

__all__ = [
    "Calibration",
    "Computing",
    "EngineName",
    "LoadedModel",
    "Opened",
    "Opening",
    "PrecisionName",
    "load",
    "opened",
]
