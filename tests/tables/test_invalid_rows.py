"""A row without a text ends the reading with file and row, or is listed and the rest is read."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.row_files import KINDS, PACKED, write_file

from albertkit.errors import AlbertKitError, FormatError, InputError, ResourceError
from albertkit.tables import InvalidRow, find_inputs, read_batches
from albertkit.tables.chunk import LONGEST_ROW
from albertkit.tables.readers.inputs import check_lines_without_column

LONG = "x" * 10_000_000


def good_and_bad(path: Path | list[Path], **options: object) -> tuple[list[str], list[InvalidRow]]:
    """What is read, in small batches, whose rows follow one another."""
    batches = list(read_batches(path, skip_invalid=True, rows=2, **options))  # type: ignore[arg-type]
    assert [batch.first for batch in batches] == [0, *(batch.end for batch in batches[:-1])]
    assert all(batch.rows <= 2 for batch in batches)
    texts = [text for batch in batches for text in batch.texts]
    return texts, [invalid for batch in batches for invalid in batch.invalid]


BAD_ROWS = [
    ("a.txt", "a\nschön\nb\n".encode("latin1"), "file-not-utf8", "holds the byte 0xf6"),
    ("a.txt", f"a\n{LONG}\nb\n".encode(), "row-too-long", f"more than {LONGEST_ROW:,} bytes"),
    (
        "a.jsonl",
        b'{"text":"a"}\n{"text":null}\n"b"',
        "row-malformed",
        "holds null instead of a text",
    ),
    ("a.jsonl", b'{"text":"a"}\n{"n":1}\n"b"', "row-malformed", "has no 'text'"),
    ("a.jsonl", b'{"text":"a"}\n{"text":[1]}\n"b"', "row-malformed", "holds [1] instead of a text"),
    (
        "a.jsonl",
        b'{"text":"a"}\n{"text":"b\n"b"',
        "row-malformed",
        "not valid JSON: Unterminated",
    ),
    (
        "a.jsonl",
        b'"a"\n' + b"[" * 100_000 + b'\n"b"',
        "row-malformed",
        "not valid JSON: maximum",
    ),
    ("a.jsonl", b'"a"\n' + b"9" * 10_000 + b'\n"b"', "row-malformed", "not valid JSON: Exceeds"),
    ("a.jsonl", b'"a"\n"\xff"\n"b"', "file-not-utf8", "holds the byte 0xff"),
    ("a.jsonl", b'"a"\n"\\ud800"\n"b"', "lone-surrogate", "holds half of a surrogate pair"),
    ("a.jsonl", f'"a"\n"{LONG}"\n"b"'.encode(), "row-too-long", "has more than"),
    ("a.jsonl", b'"a"\n{b\n"b"', "row-malformed", "in double quotes at character 2"),
    ("a.jsonl", b'"a"\n\n \n{"x": 1}\n"b"', "row-malformed", "holds 1 instead of a text (line 4)"),
    ("a.csv", b"n,text\n1,a\n2\n3,b\n", "row-malformed", "has too few cells: 1 of 2 (line 3)"),
    ("a.csv", b"n,text\n1,a\n2,x,y\n3,b", "row-malformed", "has too many cells: 3 of 2 (line 3)"),
    ("a.csv", b'text\na\n"x\ny" z\nb', "row-malformed", "' ' follows a quoted cell (lines 3"),
    ("a.csv", b'text\na\n"\n\xff"\nb', "file-not-utf8", "0xff, which is not UTF-8 (lines 3 to 4)"),
    ("a.csv", f"text\na\n{LONG}\nb".encode(), "row-too-long", "the most that is read (line 3)"),
    (
        "a.csv",
        b'text\na\n"' + (b"x" * 19 + b"\n") * 220_000 + b'y"\nb',
        "row-too-long",
        "the most that is read (lines 3 to 220003)",
    ),
]


@pytest.mark.parametrize(
    ("name", "data", "code", "why"), BAD_ROWS, ids=[f"{row[0]} {row[3]}" for row in BAD_ROWS]
)
def test_an_invalid_row_raises_or_is_skipped(
    tmp_path: Path, name: str, data: bytes, code: str, why: str
) -> None:
    path = write_file(tmp_path, name, data)
    texts, invalid = good_and_bad(path)
    assert texts == ["a", "b"]
    assert [(each.file, each.row, each.number, each.rows) for each in invalid] == [
        (str(path), 2, 1, 1)
    ]
    assert invalid[0].code == code
    assert why in invalid[0].why
    message = rf"{re.escape(str(path))}: row 2 .*{re.escape(why)}.*\[{code}\]"
    with pytest.raises(FormatError, match=message):
        list(read_batches(path))


def test_an_unclosed_quote_takes_the_rest_of_the_file(tmp_path: Path) -> None:
    texts, invalid = good_and_bad(write_file(tmp_path, "a.csv", b'text\na\n"b\nc\nd\n'))
    assert texts == ["a"]
    assert invalid[0].why == "opens a quote that is never closed (lines 3 to 5)"


def test_rows_with_kept_cells_of_another_type_are_invalid(tmp_path: Path) -> None:
    rows = [{"text": "a", "n": 1}] * 10_000 + [{"text": "b", "n": n} for n in (2.0, 2.5, 2**70)]
    data = "\n".join(map(json.dumps, rows)).encode()
    path = write_file(tmp_path, "a.jsonl", data)
    *_, last = read_batches(path, keep=["n"], skip_invalid=True)
    assert last.kept["n"][-1] == 2
    assert [invalid.why for invalid in last.invalid] == [
        "holds in 'n' 2.5 where earlier rows hold int64",
        "holds in 'n' 1180591620717411303424 where earlier rows hold int64",
    ]


def test_nan_and_infinity_are_doubles_as_python_writes_them(tmp_path: Path) -> None:
    values = [1, 2.5, float("nan"), float("-inf"), None]
    lines = (json.dumps({"text": "a", "n": n}) + "\n" for n in values)
    path = write_file(tmp_path, "a.jsonl", "".join(lines).encode())
    (batch,) = read_batches(path, keep=["n"])
    assert [str(n) for n in batch.kept["n"]] == ["1.0", "2.5", "nan", "-inf", "None"]


def cut_gzip(data: bytes) -> bytes:
    return gzip.compress(data)[:-9]


def gzip_with_a_flipped_bit(data: bytes) -> bytes:
    packed = bytearray(gzip.compress(data, 0))
    packed[-6] ^= 1  # of the checksum
    return bytes(packed)


@pytest.mark.parametrize(
    ("damage", "code"), [(cut_gzip, "file-truncated"), (gzip_with_a_flipped_bit, "file-malformed")]
)
def test_a_truncated_file_yields_the_rows_before_the_damage(
    tmp_path: Path, damage: Callable[[bytes], bytes], code: str
) -> None:
    lines = [f"line {number}" for number in range(200_000)]
    broken = write_file(tmp_path, "a.txt.gz", damage("\n".join([*lines, ""]).encode()))
    after = write_file(tmp_path, "b.txt", b"after\n")
    texts: list[str] = []
    invalid: list[InvalidRow] = []
    for batch in read_batches([broken, after], skip_invalid=True):
        texts += batch.texts
        invalid += batch.invalid
    assert texts[-1] == "after"
    assert texts[:-1] == lines[: len(texts) - 1]
    assert len(texts) > 100_000
    assert [(each.code, each.number) for each in invalid] == [(code, len(texts) - 1)]
    with pytest.raises(FormatError, match=rf"a\.txt\.gz.*\[{code}\]"):
        list(read_batches([broken, after]))


def test_an_unreadable_file_raises_before_any_is_read(tmp_path: Path) -> None:
    import pyarrow  # noqa: F401

    for number in range(20):
        write_file(tmp_path, f"{number:02d}.txt", b"text\n")
    write_file(tmp_path, "07.parquet", b"PAR1 and nothing else")
    write_file(tmp_path, "08.txt", b"\x1f\x8b and no gzip")
    with pytest.raises((FormatError, ResourceError), match=r"07\.parquet.*\[file-malformed\]"):
        read_batches(tmp_path)
    (batch,) = read_batches(tmp_path, skip_invalid=True)
    assert len(batch.texts) == 19
    assert [
        (Path(invalid.file).name, invalid.row, invalid.number) for invalid in batch.invalid
    ] == [
        ("07.parquet", 1, 7),
        ("08.txt", 1, 9),
    ]
    assert {invalid.code for invalid in batch.invalid} == {"file-malformed"}


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.parquet", b"", "file-truncated"),
        ("a.parquet", b"text\n", "file-wrong-format"),
        ("a.json", b'[{"text": "a"}]', "file-wrong-format"),
        ("a.docx", b"PK\x03\x04\x00\x00", "file-wrong-format"),
        ("a.txt", b"\xff\xfet", "encoding-mismatch"),
        ("a.csv", b"text,text\na,b\n", "row-malformed"),
        ("a.csv", b'"text\na\n', "row-malformed"),
        ("a.csv", b"x" * 100_000, "row-malformed"),
        ("a.txt.gz", b"\x1f\x8b", "file-truncated"),
    ],
)
def test_a_file_of_another_format_is_one_line(
    tmp_path: Path, name: str, data: bytes, code: str
) -> None:
    path = write_file(tmp_path, name, data)
    with pytest.raises(AlbertKitError, match=rf"^{re.escape(str(path))}: .*\[{code}\]") as caught:
        read_batches(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"column": "titel"}, r"no column 'titel'; .*n, text, title.*perhaps 'title'.*-missing\]"),
        ({"keep": ["m"]}, r"no column 'm'; the columns are n, text, title.*\[column-missing\]"),
        ({"rows": 0}, r"rows is 0.*\[option-invalid\]"),
        ({"start": -1}, r"start is -1.*\[option-invalid\]"),
        ({"boundary": 0}, r"boundary is 0.*\[option-invalid\]"),
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_impossible_options_are_refused_by_the_call_itself(
    tmp_path: Path, name: str, options: dict[str, object], message: str
) -> None:
    rows = {"a.csv": b"n,text,title\n1,a,b\n", "a.jsonl": b'{"n":1,"text":"a","title":"b"}\n'}
    path = write_file(tmp_path, name, rows[name])
    with pytest.raises(InputError, match=message):
        read_batches(path, skip_invalid=True, **options)  # type: ignore[arg-type]


def test_columns_of_one_name_agree_in_all_files(tmp_path: Path) -> None:
    first = write_file(tmp_path, "a.jsonl", b'{"text":"a","n":1}\n')
    second = write_file(tmp_path, "b.jsonl", b'{"text":"b","n":0.5}\n')
    third = write_file(tmp_path, "c.csv", b"text,n\nc,x\n")
    (numbers,) = read_batches([first, second], keep=["n"])
    assert numbers.kept == {"n": [1.0, 0.5]}
    assert [type(n) for n in numbers.kept["n"]] == [float, float]
    (anything,) = read_batches([first, second, third], keep=["n"])
    assert anything.kept == {"n": ["1", "0.5", "x"]}


def test_plain_lines_have_no_column_to_keep(tmp_path: Path) -> None:
    path = write_file(tmp_path, "a.txt", b"a\n")
    with pytest.raises(InputError, match=r"lines of text have no columns.*\[column-missing\]"):
        read_batches(path, keep=["n"])
    with pytest.raises(InputError, match=r"read as lines.*--input-format csv.*\[column-missing\]"):
        check_lines_without_column(find_inputs(path).files, "title")
    table = write_file(tmp_path, "b.csv", b"title,n\nb,1\n")
    (batch,) = read_batches([path, table], column="title")
    assert batch.texts == ["a", "b"], "of lines the whole, where other files have the column"


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("kind", [".txt", ".csv", ".jsonl"])
@settings(max_examples=40)
@given(data=st.data())
def test_changed_or_missing_bytes_raise_our_error(
    kind: str, packed: str, data: st.DataObject
) -> None:
    """What is read are strings, what is said is said in our errors, and the next file is read."""
    if packed == ".zst":
        import pyarrow  # noqa: F401
    whole = bytearray(PACKED[packed](KINDS[kind]([("é, one", 1), ('"two"\n', None)] * 20)))
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(whole)))
    with TemporaryDirectory() as folder:
        first = write_file(Path(folder), f"a{kind}{packed}", bytes(whole[:cut]))
        after = write_file(Path(folder), "b.txt", b"after\n")
        with suppress(InputError):  # a column's name may be changed
            texts, _ = good_and_bad([first, after])
            assert all(isinstance(text, str) for text in texts)
            assert texts[-1] == "after"
