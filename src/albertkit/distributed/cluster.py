"""Join the Ray cluster at an address, or start one on this machine for one job.

Ray is configured to be quiet: no usage statistics, no dashboard, no output of its own, no token
file in HOME. A cluster that cannot be joined is one error, within seconds.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast

from albertkit.errors import InputError, ResourceError
from albertkit.errors.exceptions import extra_missing_error

LOGGER = logging.getLogger(__name__)

NEW_CLUSTER = "local"  # Ray's word for a new cluster of this machine
CONNECT_TIMEOUT = 5.0  # seconds; Ray's own attempts go on for many minutes
# The first bytes of an HTTP/2 connection, with empty settings.
# Source: RFC 9113, sections 3.4 and 6.5.
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
HTTP2_SETTINGS = 4  # the type of the frame that answers it, in its fourth byte


@contextmanager
def open_cluster(address: str | None = None, *, cores: int = 0) -> Iterator[ModuleType]:
    """Give `ray`, joined to a cluster, and leave the cluster at the end of the block.

    A program that has joined a cluster itself stays in it.

    Args:
        address: "host:port" of a cluster, or "auto" for the one that this machine belongs to.
            None: RAY_ADDRESS, or a new cluster of this machine, which ends with the block.
        cores: Cores of a new cluster; 0: all cores of this machine.

    Raises:
        ResourceError: [extra-missing], [cluster-unreachable], [cluster-mismatched].
        InputError: [option-invalid].
    """
    address = address or os.environ.get("RAY_ADDRESS") or NEW_CLUSTER
    _check_address(address)
    ray = _import_quiet_ray(address)
    if ray.is_initialized():
        yield ray
        return
    is_new = address == NEW_CLUSTER
    try:
        with _silence_native_output():
            ray.init(
                address,
                num_cpus=(cores or None) if is_new else None,
                include_dashboard=False if is_new else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise _join_error(address, error) from error
    try:
        with contextlib.redirect_stdout(RayOutput()):
            yield ray
    finally:
        ray.shutdown()


class RayOutput:
    """Logs what Ray's driver prints to sys.stdout about workers that die."""

    def write(self, text: str) -> int:
        """Log the lines of the text."""
        for line in filter(None, map(str.strip, text.splitlines())):
            LOGGER.info("ray: %s", line)
        return len(text)

    def flush(self) -> None:
        """Do nothing: no text is buffered."""


def _import_quiet_ray(address: str) -> ModuleType:
    """Import Ray, which reads these variables at import and passes them to its processes."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if address == NEW_CLUSTER and "RAY_AUTH_MODE" not in os.environ:
        # a cluster that asks for a token is Ray's default; Ray would save it in ~/.ray
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:  # ray, or a dependency of ray[data]
        raise extra_missing_error("ray", "a job on Ray") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    return cast(ModuleType, ray)


@contextmanager
def _silence_native_output() -> Iterator[None]:
    """Ray's C++ core prints its log level to file descriptor 2."""
    sys.stderr.flush()
    saved = os.dup(2)
    devnull = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(devnull)
        os.close(saved)


def _check_address(address: str) -> None:
    """Check that a gRPC server answers: Ray itself tries for minutes, then ends the process."""
    if address in (NEW_CLUSTER, "auto"):
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise InputError(
            "option-invalid",
            f"the address is {address!r}",
            why="a cluster is named by HOST:PORT of its head (ray:// is Ray's thin client, in"
            " which a job ends with the connection)",
            fix="Give HOST:PORT as `ray start` printed it, or auto on a machine of the cluster",
        )
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT) as connection:
            connection.settimeout(CONNECT_TIMEOUT)
            connection.sendall(HTTP2_PREFACE)
            answer = connection.recv(9)
    except (OSError, OverflowError) as error:
        raise _join_error(address, error) from error
    if len(answer) < 4 or answer[3] != HTTP2_SETTINGS:
        raise _join_error(address, ConnectionError(f"the answer {answer!r} is not Ray's"))


def _join_error(address: str, error: Exception) -> ResourceError:
    message = " ".join(str(error).split())
    if "Version mismatch" in message:
        return ResourceError(
            "cluster-mismatched",
            f"the cluster at {address} runs other versions: {message}",
            why="all machines of a cluster need the same versions of Ray and of Python",
            fix="Install the cluster's versions here, or these versions there",
        )
    return ResourceError(
        "cluster-unreachable",
        f"there is no Ray cluster at {address}: {message}",
        why="the cluster's workers make the shards",
        fix="Check the address that `ray start` printed, or leave it out to use this machine",
    )
