"""Addresses without a cluster: one line each, within seconds, before Ray is started."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from albertkit.distributed.cluster import open_cluster
from albertkit.errors import AlbertKitError, ResourceError


class SilentHandler(BaseHTTPRequestHandler):
    """Answers without a line on standard error."""

    def log_message(self, format: str, *arguments: object) -> None:  # its name there
        """Log nothing."""


@pytest.fixture
def web_server() -> Iterator[int]:
    """The port of an HTTP server that is not Ray's."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), SilentHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def refusal(address: str) -> str:
    with pytest.raises(AlbertKitError) as refused, open_cluster(address):
        pass
    return str(refused.value)


def test_an_address_where_nothing_listens_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    line = refusal(f"127.0.0.1:{port}")
    assert f"no Ray cluster at 127.0.0.1:{port}" in line
    assert line.endswith("[cluster-unreachable]")


def test_a_server_that_is_not_ray_is_refused_at_once(web_server: int) -> None:
    line = refusal(f"127.0.0.1:{web_server}")
    assert "is not Ray's" in line
    assert line.endswith("[cluster-unreachable]")


@pytest.mark.parametrize("address", ["ray://127.0.0.1:10001", "head", "head:", ":6379", "h:six"])
def test_an_address_that_names_no_host_and_port_is_refused(address: str) -> None:
    line = refusal(address)
    assert repr(address) in line
    assert line.endswith("[option-invalid]")


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(
        os, "environ", dict(os.environ)
    )  # which albertkit changes to keep Ray quiet
    with pytest.raises(ResourceError) as missing, open_cluster():
        pass
    assert missing.value.diagnostic.code == "extra-missing"
    assert "pip install 'pyarrow>=20' 'ray[data]>=2.60'" in str(missing.value)
