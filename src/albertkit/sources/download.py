"""An archive from a web address into a file: read in pieces, whole or refused.

Python's own HTTP client does it: proxies (HTTPS_PROXY, NO_PROXY) and certificates (SSL_CERT_FILE)
are found in the environment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SECONDS = 30.0  # without a byte, until the server counts as away
PIECE = 2**20  # bytes
# The beginnings of gzip and zip files; a refusal comes as a page or as JSON.
ARCHIVES = (b"\x1f\x8b", b"PK\x03\x04")


class NotDownloadedError(Exception):
    """Why an address gave no archive.

    status: of the answer; None where there was none, or its end did not come.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Address:
    """Where an archive lies. authorization: a header for this server alone, or none."""

    url: str
    authorization: str | None = None


def download(address: Address, path: Path) -> None:
    """Write what lies at `address` into a new file.

    Raises NotDownloadedError, and OSError where the disk is full.
    """
    with path.open("xb") as file:
        for piece in _pieces(address):
            file.write(piece)


def _pieces(address: Address) -> Iterator[bytes]:
    """The answer's bytes; here, so that errors of the network and of the disk stay apart."""
    # imported here, because few runs download anything (benchmarks/late_imports.py)
    import urllib.error
    import urllib.request
    from http.client import HTTPException

    request = urllib.request.Request(  # noqa: S310  # callers make it of http addresses only
        address.url, headers={"User-Agent": "albertkit"}
    )
    if address.authorization:
        # not for the storage server that the answer sends us to
        request.add_unredirected_header("Authorization", address.authorization)
    done = 0
    try:
        # not urlopen, which keeps the proxies of its first call
        with urllib.request.build_opener().open(request, timeout=SECONDS) as answer:
            promised = answer.headers.get("Content-Length")
            while piece := answer.read(PIECE):
                if not done and not piece.startswith(ARCHIVES):
                    kind = answer.headers.get_content_type()
                    raise NotDownloadedError(f"it answers with {kind}, not with an archive")
                done += len(piece)
                yield piece
    except urllib.error.HTTPError as error:
        raise NotDownloadedError(f"it answers {error.code} {error.reason}", error.code) from error
    except (OSError, HTTPException) as error:
        said = error.reason if isinstance(error, urllib.error.URLError) else error
        raise NotDownloadedError(str(said) or type(error).__name__) from error
    if promised not in (None, str(done)):
        raise NotDownloadedError(f"the answer ends after {done:,} of {int(promised):,} bytes")
