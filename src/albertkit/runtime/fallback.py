"""What answers on a platform where OpenVINO cannot be imported: torch if it is there, else numpy.

In float32 their numbers are the same; only time is lost, and a person is told so once.
"""

from __future__ import annotations

import functools
import logging

from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.protocol import Engine
from albertkit.errors import Finding, SurroundingsError
from albertkit.spec import Weights

LOGGER = logging.getLogger(__name__)


def in_place_of_openvino(weights: Weights, error: SurroundingsError) -> Engine:
    """An engine in float32; error: what importing OpenVINO raised."""
    try:
        from albertkit.model.torch_engine import TorchEngine
    except ImportError:
        _tell(error.finding.why, "numpy", "COST")
        return NumpyEngine(weights)
    _tell(error.finding.why, "torch", "COST")
    return TorchEngine(weights)


@functools.cache
def _tell(why: str, engine: str, cost: str) -> None:
    LOGGER.warning(
        Finding(
            "engine-replaced",
            "warning",
            f"OpenVINO cannot be imported, and {engine} computes in its place",
            why=why,
            fix=f"The numbers are the same, {cost}",
        ).line()
    )
