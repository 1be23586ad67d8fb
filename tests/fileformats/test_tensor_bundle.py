"""TensorFlow itself wrote the fixtures; ours must read them, and write them again byte by byte."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albertkit.arrays import FloatArray
from albertkit.errors import AlbertKitError, FormatError, InputError
from albertkit.fileformats.protobuf import FIXED32, encode_int, encode_record, encode_varint
from albertkit.fileformats.tensorflow.crc32c import crc32c, mask_checksum
from albertkit.fileformats.tensorflow.sstable import encode_sstable
from albertkit.fileformats.tensorflow.tensor_bundle import (
    TensorBundle,
    find_bundle_prefixes,
    read_bundle,
    write_bundle,
)

SQUAD = Path(__file__).parents[1] / "fixtures" / "tf1_tiny_squad1" / "model.ckpt-best"
DATA, INDEX = "model.ckpt-best.data-00000-of-00001", "model.ckpt-best.index"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The prefix of a copy of the fixture that may be damaged."""
    for name in (DATA, INDEX):
        shutil.copyfile(SQUAD.parent / name, tmp_path / name)
    return tmp_path / SQUAD.name


def read_all(bundle: TensorBundle) -> dict[str, FloatArray]:
    return {name: bundle[name] for name in bundle}


def arrays() -> dict[str, FloatArray]:
    rng = np.random.default_rng(0)
    return {
        "b/kernel": rng.normal(size=(5, 7)).astype(np.float32),
        "a/scalar": np.array(3.5, np.float32),
        "c/empty": np.zeros((0, 4), np.float32),
        "b": rng.normal(size=3).astype(np.float32),
    }


def test_shapes_are_known_before_anything_is_read() -> None:
    bundle = read_bundle(SQUAD)
    assert len(bundle) == 27
    assert bundle.shapes["cls/squad/output_weights"] == (2, 32)


def test_arrays_are_views_of_the_file_and_cannot_be_written_to() -> None:
    words = read_bundle(SQUAD)["bert/embeddings/word_embeddings"]
    assert (words.dtype, words.shape) == (np.dtype(np.float32), (1000, 16))
    assert not words.flags.owndata
    assert not words.flags.writeable


def test_what_tensorflow_wrote_is_written_again_byte_by_byte(tmp_path: Path) -> None:
    write_bundle(tmp_path / SQUAD.name, read_bundle(SQUAD))
    for name in (DATA, INDEX):
        assert (tmp_path / name).read_bytes() == (SQUAD.parent / name).read_bytes()


def test_arrays_of_any_shape_come_back_bit_by_bit(tmp_path: Path) -> None:
    write_bundle(tmp_path / "x", arrays())
    tensors = read_bundle(tmp_path / "x")
    assert list(tensors) == sorted(arrays())
    for name, array in arrays().items():
        assert tensors[name].shape == array.shape
        assert tensors[name].tobytes() == array.tobytes()


def test_transposed_arrays_are_written_row_by_row(tmp_path: Path) -> None:
    array = arrays()["b/kernel"].T
    write_bundle(tmp_path / "x", {"k": array})
    np.testing.assert_array_equal(read_bundle(tmp_path / "x")["k"], array)


@pytest.mark.parametrize(
    "fixture", ["tf1_tiny", "tf1_tiny_g2i2", "tf1_tiny_classifier", "tf1_tiny_race"]
)
def test_every_checksum_of_tensorflow_1_agrees(shared: Path, fixture: str) -> None:
    bundle = read_bundle(shared / "fixtures" / fixture / "model.ckpt-best")
    assert len(read_floats(bundle)) + ("global_step" in bundle) == len(bundle)


def read_floats(bundle: TensorBundle) -> dict[str, FloatArray]:
    return {name: bundle[name] for name, entry in bundle.entries.items() if entry.kind == "float32"}


def test_whole_numbers_keep_their_type(shared: Path) -> None:
    bundle = read_bundle(shared / "fixtures" / "tf1_tiny" / "model.ckpt-best")
    step = bundle.numbers("global_step")
    assert (step.dtype, step.shape, int(step)) == (np.dtype(np.int64), (), 12345)
    with pytest.raises(FormatError, match=r"global_step is of type int64.*\[file-wrong-format\]"):
        bundle["global_step"]
    with pytest.raises(FormatError, match=r"of type float32; whole numbers.*\[file-wrong-format\]"):
        bundle.numbers("bert/pooler/dense/bias")


def test_strings_are_read_and_checked(shared: Path) -> None:
    bundle = read_bundle(shared / "fixtures" / "mg_tiny_encoder" / "model.ckpt-1")
    (graph,) = bundle.strings("_CHECKPOINTABLE_OBJECT_GRAPH")
    assert b"word_embeddings/embeddings" in graph
    assert len(read_floats(bundle)) == len(bundle) - 2


def test_index_files_of_other_programs_are_not_bundles(copy: Path) -> None:
    folder = copy.parent
    (folder / "faiss.index").write_bytes(b"IxF2" + bytes(100))
    (folder / "empty.index").touch()
    (folder / "folder.index").mkdir()
    assert find_bundle_prefixes(folder) == (copy.name,)


@pytest.mark.parametrize("lost", [DATA, INDEX])
def test_a_prefix_is_known_by_its_index_or_by_its_data(copy: Path, lost: str) -> None:
    damaged = copy.with_name(lost)
    if lost == DATA:
        damaged.unlink()
    else:
        damaged.write_bytes(damaged.read_bytes()[:-1])
    assert find_bundle_prefixes(copy.parent) == (copy.name,)


# Bundles that no fixture shows, built record by record.


def entry(
    dtype: int, shape: tuple[int, ...], data: bytes, offset: int = 0, *, checksum: int | None = None
) -> bytes:
    dims = b"".join(encode_record(2, encode_int(1, dim)) for dim in shape)
    stored = mask_checksum(crc32c(data)) if checksum is None else checksum
    return (
        encode_int(1, dtype)
        + encode_record(2, dims)
        + encode_int(4, offset)
        + encode_int(5, len(data))
        + encode_varint(6 << 3 | FIXED32)
        + stored.to_bytes(4, "little")
    )


def bundle_of(
    folder: Path, data: bytes, entries: dict[bytes, bytes], header: bytes = b"\x08\x01"
) -> Path:
    (folder / "x.data-00000-of-00001").write_bytes(data)
    (folder / "x.index").write_bytes(encode_sstable([(b"", header), *sorted(entries.items())]))
    return folder / "x"


@pytest.mark.parametrize(
    ("dtype", "data"),
    [
        (2, np.array([1.5, -2], "<f8").tobytes()),
        (14, np.array([0x3FC0, 0xC000], "<u2").tobytes()),
        (19, np.array([1.5, -2], "<f2").tobytes()),
    ],
    ids=["double", "bfloat16", "half"],
)
def test_floats_of_other_widths_become_float32(tmp_path: Path, dtype: int, data: bytes) -> None:
    tensors = read_bundle(bundle_of(tmp_path, data, {b"w": entry(dtype, (2,), data)}))["w"]
    assert tensors.dtype == np.float32
    assert tensors.tolist() == [1.5, -2]


def test_a_shard_of_empty_tensors_needs_no_bytes(tmp_path: Path) -> None:
    tensors = read_bundle(bundle_of(tmp_path, b"", {b"w": entry(1, (0, 4), b"")}))["w"]
    assert tensors.shape == (0, 4)


def test_a_name_is_looked_up_without_reading_its_tensor(copy: Path) -> None:
    data = bytearray(copy.with_name(DATA).read_bytes())
    copy.with_name(DATA).write_bytes(bytes(len(data)))
    bundle = read_bundle(copy)
    assert "bert/pooler/dense/bias" in bundle
    assert "bert/pooler/dense/scale" not in bundle
    with pytest.raises(FormatError, match=r"\[checksum-mismatch\]"):
        bundle["bert/pooler/dense/bias"]


def test_unaligned_floats_are_copied(tmp_path: Path) -> None:
    data = np.array([1.5, -2], "<f4").tobytes()
    prefix = bundle_of(
        tmp_path,
        b"!" + data,
        {b"flag": entry(10, (), b"!"), b"w": entry(1, (2,), data, 1)},
    )
    assert read_bundle(prefix)["w"].tolist() == [1.5, -2]


def strings(texts: list[bytes], lengths: list[int] | None = None) -> tuple[bytes, int]:
    """The bytes of a tensor of strings, and its checksum."""
    lengths = [len(text) for text in texts] if lengths is None else lengths
    words = b"".join(length.to_bytes(4, "little") for length in lengths)
    between = mask_checksum(crc32c(words)).to_bytes(4, "little")
    joined = b"".join(texts)
    data = b"".join(map(encode_varint, lengths)) + between + joined
    return data, mask_checksum(crc32c(words + between + joined))


def test_several_strings_come_back_in_order(tmp_path: Path) -> None:
    texts = [b"one", b"", b"t" * 300]
    data, checksum = strings(texts)
    prefix = bundle_of(tmp_path, data, {b"s": entry(7, (3,), data, checksum=checksum)})
    assert read_bundle(prefix).strings("s") == tuple(texts)


def test_strings_longer_than_their_bytes_are_refused(tmp_path: Path) -> None:
    data, checksum = strings([b"one"], lengths=[2**31])
    prefix = bundle_of(tmp_path, data, {b"s": entry(7, (1,), data, checksum=checksum)})
    with pytest.raises(FormatError, match=r"\[file-malformed\]"):
        read_bundle(prefix).strings("s")


# Damage


def test_a_changed_byte_of_a_tensor_is_named(copy: Path) -> None:
    data = bytearray(copy.with_name(DATA).read_bytes())
    data[1000] ^= 1
    copy.with_name(DATA).write_bytes(data)
    with pytest.raises(FormatError, match=r"of bert/\S+'s data.*\[checksum-mismatch\]"):
        read_all(read_bundle(copy))


@pytest.mark.parametrize("left", [113_287, 100_000, 1])
def test_a_shard_that_ends_early_is_refused_at_once(copy: Path, left: int) -> None:
    copy.with_name(DATA).write_bytes(copy.with_name(DATA).read_bytes()[:left])
    with pytest.raises(FormatError, match=r"before \S+ does.*\[file-truncated\]"):
        read_bundle(copy)


def test_a_missing_shard_is_named(copy: Path) -> None:
    copy.with_name(DATA).unlink()
    with pytest.raises(
        FormatError, match=rf"no '{DATA}' in the same directory.*\[checkpoint-shards-broken\]"
    ):
        read_bundle(copy)


def test_a_missing_index_is_named(copy: Path) -> None:
    copy.with_name(INDEX).unlink()
    says = rf"{INDEX}'; it gives the offset .* Download or copy that file too. \[file-not-found\]"
    with pytest.raises(InputError, match=says):
        read_bundle(copy)


ONE = np.ones(1, "<f4").tobytes()
BROKEN: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "no header": (
        lambda folder: (
            (folder / "x.index").write_bytes(encode_sstable([(b"w", entry(1, (1,), ONE))])),
            folder / "x",
        )[1],
        "the header (the entry with an empty key) is missing",
        "file-malformed",
    ),
    "big-endian": (
        lambda folder: bundle_of(folder, ONE, {}, b"\x08\x01\x10\x01"),
        "big-endian",
        "file-wrong-format",
    ),
    "a partitioned variable": (
        lambda folder: bundle_of(
            folder,
            ONE,
            {
                b"w": entry(1, (1,), b"") + encode_record(7, b""),
                b"\0w\0\1\1\2\x80\x85": entry(1, (1,), ONE),
            },
        ),
        "w is a partitioned variable",
        "file-wrong-format",
    ),
    "a shape that needs more bytes": (
        lambda folder: bundle_of(folder, ONE, {b"w": entry(1, (2**20, 2**20), ONE)}),
        "needs 4398046511104",
        "file-malformed",
    ),
    "a negative shape": (
        lambda folder: bundle_of(folder, ONE, {b"w": entry(1, (-1,), ONE)}),
        "the shape [-1]",
        "file-malformed",
    ),
    "another shard than there is": (
        lambda folder: bundle_of(folder, ONE, {b"w": entry(1, (1,), ONE) + encode_int(3, 7)}),
        "in shard 7 of 1",
        "file-malformed",
    ),
    "more strings than bytes": (
        lambda folder: bundle_of(folder, ONE, {b"w": entry(7, (2**40,), ONE)}),
        "4 bytes for 1099511627776 strings",
        "file-malformed",
    ),
    "bytes used twice": (
        lambda folder: bundle_of(
            folder, ONE, {b"v": entry(1, (1,), ONE), b"w": entry(1, (1,), ONE)}
        ),
        "inside another tensor",
        "file-malformed",
    ),
    "a name that is not a text": (
        lambda folder: bundle_of(folder, ONE, {b"\xff": entry(1, (1,), ONE)}),
        "is not UTF-8",
        "file-malformed",
    ),
    "a record cut off": (
        lambda folder: bundle_of(folder, ONE, {b"w": entry(1, (1,), ONE)[:-1]}),
        "needs 4 bytes",
        "file-truncated",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_way_of_being_broken_has_its_line(tmp_path: Path, name: str) -> None:
    make, words, code = BROKEN[name]
    prefix = make(tmp_path)
    with pytest.raises(FormatError) as caught:
        read_bundle(prefix)
    assert words in str(caught.value)
    assert caught.value.diagnostic.code == code


@settings(max_examples=150)
@given(st.data())
def test_changed_records_give_our_error_or_tensors_inside_the_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The records themselves are changed, under right checksums: no honest writer does that."""
    folder = tmp_path_factory.mktemp("fuzz")
    text, checksum = strings([b"one", b"two"])
    records = {
        b"s": bytearray(entry(7, (2,), text, checksum=checksum)),
        b"v": bytearray(entry(1, (1,), ONE, len(text))),
        b"w": bytearray(entry(9, (), ONE * 2, len(text) + 4)),
    }
    for _ in range(data.draw(st.integers(1, 4))):
        chosen = records[data.draw(st.sampled_from(sorted(records)))]
        chosen[data.draw(st.integers(0, len(chosen) - 1))] = data.draw(st.integers(0, 255))
    whole_file = text + ONE * 3
    prefix = bundle_of(folder, whole_file, {key: bytes(value) for key, value in records.items()})
    try:
        bundle = read_bundle(prefix)
    except AlbertKitError:
        return
    for name in bundle:
        for reader in (bundle.__getitem__, bundle.numbers, bundle.strings):
            try:
                reader(name)
            except AlbertKitError:
                continue
