"""The one place that imports openvino, and keeps it from telling anybody.

openvino 2026.4.1 on import forks a process, looks up an analytics host and writes files below the
home directory, through the package `openvino_telemetry`. Hidden during the import, it is not used
and not missed (https://github.com/openvinotoolkit/openvino/issues/34588). A host program that
imported openvino before us has already been through this.
"""

from __future__ import annotations

import sys
import threading
from types import ModuleType

from albertkit.errors import ResourceError
from albertkit.errors.wording import first_line

TELEMETRY = "openvino_telemetry"
_one_at_a_time = threading.Lock()


def openvino() -> ModuleType:
    """The module openvino, imported without its telemetry.

    Raises ResourceError [engine-unavailable] where this platform cannot import it.
    """
    with _one_at_a_time:
        if sys.modules.get("openvino") is None:
            try:
                _import_quietly()
            except (ImportError, OSError) as error:
                raise ResourceError(
                    "engine-unavailable",
                    "OpenVINO cannot be imported",
                    why=first_line(error),
                    fix="Install a build of openvino for this platform, or take another engine",
                ) from error
        return sys.modules["openvino"]


def _import_quietly() -> None:
    before = sys.modules.get(TELEMETRY)
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # documented: its import fails
    try:
        import openvino  # noqa: F401 - stays in sys.modules
    finally:
        del sys.modules[TELEMETRY]
        if before is not None:
            sys.modules[TELEMETRY] = before
