"""A damaged .npy file is one error, wherever it is damaged."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albertkit.errors import FormatError
from albertkit.fileformats.npy import read_npy

ARRAY = np.arange(12, dtype=np.float32).reshape(3, 4)


def save(value: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array(value))
    return file.getvalue()


def test_an_array_is_read_from_a_path_and_from_an_open_file(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(save(ARRAY))
    assert isinstance(read_npy(path, "a"), np.memmap)
    np.testing.assert_array_equal(read_npy(path, "a"), ARRAY)
    np.testing.assert_array_equal(read_npy(io.BytesIO(save(ARRAY)), "a"), ARRAY)


@pytest.mark.parametrize("kind", ["nothing", "text", "objects", "archive"])
def test_another_file_is_refused(kind: str, tmp_path: Path) -> None:
    archive = io.BytesIO()
    np.savez(archive, ARRAY)
    contents = {
        "nothing": b"",
        "text": b"no array",
        "objects": save([{}, None]),
        "archive": archive.getvalue(),
    }
    path = tmp_path / "a.npy"
    path.write_bytes(contents[kind])
    what = "the file is empty" if kind == "nothing" else "numpy writes it"
    with pytest.raises(FormatError, match=rf"^a: .*{what}. Copy it. \[file-malformed\]$"):
        read_npy(path, "a", fix="Copy it")


@given(index=st.integers(0, len(save(ARRAY)) - 1), value=st.integers(0, 255))
def test_one_changed_byte_is_refused_or_read(index: int, value: int) -> None:
    data = bytearray(save(ARRAY))
    data[index] = value
    with suppress(FormatError):
        read_npy(io.BytesIO(bytes(data)), "a")


@pytest.mark.parametrize("rows", [9 * 10**12, 2**70])
def test_a_header_that_promises_too_much_is_refused(rows: int, tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (rows, 4)}
    )
    path = tmp_path / "a.npy"
    path.write_bytes(header.getvalue())
    for file in (path, io.BytesIO(header.getvalue())):
        with pytest.raises(FormatError, match=r"\[file-malformed\]"):
            read_npy(file, "a")
