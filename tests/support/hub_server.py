"""A local server with the protocols of the Hugging Face hub, TF Hub and Kaggle.

It serves the list of a repository's files at a revision, its tree, and the files, large ones from
another URL (/lfs); commits, entity tags, ranges, and the headers with the hub's error codes.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

LARGE = 3_000  # bytes; longer files are redirected, as the hub's LFS files are
API = re.compile(r"/api/models/(?P<repo>.+?)(?:/(?P<what>revision|tree)/(?P<revision>[^/]+))?")
FILE = re.compile(r"/(?P<repo>.+?)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
COMMIT = hashlib.sha1(b"the first", usedforsecurity=False).hexdigest()


@dataclass
class Repository:
    """A repository: path → bytes; all revisions are names of its one commit."""

    files: Mapping[str, bytes]
    revisions: tuple[str, ...] = ("main", COMMIT)
    token: str | None = None  # private: without it the answer is "not found"
    gated: bool = False


@dataclass
class Hub:
    """What is served, and the requests so far: (method, path, headers)."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)  # old id → new id
    pages: dict[str, bytes] = field(default_factory=dict)  # path with query → an archive
    refusals: dict[str, int] = field(default_factory=dict)  # beginning of a path → status
    cut_after: int | None = None  # bytes of a large file, once
    pause_after: int | None = None  # bytes of any answer, until the client is gone
    asked: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)
    address: str = ""
    storage: str = ""  # the same server under another host name, for large files

    def paths(self, method: str | None = None) -> list[str]:
        return [path for verb, path, _ in self.asked if method in (None, verb)]

    def files_fetched(self) -> set[str]:
        match = (FILE.fullmatch(urlsplit(path).path) for path in self.paths())
        return {unquote(match["file"]) for match in match if match}


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:  # noqa: PLR0911  # one line for each kind of address
        self.hub.asked.append((self.command, self.path, dict(self.headers)))
        path = unquote(urlsplit(self.path).path)
        for beginning, status in self.hub.refusals.items():
            if self.path.startswith(beginning):
                return self.give(b"refused", status)
        if self.path in self.hub.pages:
            return self.redirect("/storage" + self.path, self.hub.pages[self.path])
        if path.startswith("/storage"):
            return self.give(self.hub.pages[self.path.removeprefix("/storage")])
        if path.startswith("/lfs/"):
            return self.large(path.removeprefix("/lfs/"))
        match = API.fullmatch(path)
        if match:
            return self.api(match["repo"], match["what"], match["revision"] or "main")
        match = FILE.fullmatch(path)
        if match:
            return self.file(match["repo"], match["revision"], match["file"])
        return self.give(b"", 404)

    def redirect(self, url: str, data: bytes) -> None:
        self.give(b"", 302, {"Location": self.hub.storage + url})

    def repository(self, name: str, revision: str) -> Repository | None:
        """Find the repository; if the client may not see it, send the error and return None."""
        if name in self.hub.moved:
            new = self.path.replace(name, self.hub.moved[name], 1)
            self.give(b"", 307, {"Location": new})
            return None
        repository = self.hub.repositories.get(name)
        if repository is None or repository.token not in (None, self.token()):
            self.give(b"{}", 401, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "not found"})
            return None
        if repository.gated:
            self.give(b"{}", 403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "ask"})
            return None
        if revision not in repository.revisions:
            self.give(b"{}", 404, {"X-Error-Code": "RevisionNotFound"})
            return None
        return repository

    def token(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def api(self, name: str, what: str | None, revision: str) -> None:
        repository = self.repository(name, revision)
        if repository is None:
            return
        if what == "tree":
            match: object = [self.entry(path, data) for path, data in repository.files.items()]
        else:
            files = [{"rfilename": path} for path in repository.files]
            match = {
                "_id": "1",
                "id": name,
                "modelId": name,
                "sha": COMMIT,
                "siblings": files,
                "private": False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
            }
        self.give(json.dumps(match).encode(), 200, {"Content-Type": "application/json"})

    @staticmethod
    def entry(path: str, data: bytes) -> dict[str, object]:
        entry = {"type": "file", "path": path, "size": len(data), "oid": tag_of(data)}
        if len(data) > LARGE:
            entry["lfs"] = {"oid": tag_of(data), "size": len(data), "pointerSize": 134}
        return entry

    def file(self, name: str, revision: str, path: str) -> None:
        repository = self.repository(name, revision)
        if repository is None:
            return
        data = repository.files.get(path)
        if data is None:
            self.give(b"", 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
            return
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{tag_of(data)}"'}
        if len(data) <= LARGE:
            self.give(data, 200, headers)
            return
        linked = {"X-Linked-Etag": f'"{tag_of(data)}"', "X-Linked-Size": str(len(data))}
        url = f"{self.hub.storage}/lfs/{tag_of(data)}"
        self.give(b"", 302, {**headers, **linked, "Location": url})

    def large(self, tag: str) -> None:
        all_files = (data for r in self.hub.repositories.values() for data in r.files.values())
        data = next(each for each in all_files if tag_of(each) == tag)
        requested = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = int(requested[1]) if requested else 0
        headers = {"ETag": f'"{tag}"', "Accept-Ranges": "bytes"}
        if requested:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.give(data[start:], 206 if requested else 200, headers, can_be_cut=True)

    def give(
        self,
        data: bytes,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        can_be_cut: bool = False,
    ) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if can_be_cut and self.hub.cut_after is not None:
            self.wfile.write(data[: self.hub.cut_after])
            self.hub.cut_after = None
            self.close_connection = True
            self.connection.close()
            return
        if self.hub.pause_after is not None and len(data) > self.hub.pause_after:
            self.wfile.write(data[: self.hub.pause_after])
            self.connection.recv(1)  # returns when the other side is closed
            self.close_connection = True
            return
        self.wfile.write(data)


def tag_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def serve_hub(hub: Hub) -> Iterator[Hub]:
    """Serve `hub` on this machine; its addresses are set."""
    handler = type("HubHandler", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    hub.storage = f"http://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
