"""If the network fails, the message gives the reason and the remedy for it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from albertkit.errors import ResourceError
from albertkit.sources import FetchOptions, resolve_location
from albertkit.sources.hub_errors import not_reached_error

HOST = "https://huggingface.co"
NAMES = ["albert/albert-base-v2", "https://tfhub.dev/tensorflow/albert_en_base/3"]


@pytest.mark.parametrize("name", NAMES)
def test_a_proxy_that_is_away_is_named_by_its_variable(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub.utils._http import close_session

    for variable in ("HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@127.0.0.1:9")
    close_session()  # it keeps the proxies of its first call
    with pytest.raises(ResourceError) as caught:
        resolve_location(name, FetchOptions(cache_dir=tmp_path))
    close_session()
    line = str(caught.value)
    assert "Connection refused" in line
    assert "The request used HTTPS_PROXY: check that proxy. To work offline" in line
    assert "secret" not in line


def test_an_unverified_certificate_names_the_variable_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = (
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed (_ssl.c:1006)"
    )
    error = ConnectionError("could not connect")
    error.__cause__ = ssl.SSLCertVerificationError(1, message)
    line = str(not_reached_error("a/b", HOST, error, Path("cache")))
    assert "(its certificate cannot be verified)" in line
    assert "name their file in SSL_CERT_FILE" in line


def test_many_lines_of_a_library_become_the_beginning_of_one() -> None:
    error = ConnectionError("no\n  route " + "x" * 500)
    line = str(not_reached_error("a/b", HOST, error, Path("cache")))
    assert "(no route xxx" in line
    assert "\n" not in line
    assert len(line) < 500


def test_an_address_is_not_called_a_directory() -> None:
    line = str(not_reached_error("https://h.example/a/b", HOST, OSError("no route"), Path("cache")))
    assert line.startswith(f"{HOST} cannot be reached (no route)")
    assert "there is no directory" not in line
