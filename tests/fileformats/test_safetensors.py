"""The safetensors library is the oracle: it reads ours, we read its, both refuse the same."""

from __future__ import annotations

import json
import re
import stat
import struct
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from albertkit.errors import AlbertKitError, FormatError, InputError
from albertkit.fileformats.safetensors import read_safetensors, write_safetensors
from albertkit.fileformats.tensors import release_pages


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "b.weight": rng.normal(size=(5, 7)).astype(np.float32),
        "a.scalar": np.array(3.5, np.float32),
        "c.empty": np.zeros((0, 4), np.float32),
        "d": rng.normal(size=(3,)).astype(np.float32),
    }


def make_file(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def row(shape: object, offsets: object, dtype: object = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def test_the_library_reads_what_we_write(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "a.safetensors", arrays())
    tensors = safetensors.numpy.load_file(tmp_path / "a.safetensors")
    assert tensors.keys() == arrays().keys()
    for name, array in arrays().items():
        np.testing.assert_array_equal(tensors[name], array)
    with safetensors.safe_open(tmp_path / "a.safetensors", "np") as file:
        assert file.metadata() == {"format": "pt"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_we_read_what_the_library_writes(tmp_path: Path, dtype: torch.dtype) -> None:
    saved = {name: torch.from_numpy(np.array(a)).to(dtype) for name, a in arrays().items()}
    save_file(saved, tmp_path / "a.safetensors", {"format": "pt", "x": "y"})
    tensors = read_safetensors(tmp_path / "a.safetensors")
    assert tensors.metadata == {"format": "pt", "x": "y"}
    assert tensors.shapes == {name: array.shape for name, array in arrays().items()}
    for name, tensor in tensors.items():
        assert tensor.dtype == np.dtype(np.float32)
        np.testing.assert_array_equal(tensor, saved[name].float().numpy())


def test_float32_arrays_are_views_of_the_file(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "a.safetensors", arrays())
    weight = read_safetensors(tmp_path / "a.safetensors")["b.weight"]
    assert not weight.flags.owndata
    assert not weight.flags.writeable


def test_float16_files_have_half_the_bytes_and_the_rounded_values(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "a.safetensors", arrays(), dtype="float16")
    tensors = read_safetensors(tmp_path / "a.safetensors")
    assert tensors.entries["b.weight"].dtype == "F16"
    np.testing.assert_array_equal(
        tensors["b.weight"], arrays()["b.weight"].astype(np.float16).astype(np.float32)
    )


def test_a_weight_too_large_for_float16_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"old")
    with pytest.raises(InputError, match=r"b has a value of magnitude 70000.*\[float16-overflow\]"):
        write_safetensors(path, {"b": np.array([1, -70000], np.float32)}, dtype="float16")
    assert path.read_bytes() == b"old"


def test_a_saved_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "a.safetensors", arrays())
    assert stat.S_IMODE((tmp_path / "a.safetensors").stat().st_mode) & 0o400
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_whole_numbers_are_listed_but_are_no_weights(tmp_path: Path) -> None:
    save_file({"ids": torch.arange(4), "w": torch.ones(2)}, tmp_path / "a.safetensors")
    tensors = read_safetensors(tmp_path / "a.safetensors")
    assert tensors.shapes == {"ids": (4,), "w": (2,)}
    with pytest.raises(FormatError, match=r"ids is of type I64.*\[file-wrong-format\]"):
        tensors["ids"]


BROKEN = {
    "no room for the length": (b"1234567", "file-truncated"),
    "header too long for the format": (make_file({}, length=10**9), "file-wrong-format"),
    "header longer than the file": (make_file({}, length=10**6), "file-truncated"),
    "header no JSON": (make_file(b"{"), "json-malformed"),
    "header no object": (make_file([]), "file-wrong-format"),
    "a name twice": (make_file(b'{"a":1,"a":1}'), "json-malformed"),
    "row incomplete": (make_file({"a": {"dtype": "F32"}}), "file-malformed"),
    "unknown dtype": (make_file({"a": row([1], [0, 4], "F99")}, b"1234"), "file-malformed"),
    "dtype no text": (make_file({"a": row([1], [0, 4], [])}, b"1234"), "file-malformed"),
    "shape no list": (make_file({"a": row(1, [0, 4])}, b"1234"), "file-malformed"),
    "negative shape": (make_file({"a": row([-1], [0, 4])}, b"1234"), "file-malformed"),
    "boolean shape": (make_file({"a": row([True], [0, 4])}, b"1234"), "file-malformed"),
    "offsets backwards": (make_file({"a": row([1], [4, 0])}, b"1234"), "file-malformed"),
    "three offsets": (make_file({"a": row([1], [0, 4, 4])}, b"1234"), "file-malformed"),
    "shape too large for its bytes": (
        make_file({"a": row([2**60], [0, 4])}, b"1234"),
        "file-malformed",
    ),
    "data truncated": (make_file({"a": row([2], [0, 8])}, b"1234"), "file-truncated"),
    "overlap": (
        make_file({"a": row([1], [0, 4]), "b": row([1], [0, 4])}, b"1234"),
        "file-malformed",
    ),
    "gap": (make_file({"a": row([1], [4, 8])}, b"12345678"), "file-malformed"),
    "bytes of no tensor at the end": (
        make_file({"a": row([1], [0, 4])}, b"12345678"),
        "file-malformed",
    ),
    "metadata no object": (make_file({"__metadata__": 1}), "file-malformed"),
    "metadata no texts": (make_file({"__metadata__": {"a": 1}}), "file-malformed"),
}


@pytest.mark.parametrize("shape", [[0, 2**60], [1] * 100], ids=["of 2**60", "of 100 axes"])
def test_a_shape_that_no_array_has_is_refused(shape: list[int], tmp_path: Path) -> None:
    numbers = int(np.prod(shape, dtype=object))
    path = tmp_path / "a.safetensors"
    path.write_bytes(make_file({"a": row(shape, [0, 4 * numbers])}, bytes(4 * numbers)))
    with pytest.raises(FormatError, match=r"\[file-malformed\]"):
        read_safetensors(path)


@pytest.mark.parametrize("name", BROKEN)
def test_each_way_of_being_broken_is_refused_as_the_library_refuses_it(
    tmp_path: Path, name: str
) -> None:
    data, code = BROKEN[name]
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(FormatError, match=rf"\[{code}\]"):
        read_safetensors(tmp_path / "a")
    if name != "a name twice":  # the library takes the last of two: there we are stricter
        with pytest.raises(safetensors.SafetensorError):
            safetensors.deserialize(data)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "a", arrays())
    whole = (tmp_path / "a").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "a").write_bytes(whole[:length])
        with pytest.raises(FormatError):
            read_safetensors(tmp_path / "a")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_changed_header_bytes_give_our_error_or_tensors_inside_the_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a"
    write_safetensors(path, arrays())
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 300))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        tensors = read_safetensors(path)
        for name in tensors:
            assert tensors[name].shape == tensors.shapes[name]
    except AlbertKitError:
        pass


def count_mapped_megabytes(path: Path) -> float:
    """Resident memory of a file's mapping."""
    _, _, mapping = Path("/proc/self/smaps").read_text().partition(str(path))
    size = re.search(r"^Rss:\s+(\d+) kB", mapping, re.MULTILINE)
    assert size is not None
    return int(size[1]) / 1000


@pytest.mark.skipif(not Path("/proc/self/smaps").is_file(), reason="/proc is not there")
def test_the_pages_of_a_tensor_are_returned_and_read_again(tmp_path: Path) -> None:
    given = {name: np.full((1000, 1000), number, np.float32) for number, name in enumerate("abc")}
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors.numpy.save(given))
    tensors = read_safetensors(path)
    read = {name: tensors[name] for name in given}
    assert all(np.array_equal(read[name], given[name]) for name in given)
    assert count_mapped_megabytes(path) > 11
    release_pages(read["b"])
    assert count_mapped_megabytes(path) < 9
    assert all(np.array_equal(read[name], given[name]) for name in given)


def test_an_array_that_is_not_mapped_has_no_pages_to_return() -> None:
    array = np.ones(10_000, np.float32)
    release_pages(array[5000:])
    assert array.all()
