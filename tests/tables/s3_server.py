"""An object store on this machine that implements as much of S3 as the tests need.

An object is there when its PUT, or its multipart upload, was completed, and not before.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"


class ObjectStore(ThreadingHTTPServer):
    """objects: "bucket/key" → bytes. uploads: those begun and not completed, by their id.

    answers: how many reads are still answered; then the account's token is too old; None: all.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.answers: int | None = None

    def uri(self, path: str) -> str:
        """Of an object or a directory, for pyarrow."""
        return (
            f"s3://an-account:a-secret@{path}?region=us-east-1&scheme=http"
            f"&endpoint_override=127.0.0.1:{self.server_port}"
        )


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    server = ObjectStore()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ObjectStore

    def log_message(self, *_: object) -> None:
        """Silent."""

    def read(self) -> None:
        parts = urlsplit(self.path)
        self.key = unquote(parts.path).lstrip("/")
        self.query = {name: values[0] for name, values in parse_qs(parts.query, True).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunked = "aws-chunked" in self.headers.get("Content-Encoding", "")
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = decode_http_chunks(self.rfile)
        self.body = decode_aws_chunks(body) if chunked else body

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.read()
        if self.key.startswith("closed/"):
            self.answer(403)
        elif "/" not in self.key:
            self.answer(200)
        elif self.key in self.server.objects:
            self.answer(200, Content_Length=str(len(self.server.objects[self.key])), ETag='"1"')
        else:
            self.answer(404)

    def do_GET(self) -> None:
        self.read()
        if "list-type" in self.query:
            self.answer(200, self.listing(), Content_Type="application/xml")
            return
        data = self.server.objects.get(self.key)
        if self.server.answers is not None:
            self.server.answers -= 1
            if self.server.answers < 0:
                self.answer(400, b"<Error><Code>ExpiredToken</Code></Error>")
                return
        if data is None:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        first, last = 0, len(data) - 1
        if given := self.headers.get("Range"):
            low, _, high = given.removeprefix("bytes=").partition("-")
            first, last = int(low), min(int(high or last), last)
        self.answer(
            206 if given else 200,
            data[first : last + 1],
            Content_Range=f"bytes {first}-{last}/{len(data)}",
            ETag='"1"',
        )

    def do_PUT(self) -> None:
        self.read()
        if "uploadId" in self.query:
            self.server.uploads[self.query["uploadId"]][int(self.query["partNumber"])] = self.body
        else:
            self.server.objects[self.key] = self.body
        self.answer(200, ETag='"1"')

    def do_POST(self) -> None:
        self.read()
        if "uploads" in self.query:
            name = f"upload-{len(self.server.uploads)}"
            self.server.uploads[name] = {}
            inside = f"<UploadId>{name}</UploadId>"
            self.answer(200, xml("InitiateMultipartUploadResult", inside))
        elif "delete" in self.query:
            self.answer(200, xml("DeleteResult", ""))
        else:
            parts = self.server.uploads.pop(self.query["uploadId"])
            self.server.objects[self.key] = b"".join(parts[number] for number in sorted(parts))
            self.answer(200, xml("CompleteMultipartUploadResult", "<ETag>1</ETag>"))

    def do_DELETE(self) -> None:
        self.read()
        if "uploadId" in self.query:
            self.server.uploads.pop(self.query["uploadId"], None)
        else:
            self.server.objects.pop(self.key, None)
        self.answer(204)

    def listing(self) -> bytes:
        bucket = self.key.rstrip("/")
        prefix = self.query.get("prefix", "")
        delimiter = self.query.get("delimiter", "")
        keys: dict[str, int] = {}
        folders: set[str] = set()
        for name, data in sorted(self.server.objects.items()):
            key = name.removeprefix(f"{bucket}/")
            if key == name or not key.startswith(prefix):
                continue
            rest = key.removeprefix(prefix)
            if delimiter and delimiter in rest:
                folders.add(prefix + rest.partition(delimiter)[0] + delimiter)
            else:
                keys[key] = len(data)
        result = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{size}</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for key, size in keys.items()
        ) + "".join(
            f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>"
            for folder in sorted(folders)
        )
        count = len(keys) + len(folders)
        return xml(
            "ListBucketResult",
            f"<KeyCount>{count}</KeyCount><IsTruncated>false</IsTruncated>{result}",
        )


def xml(kind: str, inside: str) -> bytes:
    return f'<?xml version="1.0"?><{kind} xmlns="{XMLNS}">{inside}</{kind}>'.encode()


def decode_http_chunks(stream: object) -> bytes:
    """A body of HTTP's own chunks."""
    result = b""
    while size := int(stream.readline().split(b";")[0], 16):  # type: ignore[attr-defined]  # a file
        result += stream.read(size)  # type: ignore[attr-defined]
        stream.readline()  # type: ignore[attr-defined]
    while stream.readline().strip():  # type: ignore[attr-defined]
        pass
    return result


def decode_aws_chunks(body: bytes) -> bytes:
    """A body of Amazon's chunks: each begins with its size, a checksum comes behind the last."""
    result = b""
    while body:
        line, _, body = body.partition(b"\r\n")
        size = int(line.split(b";")[0], 16)
        if not size:
            break
        result, body = result + body[:size], body[size + 2 :]
    return result
