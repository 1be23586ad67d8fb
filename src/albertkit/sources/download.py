"""Download an archive from a URL into a file.

Python's own HTTP client finds proxies (HTTPS_PROXY, NO_PROXY) and certificates (SSL_CERT_FILE) in
the environment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

READ_TIMEOUT = 30.0  # seconds without a byte
DOWNLOAD_BYTES = 2**20  # bytes
# The first bytes of gzip and zip files; a refusal is a web page or JSON.
ARCHIVES = (b"\x1f\x8b", b"PK\x03\x04")


class NotDownloadedError(Exception):
    """A URL that gave no archive.

    Attributes:
        status: HTTP status of the answer; None without a complete answer.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        """Keep the reason as the exception's text."""
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Address:
    """The URL of an archive, and the Authorization header for its server, if it needs one."""

    url: str
    authorization: str | None = None


def download(address: Address, path: Path) -> None:
    """Download an archive.

    Args:
        address: Its URL.
        path: The file to make; it must not exist.

    Raises:
        NotDownloadedError: The server gave no archive, or not all of it.
        OSError: The file could not be written.
    """
    with path.open("xb") as file:
        for chunk in _read_chunks(address):
            file.write(chunk)


def _read_chunks(address: Address) -> Iterator[bytes]:
    """Read the answer; a generator, so that errors of network and disk are not confused."""
    # imported here, because few processes download anything (benchmarks/late_imports.py)
    import urllib.error
    import urllib.request
    from http.client import HTTPException

    request = urllib.request.Request(  # noqa: S310  # the callers only make http addresses
        address.url, headers={"User-Agent": "albertkit"}
    )
    if address.authorization:
        # not sent to the storage server to which the answer redirects
        request.add_unredirected_header("Authorization", address.authorization)
    received = 0
    try:
        # not urlopen, which keeps the proxies of its first call
        with urllib.request.build_opener().open(request, timeout=READ_TIMEOUT) as answer:
            length = answer.headers.get("Content-Length")
            while chunk := answer.read(DOWNLOAD_BYTES):
                if not received and not chunk.startswith(ARCHIVES):
                    kind = answer.headers.get_content_type()
                    raise NotDownloadedError(f"it answers with {kind}, not with an archive")
                received += len(chunk)
                yield chunk
    except urllib.error.HTTPError as error:
        raise NotDownloadedError(f"it answers {error.code} {error.reason}", error.code) from error
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise NotDownloadedError(str(reason) or type(error).__name__) from error
    if length not in (None, str(received)):
        raise NotDownloadedError(f"the answer ends after {received:,} of {int(length):,} bytes")
