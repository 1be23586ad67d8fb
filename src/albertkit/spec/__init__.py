"""What an ALBERT is: its config, its parameters, its heads."""

from albertkit.spec.config import AlbertConfig
from albertkit.spec.heads import HEADS, HeadSpec, head
from albertkit.spec.parameters import Parameter, ParameterTable, Weights, parameter_table

__all__ = [
    "HEADS",
    "AlbertConfig",
    "HeadSpec",
    "Parameter",
    "ParameterTable",
    "Weights",
    "head",
    "parameter_table",
]
