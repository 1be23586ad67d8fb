"""Which engine computes on the CPU: the native one, else OpenVINO if it is installed, else numpy.

The native engine is missing if the package was installed without a compiler, or if the processor is
no x86-64 with AVX2. On processors with AMX OpenVINO has faster products of bfloat16. All give the
same numbers (float32: to 1e-5).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec
from typing import Literal

from albertkit.engine.native.library import find_obstacle
from albertkit.engine.protocol import Engine, Precision
from albertkit.errors import Diagnostic, ResourceError, extra_missing_error
from albertkit.errors.exceptions import make_install_command
from albertkit.spec import Weights

LOGGER = logging.getLogger(__name__)

CpuEngineName = Literal["native", "numpy", "openvino"]
_warned: set[str] = set()  # the engines that a warning was logged for


def choose_cpu_engine(precision: Precision) -> CpuEngineName:
    """Choose the engine for many texts. Logs one warning if the native engine is missing.

    Args:
        precision: What it must compute in.

    Returns:
        The engine's name.

    Raises:
        ResourceError: [engine-unavailable] for int8 without the native engine, [extra-missing] for
            bfloat16 with neither that nor OpenVINO.
    """
    obstacle = find_obstacle(precision)
    if obstacle is None:
        return "openvino" if precision == "bfloat16" and _has_faster_matrices() else "native"
    if precision == "int8":
        raise obstacle  # the other engines do not compute it
    if has_openvino():
        _warn_replaced(obstacle, by="OpenVINO")
        return "openvino"
    if precision == "bfloat16":
        raise extra_missing_error("openvino", "bfloat16 without the native engine")
    _warn_replaced(obstacle, by="numpy")
    return "numpy"


def create_cpu_engine(
    name: CpuEngineName,
    weights: Weights,
    *,
    precision: Precision = "float32",
    threads: int | None = None,
    deterministic: bool = False,
) -> Engine:
    """Create an engine.

    Args:
        name: Which one.
        weights: The model.
        precision: What it computes in; numpy only in float32.
        threads: Number of cores to use; None for all that this process may use. Not of numpy.
        deterministic: Bit-identical outputs for a text whatever the batch.

    Returns:
        The engine, which owns its memory.

    Raises:
        ResourceError: [engine-unavailable], [extra-missing].
    """
    if name == "numpy":
        from albertkit.engine.numpy_engine import NumpyEngine

        return NumpyEngine(weights, deterministic=deterministic)
    if name == "openvino":
        from albertkit.engine.openvino.engine import OpenVinoEngine

        create: Callable[..., Engine] = OpenVinoEngine
    else:
        from albertkit.engine.native.engine import NativeEngine

        create = NativeEngine
    return create(weights, precision=precision, threads=threads, deterministic=deterministic)


def has_openvino() -> bool:
    """Whether OpenVINO is installed; it is not imported."""
    return find_spec("openvino") is not None


def _has_faster_matrices() -> bool:
    """Whether the processor has AMX, and OpenVINO is there to use it."""
    if not has_openvino():
        return False
    from albertkit.engine.processor import read_cpu_flags

    return "amx_bf16" in (read_cpu_flags() or ())


def _warn_replaced(obstacle: ResourceError, by: str) -> None:
    """Log once in a process for each engine that computes in place of the native one."""
    if by in _warned:
        return
    _warned.add(by)
    fix = f"The numbers are the same within 1e-5, but it is slower. {obstacle.diagnostic.fix}"
    if by == "numpy":
        fix += f". Or install OpenVINO: {make_install_command('openvino')}"
    LOGGER.warning(
        Diagnostic(
            "engine-replaced",
            "warning",
            f"the native engine cannot be used, and {by} computes in its place",
            why=obstacle.diagnostic.why,
            fix=fix,
        ).line()
    )
