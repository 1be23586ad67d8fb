"""Start programs so that they receive Ctrl-C wherever the tests run."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

# What a shell starts with `&` ignores SIGINT, and so does all that it starts.
HEEDING = ("env", "--default-signal=INT")


def start_command(command: Sequence[Any], **options: Any) -> subprocess.Popen[bytes]:
    """Start a command and capture its output."""
    return subprocess.Popen(
        [*HEEDING, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )
