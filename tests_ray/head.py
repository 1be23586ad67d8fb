"""A cluster that stands for all tests, as `ray start --head` makes it on a machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address; it has two cores."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ray = Path(sys.executable).with_name("ray")
    address = f"127.0.0.1:{port}"
    process = subprocess.Popen(
        [
            *(ray, "start", "--head", "--block", "--disable-usage-stats"),
            *("--include-dashboard=false", "--node-ip-address=127.0.0.1"),
            *(f"--port={port}", "--num-cpus=2"),
        ],
        # its workers find what the tests give them to do
        env={**os.environ, "RAY_AUTH_MODE": "disabled", "PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "--block" in line:  # the last of its hints: it stands
            break
    yield address
    process.terminate()
    process.communicate()
