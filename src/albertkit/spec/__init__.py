"""What an ALBERT is: its config, its parameters, its heads."""

from albertkit.spec.config import AlbertConfig
from albertkit.spec.heads import HEADS, HeadSpec, head
from albertkit.spec.parameters import Parameter, ParameterTable, parameter_table
from albertkit.spec.presets import PRESETS, preset
from albertkit.spec.weights import Weights

__all__ = [
    "HEADS",
    "PRESETS",
    "AlbertConfig",
    "HeadSpec",
    "Parameter",
    "ParameterTable",
    "Weights",
    "head",
    "parameter_table",
    "preset",
]
