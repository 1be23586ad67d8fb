"""TensorFlow reads the bundles that we write, and we read those that it writes, of every kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from albertkit.errors import FormatError
from albertkit.fileformats.tensorflow.sstable import read_sstable
from albertkit.fileformats.tensorflow.tensor_bundle import read_bundle, write_bundle

ENDINGS = ("index", "data-00000-of-00001")


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"b/kernel": (5, 7), "a": (), "c/empty": (0, 4), "b": (3,), "big": (300, 200)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def save(prefix: Path, tensors: dict[str, tf.Tensor], slices: list[str] | None = None) -> Path:
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=slices or [""] * len(tensors),
        tensors=list(tensors.values()),
    )
    return prefix


def test_tensorflow_reads_what_we_write(tmp_path: Path) -> None:
    write_bundle(tmp_path / "x", arrays())
    reader = tf.train.load_checkpoint(str(tmp_path / "x"))
    shapes = reader.get_variable_to_shape_map()
    assert shapes == {name: list(array.shape) for name, array in arrays().items()}
    for name, array in arrays().items():
        assert reader.get_tensor(name).tobytes() == array.tobytes()


def test_tensorflow_writes_the_same_bytes(tmp_path: Path) -> None:
    write_bundle(tmp_path / "ours", arrays())
    names = sorted(arrays())  # in which order a caller of TensorFlow saves is his own affair
    save(tmp_path / "theirs", {name: tf.constant(arrays()[name]) for name in names})
    for ending in ENDINGS:
        ours, theirs = (tmp_path / f"{name}.{ending}" for name in ("ours", "theirs"))
        assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32, tf.float64])
def test_floats_of_every_width_become_float32(tmp_path: Path, dtype: tf.DType) -> None:
    tensor = tf.cast(tf.constant([1.5, -2.25, 3e-5]), dtype)
    array = read_bundle(save(tmp_path / "x", {"w": tensor}))["w"]
    np.testing.assert_array_equal(array, tf.cast(tensor, tf.float32).numpy())


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "uint32", "int64", "bool"])
def test_whole_numbers_keep_their_type(tmp_path: Path, dtype: str) -> None:
    tensor = tf.cast(tf.constant([[1, 0], [1, 1]]), dtype)
    array = read_bundle(save(tmp_path / "x", {"n": tensor})).numbers("n")
    assert array.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(array, tensor.numpy())


def test_strings_come_back(tmp_path: Path) -> None:
    texts = [b"one", b"", b"\xff" * 1000, b"vier"]
    bundle = read_bundle(save(tmp_path / "x", {"s": tf.constant(texts)}))
    assert bundle.strings("s") == tuple(texts)


def test_several_shards_are_one_bundle(tmp_path: Path) -> None:
    parts = [{name: tf.constant(array)} for name, array in arrays().items()]
    saved = [str(save(tmp_path / f"part{number}", part)) for number, part in enumerate(parts)]
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=saved, destination_prefix=str(tmp_path / "x"))
    assert len(list(tmp_path.glob("x.data-*-of-00005"))) == 5
    bundle = read_bundle(tmp_path / "x")
    for name, array in arrays().items():
        np.testing.assert_array_equal(bundle[name], array)


def test_an_index_of_several_blocks_is_walked(tmp_path: Path) -> None:
    one = tf.constant(1.0)
    tensors = {f"{'deep/' * 60}{number:05d}": one for number in range(12_000)}
    bundle = read_bundle(save(tmp_path / "x", tensors))
    assert set(bundle) == set(tensors)
    index = (tmp_path / "x.index").read_bytes()
    assert len(index) > 2**18  # one block has no more
    assert len(list(read_sstable(memoryview(index), "index"))) == 12_001


def test_a_partitioned_variable_is_refused_by_name(tmp_path: Path) -> None:
    half = tf.constant(np.ones((5, 3), np.float32))
    prefix = save(tmp_path / "x", {"table": half}, ["10 3 0,5:0,3"])
    with pytest.raises(FormatError, match=r"table is a partitioned variable"):
        read_bundle(prefix)
