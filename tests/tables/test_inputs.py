"""Which files are read, in which order, and what is known about them."""

from __future__ import annotations

import gc
import io
import logging
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.support.other_user import as_other_user
from tests.support.row_files import KINDS, PACKED, Rows, write_file

from albertkit.errors import AlbertKitError, InputError, ResourceError
from albertkit.tables import find_inputs, read_batches, read_texts
from albertkit.tables.formats import DETECT_ALL, ReadOptions

ROWS: Rows = [("one", 1), ("two", None), ("é\u2028", 3)]
TEXTS = [text for text, _ in ROWS]
DESCRIPTORS = Path("/proc/self/fd")  # what this process has open


def needs_pyarrow(kind: str, packed: str = "") -> None:
    if kind in (".parquet", ".arrow", ".arrows") or packed == ".zst":
        import pyarrow  # noqa: F401


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_file(tmp_path, "b/2.txt", b"b2\n")
    write_file(tmp_path, "b/10.txt.gz", PACKED[".gz"](b"b10\n"))
    write_file(tmp_path, "a.txt", b"a\n")
    write_file(tmp_path, "c.jsonl", b'{"text":"c"}\n')
    write_file(tmp_path, "rows.json", b'{"text":"in lines"}\n')
    write_file(tmp_path, "notes.md", b"notes\n")
    write_file(tmp_path, "b/picture.png", b"\x89PNG\r\n\x1a\n\x00")
    write_file(tmp_path, "config.json", b'{\n "one": "value"\n}\n')
    write_file(tmp_path, ".hidden.txt", b"hidden\n")
    write_file(tmp_path, "_SUCCESS", b"")
    write_file(tmp_path, ".git/x.txt", b"hidden\n")
    return tmp_path


def test_a_directory_is_read_in_order_and_other_files_are_named(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        texts = list(read_texts(folder))
    assert texts == ["a", "b10", "b2", "c", "in lines"]
    (note,) = caplog.messages
    left_out = [str(folder / name) for name in ("b/picture.png", "config.json", "notes.md")]
    assert note.startswith(f"not read: {', '.join(left_out)} (3 files); ")
    assert note.endswith("[files-skipped]")


def test_locations_are_read_in_their_order(folder: Path) -> None:
    assert list(read_texts([folder / "c.jsonl", folder / "b", folder / "notes.md"])) == [
        "c", "b10", "b2", "notes",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_name_need_not_be_utf8(tmp_path: Path, kind: str) -> None:
    needs_pyarrow(kind)
    odd = tmp_path / os.fsdecode(b"caf\xe9" + kind.encode())
    try:
        odd.write_bytes(KINDS[kind](ROWS))
    except OSError:
        pytest.skip("a file system without such names")
    assert list(read_texts(odd)) == list(read_texts(tmp_path)) == TEXTS


def test_a_pattern_names_its_files_in_order(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.csv", "in/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text\n")
    result = find_inputs(str(tmp_path / "*.txt"))
    assert [Path(file.name).name for file in result.files] == ["a.txt", "b.txt"]
    deep = find_inputs(str(tmp_path / "**" / "*.txt"))
    assert [Path(file.name).name for file in deep.files] == ["a.txt", "b.txt", "d.txt"]


def test_a_directory_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"known format.*it is empty.*\[texts-missing"):
        find_inputs(tmp_path)
    write_file(tmp_path, "picture.png", b"\x89PNG\x00")
    with pytest.raises(InputError, match=r"it has 1 other file.*\[texts-missing\]"):
        find_inputs(tmp_path)


def test_inputs_are_described_pickled_and_read_twice(folder: Path) -> None:
    inputs = find_inputs([folder / "a.txt", folder / "b"])
    assert inputs.describe() == [
        {"name": str(folder / name), "bytes": (folder / name).stat().st_size}
        for name in ("a.txt", "b/10.txt.gz", "b/2.txt")
    ]
    sent = pickle.loads(pickle.dumps(inputs))  # noqa: S301  # as Ray sends it
    assert list(read_texts(sent)) == list(read_texts(inputs)) == ["a", "b10", "b2"]


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("kind", KINDS)
def test_standard_input_may_have_any_format_and_stays_open(
    monkeypatch: pytest.MonkeyPatch, kind: str, packed: str
) -> None:
    needs_pyarrow(kind, packed)
    standard_input = io.BytesIO(PACKED[packed](KINDS[kind](ROWS)))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(standard_input))
    texts = list(read_texts("-"))
    assert texts == TEXTS
    gc.collect()
    assert not standard_input.closed


def test_standard_input_is_inspected_without_being_consumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\n")))
    inputs = find_inputs("-")
    assert (inputs.rows, inputs.describe()) == (None, [{"name": "standard input", "bytes": None}])
    assert list(read_texts(inputs)) == ["a", "b"]


@pytest.mark.parametrize("kind", [".txt", ".jsonl", ".parquet", ".arrows"])
def test_a_pipe_with_a_name_is_read_once(tmp_path: Path, kind: str) -> None:
    needs_pyarrow(kind)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[KINDS[kind](ROWS)])
    writer.start()
    assert list(read_texts(pipe)) == TEXTS
    writer.join()


def test_batches_end_at_boundaries(tmp_path: Path) -> None:
    for number, rows in enumerate((3, 0, 7, 1)):
        write_file(tmp_path, f"{number}.txt", b"".join(b"%d\n" % row for row in range(rows)))
    sizes = [len(batch.texts) for batch in read_batches(tmp_path, rows=4)]
    assert sizes == [4, 4, 3]
    firsts = [(batch.first, batch.rows) for batch in read_batches(tmp_path, rows=4, boundary=5)]
    assert firsts == [(0, 4), (4, 1), (5, 4), (9, 1), (10, 1)]
    tail = [(batch.first, batch.texts) for batch in read_batches(tmp_path, start=9, boundary=10)]
    assert tail == [(9, ["6"]), (10, ["0"])]
    assert list(read_batches(tmp_path, start=11)) == []
    assert list(read_batches(tmp_path, start=99)) == []


def test_long_texts_come_in_small_batches(tmp_path: Path) -> None:
    path = write_file(tmp_path, "a.txt", b"".join(b"%4000000d\n" % row for row in range(9)))
    batches = list(read_batches(path))
    assert [len(batch.texts) for batch in batches] == [5, 4]
    assert [int(text) for batch in batches for text in batch.texts] == list(range(9))


@pytest.mark.parametrize(("data", "what"), [(b"\x28\xb5\x2f\xfd\x00", "zstd"), (b"PAR1", "a.txt'")])
def test_formats_that_need_pyarrow_name_it(tmp_path: Path, data: bytes, what: str) -> None:
    path = write_file(tmp_path, "a.txt", data)
    look = f"""
import sys
sys.modules["pyarrow"] = None
from albertkit.tables import find_inputs
try:
    find_inputs({str(path)!r})
except RuntimeError as error:
    print(error)
"""
    message = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True
    )
    assert f"{what} needs pyarrow" in message.stdout
    assert message.stdout.endswith("pip install 'pyarrow>=20'. [extra-missing]\n")


@pytest.mark.parametrize("options", [DETECT_ALL, ReadOptions(files=True)])
def test_a_broken_link_in_a_directory_is_named_and_the_other_files_are_read(
    options: ReadOptions, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_file(tmp_path, "a.txt", b"a")
    link = tmp_path / "b.txt"
    link.symlink_to(tmp_path / "gone.txt")
    with caplog.at_level(logging.WARNING):
        inputs = find_inputs(tmp_path, options=options)
    assert [file.name for file in inputs.files] == [str(tmp_path / "a.txt")]
    assert inputs.skipped == (str(link),)
    (note,) = caplog.messages
    assert note.startswith(f"not read: {link} (1 link); the target of the link does not exist")
    with pytest.raises(InputError, match=r"there is no file .*b\.txt.*\[file-not-found\]"):
        find_inputs(link)


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason=f"{DESCRIPTORS} is not there")
def test_files_that_cannot_be_read_are_not_kept_open(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.txt").write_bytes(b"\xff\xfeU")
    before = len(list(DESCRIPTORS.iterdir()))
    inputs = find_inputs(tmp_path)
    assert {file.error and file.error.diagnostic.code for file in inputs.files} == {
        "encoding-mismatch"
    }
    assert len(list(DESCRIPTORS.iterdir())) == before


def test_a_directory_without_permission_is_not_skipped() -> None:
    with TemporaryDirectory() as folder:  # other users may not read pytest's directory
        write_file(Path(folder), "closed/a.txt", b"a\n")
        write_file(Path(folder), "b.txt", b"b\n")
        Path(folder).chmod(0o755)
        (Path(folder) / "closed").chmod(0o700 if os.geteuid() == 0 else 0)
        with as_other_user():
            with pytest.raises(ResourceError, match=r"closed.*\[file-unreadable\]"):
                find_inputs(folder)
            with pytest.raises(AlbertKitError, match="closed"):
                find_inputs(f"{folder}/closed/a.txt")
        (Path(folder) / "closed").chmod(0o700)
