"""A Ray cluster to work on: joined where an address is given, else started here for one job.

Ray is told to be quiet: no usage statistics, no dashboard, no lines of its own on our output, no
token file in HOME. What cannot be joined is one line, within seconds.
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
from albertkit.errors.extras import extra_missing

LOGGER = logging.getLogger(__name__)

ALONE = "local"  # Ray's word for a new cluster of this machine
ANSWER_WITHIN = 5.0  # seconds; Ray's own attempts go on for many minutes
# An HTTP/2 connection's first bytes, with empty settings; Source: RFC 9113, sections 3.4 and 6.5.
HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
HTTP2_SETTINGS = 4  # the type of frame that answers it, in its fourth byte


@contextmanager
def cluster(address: str | None = None, *, cores: int = 0) -> Iterator[ModuleType]:
    """Give `ray`, joined to a cluster, and leave it when the block ends.

    address: "host:port" of a cluster, "auto" for the one that this machine belongs to; None:
    what RAY_ADDRESS says, or a new cluster of this machine alone, which ends with the block.
    cores: of a new one; 0: all that this machine has.
    A program that has joined one itself keeps it.
    Raises ResourceError [extra-missing], [cluster-unreachable], [cluster-mismatched],
    InputError [option-invalid].
    """
    place = address or os.environ.get("RAY_ADDRESS") or ALONE
    _refuse_what_is_no_cluster(place)
    ray = _quiet_ray(place)
    if ray.is_initialized():
        yield ray
        return
    try:
        with _without_native_lines():
            ray.init(
                place,
                num_cpus=(cores or None) if place == ALONE else None,
                include_dashboard=False if place == ALONE else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise _not_joined(place, error) from error
    try:
        with contextlib.redirect_stdout(RayLines()):
            yield ray
    finally:
        ray.shutdown()


class RayLines:
    """Where Ray's driver prints what it hears of dying workers, since it prints to sys.stdout."""

    def write(self, text: str) -> int:
        for line in filter(None, map(str.strip, text.splitlines())):
            LOGGER.info("ray: %s", line)
        return len(text)

    def flush(self) -> None:
        """Nothing waits here."""


def _quiet_ray(place: str) -> ModuleType:
    """Import Ray, which reads these variables at import and hands them on to what it starts."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if place == ALONE and "RAY_AUTH_MODE" not in os.environ:
        # A cluster that asks for a token, as Ray's default is; Ray would leave it in ~/.ray
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:  # ray itself, or what ray[data] brings
        raise extra_missing("ray", "a job on Ray") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    return cast(ModuleType, ray)


@contextmanager
def _without_native_lines() -> Iterator[None]:
    """Ray's C++ half says on descriptor 2 at which level it will say no more."""
    sys.stderr.flush()
    kept = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nothing)
        os.close(kept)


def _refuse_what_is_no_cluster(place: str) -> None:
    """Ask for a greeting first: Ray itself would try for minutes, and then end the process."""
    if place in (ALONE, "auto"):
        return
    host, _, port = place.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise InputError(
            "option-invalid",
            f"the address is {place!r}",
            why="a cluster is named by HOST:PORT of its head (ray:// is Ray's thin client, in"
            " which a job ends with the connection)",
            fix="Give HOST:PORT as `ray start` printed it, or auto on a machine of the cluster",
        )
    try:
        with socket.create_connection((host.strip("[]"), int(port)), ANSWER_WITHIN) as line:
            line.settimeout(ANSWER_WITHIN)
            line.sendall(HTTP2_HELLO)
            answer = line.recv(9)
    except (OSError, OverflowError) as error:
        raise _not_joined(place, error) from error
    if len(answer) < 4 or answer[3] != HTTP2_SETTINGS:
        raise _not_joined(place, ConnectionError(f"it answers {answer!r}, as no Ray does"))


def _not_joined(place: str, error: Exception) -> ResourceError:
    said = " ".join(str(error).split())
    if "Version mismatch" in said:
        return ResourceError(
            "cluster-mismatched",
            f"the cluster at {place} runs other versions: {said}",
            why="Ray joins only what has its own version, and Python's",
            fix="Install the cluster's versions here, or ours there",
        )
    return ResourceError(
        "cluster-unreachable",
        f"there is no Ray cluster to join at {place}: {said}",
        why="the work is done by its workers",
        fix="Check the address that `ray start` printed, or leave it out to use this machine",
    )
