"""The warning when OpenVINO cannot be imported and another engine computes in its place."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from types import MappingProxyType

from albertkit.errors import Diagnostic, ResourceError

LOGGER = logging.getLogger(__name__)

# benchmarks/engines.py; figures in docs/engines.md
COSTS: Mapping[str, str] = MappingProxyType(
    {
        "torch": "it takes two seconds to start, and a little longer for each text",
        "numpy": "it takes longer for each text, and the difference grows with the number of cores",
    }
)


def warn_replaced(error: ResourceError, by: str) -> None:
    """Log once for each engine; error: what `openvino()` raised."""
    _warn(error.diagnostic.why, by)


@functools.cache
def _warn(why: str, by: str) -> None:
    LOGGER.warning(
        Diagnostic(
            "engine-replaced",
            "warning",
            f"OpenVINO cannot be imported, and {by} computes in its place",
            why=why,
            fix=f"The numbers are the same, but {COSTS[by]}",
        ).line()
    )
