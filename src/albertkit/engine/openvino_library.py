"""The only import of openvino: without telemetry, safe to fork, and the process's only Core.

On import openvino 2026.4.1 forks a process, looks up an analytics host and writes files below the
home directory, by the package `openvino_telemetry`. If that package cannot be imported, openvino
does without it (https://github.com/openvinotoolkit/openvino/issues/34588). A program that imported
openvino before has telemetry already.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from types import ModuleType
from typing import TYPE_CHECKING

from albertkit.errors import ResourceError, extra_missing_error
from albertkit.errors.exceptions import take_first_line

if TYPE_CHECKING:
    from openvino import Core

TELEMETRY = "openvino_telemetry"
SECONDS_BEFORE_FORK = 0.02
_lock = threading.Lock()


def import_openvino() -> ModuleType:
    """Import openvino without its telemetry.

    Returns:
        The module.

    Raises:
        ResourceError: [extra-missing] if it is not installed, [engine-unavailable] if this platform
            cannot import it.
    """
    with _lock:
        if sys.modules.get("openvino") is None:
            try:
                _import_without_telemetry()
                _wait_before_forks()
            except (ImportError, OSError) as error:
                if isinstance(error, ModuleNotFoundError) and error.name == "openvino":
                    raise extra_missing_error("openvino", "the engine 'openvino'") from error
                raise ResourceError(
                    "engine-unavailable",
                    "OpenVINO cannot be imported",
                    why=take_first_line(error),
                    fix="Install a build of openvino for this platform, or use the engine 'numpy'",
                ) from error
        return sys.modules["openvino"]


def get_core() -> Core:
    """Return the Core of this process, which lives as long as the process.

    On a processor with AVX-512 a Core gives the thread an alternate stack for signals, and frees it
    with itself. When two Cores are freed in the order in which they were made, the thread keeps a
    stack that is freed (openvino 2026.4.1), and the next signal with a handler of Python, such as
    Ctrl-C, ends the process. A child of a fork makes a Core of its own.

    Raises:
        ResourceError: [extra-missing], [engine-unavailable], as `import_openvino`.
    """
    import_openvino()
    return _create_core(os.getpid())


def _wait_before_forks() -> None:
    """Let OpenVINO's threads fall asleep before each fork of this process.

    If they are still awake, the child counts on them, and its first inference waits for ever: five
    of 400 forks directly after an inference, none of 400 after 20 ms (openvino 2026.4.1, two
    threads). A fork while another thread computes keeps this risk. subprocess runs no such hook.
    """
    if hasattr(os, "register_at_fork"):  # Windows has no fork
        os.register_at_fork(before=lambda: time.sleep(SECONDS_BEFORE_FORK))


@functools.cache
def _create_core(process: int) -> Core:
    return import_openvino().Core()


def _import_without_telemetry() -> None:
    before = sys.modules.get(TELEMETRY)
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # documented: its import fails
    try:
        import openvino  # noqa: F401 - stays in sys.modules
    finally:
        del sys.modules[TELEMETRY]
        if before is not None:
            sys.modules[TELEMETRY] = before
