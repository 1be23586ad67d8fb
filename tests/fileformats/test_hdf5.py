"""h5py is the oracle: we read what it writes, it reads what we write; the rest is refused."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError
from albertkit.fileformats.hdf5.file import read_hdf5
from albertkit.fileformats.hdf5.writer import write_hdf5

Attributes = dict[str, dict[str, str]]
rng = np.random.default_rng(0)


def array(*shape: int) -> FloatArray:
    return rng.normal(size=shape).astype(np.float32)


def by_h5py(file_path: Path, fill: Callable[[Any], object], **options: Any) -> Path:
    with h5py.File(file_path, "w", **options) as file:
        fill(file)
    return file_path


def contents(file_path: Path) -> tuple[dict[str, FloatArray], Attributes]:
    """All that h5py finds in a file."""
    arrays: dict[str, FloatArray] = {}
    attributes: Attributes = {}

    def visit(path: str, item: Any) -> None:
        attributes[path] = dict(item.attrs)
        if isinstance(item, h5py.Dataset):
            arrays[path] = item[()]

    with h5py.File(file_path) as file:
        visit("", file)
        file.visititems(visit)
    return arrays, attributes


def assert_reads_as_h5py(file_path: Path) -> None:
    file = read_hdf5(file_path)
    arrays, attributes = contents(file_path)
    assert file.shapes == {path: item.shape for path, item in arrays.items()}
    assert {path: dict(named) for path, named in file.attributes.items()} == attributes
    for path, item in arrays.items():
        if item.dtype == np.float32:
            np.testing.assert_array_equal(file[path], item)


def like_keras(file: Any) -> None:
    """Groups in groups, more of them than one symbol table or one tree's node holds."""
    for number in range(300):
        file.create_group(f"many/group_{number}")
    for number in range(12):
        group = file.create_group(f"layers/dense_{number}/vars")
        group.attrs["name"] = f"couche_é_{number}"
        group["0"], group["1"] = array(3, 2, 2), array(4)
    file.create_group("vars").attrs["name"] = "model"
    file["optimizer/vars/1"] = np.float32(0.5)
    file["empty"] = array(0, 3)


def test_what_h5py_writes_is_read(tmp_path: Path) -> None:
    assert_reads_as_h5py(by_h5py(tmp_path / "a.h5", like_keras))


def test_arrays_are_views_of_the_file_that_cannot_be_written_to(tmp_path: Path) -> None:
    file = read_hdf5(by_h5py(tmp_path / "a.h5", lambda f: f.create_dataset("a", data=array(4))))
    assert not file["a"].flags.owndata
    assert not file["a"].flags.writeable


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_floats_are_read_as_float32(kind: Any, tmp_path: Path) -> None:
    given = array(5).astype(kind)
    item = read_hdf5(by_h5py(tmp_path / "a.h5", lambda f: f.update({"a": given})))["a"]
    np.testing.assert_array_equal(item, given.astype(np.float32))


def test_bfloat16_is_what_keras_marks_so(tmp_path: Path) -> None:
    upper_halves = (array(5).view(np.uint32) >> 16).astype(np.uint16)

    def fill(file: Any) -> None:
        for name in ("a", "b"):
            file[name] = upper_halves.view("V2")
        file["a"].attrs["dtype"] = "bfloat16"

    file = read_hdf5(by_h5py(tmp_path / "a.h5", fill))
    wanted = (upper_halves.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(file["a"], wanted)
    with pytest.raises(FormatError, match=r"b holds opaque bytes"):
        file["b"]


@pytest.mark.parametrize(
    "given", [np.int64(7), np.ones(2, np.uint8), "a text", np.ones(2, ">f4"), np.ones(2, "S3")]
)
def test_an_array_that_is_not_of_floats_is_listed_and_cannot_be_read(
    given: Any, tmp_path: Path
) -> None:
    def fill(file: Any) -> None:
        file["a"], file["b"] = given, array(2)

    file = read_hdf5(by_h5py(tmp_path / "a.h5", fill))
    assert file["b"].shape == (2,)
    with pytest.raises(FormatError, match=r"a holds .*\[file-wrong-format\]"):
        file["a"]


def test_attributes_that_are_not_text_are_left_out(tmp_path: Path) -> None:
    def fill(file: Any) -> None:
        file.attrs["text"], file.attrs["fixed"] = "é", np.bytes_("abc")
        file.attrs["number"], file.attrs["list"] = 3, ["a", "b"]

    assert read_hdf5(by_h5py(tmp_path / "a.h5", fill)).attributes[""] == {
        "text": "é",
        "fixed": "abc",
    }


def set_to(value: Any) -> Callable[[Any], object]:
    return lambda file: file.update({"a": value})


def link_twice(file: Any) -> None:
    file["a"] = array(2)
    file["b"] = file["a"]


UNKNOWN: dict[str, tuple[Callable[[Any], object], str]] = {
    "chunks": (lambda f: f.create_dataset("a", data=array(8), chunks=(4,)), "in chunks"),
    "compressed": (
        lambda f: f.create_dataset("a", data=array(8), chunks=(4,), compression="gzip"),
        "compressed",
    ),
    "external": (
        lambda f: f.create_dataset("a", (2,), "f4", external=[("x", 0, 8)]),
        "in other files",
    ),
    "unfilled": (lambda f: f.create_dataset("a", (2,), "f4"), "never filled"),
    "null": (set_to(h5py.Empty("f4")), "no shape"),
    "soft link": (set_to(h5py.SoftLink("/b")), "link by path"),
    "hard link": (link_twice, "another object"),
    "named type": (set_to(np.dtype("f4")), "neither a group nor an array"),
    "ordered": (lambda f: f.create_group("a", track_order=True), "newer releases"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_other_parts_of_hdf5_are_refused_by_name(name: str, tmp_path: Path) -> None:
    fill, message = UNKNOWN[name]
    with pytest.raises(FormatError, match=rf"{message}.*\[hdf5-feature-unsupported\]"):
        read_hdf5(by_h5py(tmp_path / "a.h5", fill))


def test_the_form_of_newer_releases_is_refused_by_name(tmp_path: Path) -> None:
    file_path = by_h5py(tmp_path / "a.h5", like_keras, libver="latest")
    with pytest.raises(
        FormatError, match=r"superblock is of version 3.*\[hdf5-feature-unsupported\]"
    ):
        read_hdf5(file_path)


@pytest.mark.parametrize("given", [b"", b"\x89HDF", b"PK\x03\x04" + bytes(200)])
def test_another_format_is_not_read_as_hdf5(given: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(given)
    with pytest.raises(FormatError, match=r"not an HDF5 file|is empty"):
        read_hdf5(tmp_path / "a.h5")


def many_arrays(count: int) -> tuple[dict[str, Any], Attributes]:
    arrays: dict[str, Any] = {f"many/layer_{n}/vars/0": array(n % 3 + 1, 3) for n in range(count)}
    arrays |= {"one": array(5), "none": array(0, 3), "single": array()}
    arrays["whole"] = np.array([1, -(2**40)])
    attributes = {f"many/layer_{n}/vars": {"name": f"couche_{n}_é"} for n in range(count)}
    return arrays, {**attributes, "": {"title": "x"}, "empty/vars": {"a": "y", "b": "z" * 9000}}


@pytest.mark.parametrize("count", [0, 1, 8, 9, 257])
def test_h5py_reads_what_we_write_and_so_do_we(count: int, tmp_path: Path) -> None:
    arrays, attributes = many_arrays(count)
    write_hdf5(tmp_path / "a.h5", arrays, attributes)
    item, named = contents(tmp_path / "a.h5")
    assert {path: texts for path, texts in named.items() if texts} == attributes
    assert item.keys() == arrays.keys()
    for path, wanted in arrays.items():
        np.testing.assert_array_equal(item[path], wanted)
    assert_reads_as_h5py(tmp_path / "a.h5")


def test_h5py_can_change_what_we_wrote(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "a.h5", *many_arrays(60))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        for number in range(50):
            file.create_group(f"many/new_{number}")["0"] = array(2)
        del file["many/layer_5"]
        file["many/layer_7/vars"].attrs["name"] = "another, and a longer one"
    assert_reads_as_h5py(tmp_path / "a.h5")


def test_writing_reads_lazy_arrays_one_at_a_time(tmp_path: Path) -> None:
    turned = {"a": array(3, 4).T, "b": array(2, 3, 4).transpose(2, 0, 1)}  # not contiguous
    write_hdf5(tmp_path / "a.h5", turned, {})
    item = read_hdf5(tmp_path / "a.h5")
    for path, wanted in turned.items():
        np.testing.assert_array_equal(item[path], wanted)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of each structure, by h5py."""
    file_path = tmp_path_factory.mktemp("small") / "a.h5"

    def fill(file: Any) -> None:
        for number in range(10):
            file.create_group(f"layers/dense_{number}/vars")["0"] = array(2, 3)
        file["layers/dense_1/vars"].attrs["name"] = "couche"

    return by_h5py(file_path, fill).read_bytes()


def read_bytes(data: bytes, file_path: Path) -> None:
    """Read a file of these bytes, and each of its arrays."""
    file_path.write_bytes(data)
    file = read_hdf5(file_path)
    for path in file:
        if file.datasets[path].kind == "float32":
            assert file[path].shape == file.shapes[path]


@pytest.mark.parametrize("part", [0.01, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_named_by_what_is_missing(
    part: float, small: bytes, tmp_path: Path
) -> None:
    with pytest.raises(FormatError, match=r"bytes early.*\[file-truncated\]"):
        read_bytes(small[: int(len(small) * part)], tmp_path / "a.h5")


def structures(data: bytes, signature: bytes) -> list[int]:
    item, offset = [], data.find(signature)
    while offset >= 0:
        item.append(offset)
        offset = data.find(signature, offset + 1)
    return item


def with_number(data: bytes, offset: int, number: int) -> bytes:
    return data[:offset] + struct.pack("<Q", number) + data[offset + 8 :]


def test_a_tree_whose_node_is_its_own_child_is_refused(small: bytes, tmp_path: Path) -> None:
    for tree in structures(small, b"TREE"):
        looped = bytearray(with_number(small, tree + 32, tree))
        looped[tree + 5], looped[tree + 6] = 1, 1  # one level up, with one child
        with pytest.raises(FormatError, match=r"\[file-malformed\]"):
            read_bytes(bytes(looped), tmp_path / "a.h5")


def test_a_group_that_holds_itself_is_refused(small: bytes, tmp_path: Path) -> None:
    root = struct.unpack("<Q", small[64:72])[0]
    for table in structures(small, b"SNOD"):
        with pytest.raises(FormatError, match=r"another object as well"):
            read_bytes(with_number(small, table + 16, root), tmp_path / "a.h5")


def test_a_header_that_goes_on_in_itself_is_refused(small: bytes, tmp_path: Path) -> None:
    header = struct.unpack("<Q", small[64:72])[0]
    looped = bytearray(with_number(small, header + 24, header + 16))
    looped[header + 2 : header + 4] = b"\xff\xff"  # 65,535 messages
    looped[header + 16] = 0x10  # what its group is now says where it goes on
    with pytest.raises(FormatError, match=r"\[file-malformed\]"):
        read_bytes(bytes(with_number(bytes(looped), header + 32, 24)), tmp_path / "a.h5")


def test_arrays_that_share_bytes_are_refused(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "a.h5", {"a": array(4), "b": array(4)}, {})
    data = (tmp_path / "a.h5").read_bytes()
    second = data.index(struct.pack("<BBQQ", 3, 1, 112, 16)) + 2
    with pytest.raises(FormatError, match=r"b begins at byte 104, inside another array"):
        read_bytes(with_number(data, second, 104), tmp_path / "a.h5")


@pytest.mark.parametrize("huge", [2**62, 2**63, 2**64 - 1])
def test_an_empty_array_with_endless_axes_is_refused(huge: int, tmp_path: Path) -> None:
    write_hdf5(tmp_path / "a.h5", {"a": array(0, 77)}, {})
    data = (tmp_path / "a.h5").read_bytes()
    wide = with_number(data, data.index(struct.pack("<QQ", 0, 77)) + 8, huge)
    with pytest.raises(FormatError, match=r"a has the shape \[0, \d+\] .*\[file-malformed\]"):
        read_bytes(wide, tmp_path / "a.h5")


def test_opaque_bytes_of_another_size_are_no_bfloat16(tmp_path: Path) -> None:
    def fill(file: Any) -> None:
        file["a"] = np.zeros(3, "V3")
        file["a"].attrs["dtype"] = "bfloat16"

    with pytest.raises(FormatError, match=r"a holds opaque bytes"):
        read_hdf5(by_h5py(tmp_path / "a.h5", fill))["a"]


changes = st.lists(
    st.tuples(st.integers(0, 2**20), st.sampled_from([1, 2, 8]), st.integers(0, 2**64 - 1)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=250)
@given(
    changes=changes, near=st.sampled_from([b"TREE", b"SNOD", b"HEAP", b"GCOL", b"\x11\x20", b""])
)
def test_a_mutated_file_gives_arrays_or_our_error(
    changes: list[tuple[int, int, int]], near: bytes, small: bytes, tmp_path_factory: Any
) -> None:
    data = bytearray(small)
    starts = structures(small, near)
    for where, width, number in changes:
        start = starts[where % len(starts)] if near else where % len(small)
        offset = min(start + where // 7 % 48, len(small) - 8)
        value = number if number % 3 else number % len(small)  # often an address in the file
        data[offset : offset + width] = struct.pack("<Q", value)[:width]
    file_path = tmp_path_factory.getbasetemp() / "mutated.h5"
    with contextlib.suppress(FormatError):
        read_bytes(bytes(data), file_path)
