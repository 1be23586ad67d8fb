"""The onnx package is the oracle: its checker accepts our files and finds the same in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albertkit.errors import FormatError, InputError
from albertkit.fileformats.onnx.model_file import (
    Graph,
    Node,
    Port,
    Tensor,
    read_onnx,
    write_onnx,
)

MATRIX = np.arange(6, dtype=np.float32).reshape(2, 3)
GRAPH = Graph(
    nodes=(
        Node("MatMul", ("x", "matrix"), ("product",), "first"),
        Node("LeakyRelu", ("product",), ("bent",), "second", {"alpha": -0.5}),
        Node("Transpose", ("bent",), ("turned",), "third", {"perm": (1, 0)}),
        Node("Gather", ("turned", "rows"), ("y",), "fourth", {"axis": -2}),
    ),
    tensors=(
        Tensor("matrix", "float32", (2, 3), lambda: MATRIX),
        Tensor("rows", "int64", (2,), lambda: np.array([2, 0])),
    ),
    inputs=(Port("x", "float32", ("batch", 2)),),
    outputs=(Port("y", "float32", (2, "batch")),),
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file_path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    write_onnx(file_path, GRAPH, {"made of": "words"})
    return file_path


def test_the_checker_accepts_a_file_and_finds_the_same_in_it(written: Path) -> None:
    model = onnx.load(written)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == [node.kind for node in GRAPH.nodes]
    assert model.graph.node[3].attribute[0].i == -2
    matrix, rows = (onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer)
    np.testing.assert_array_equal(matrix, MATRIX)
    np.testing.assert_array_equal(rows, [2, 0])
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert {prop.key: prop.value for prop in model.metadata_props} == {"made of": "words"}


def test_the_file_computes_what_its_nodes_say(written: Path) -> None:
    from onnx.reference import ReferenceEvaluator

    x = np.array([[1, -2]], np.float32)
    (answer,) = ReferenceEvaluator(onnx.load(written)).run(None, {"x": x})
    product = x @ MATRIX
    bent = np.where(product < 0, -0.5 * product, product)
    np.testing.assert_allclose(np.asarray(answer), bent.T[[2, 0]])


def test_our_own_files_are_read_back(written: Path) -> None:
    tensors = read_onnx(written)
    assert tensors.shapes == {"matrix": (2, 3)}  # whole numbers are not parameters
    np.testing.assert_array_equal(tensors["matrix"], MATRIX)
    assert tensors.metadata == {"made of": "words"}


def test_another_programs_file_is_refused_by_its_name(written: Path, tmp_path: Path) -> None:
    model = onnx.load(written)
    model.producer_name = "pytorch"
    onnx.save(model, tmp_path / "theirs.onnx")
    with pytest.raises(FormatError, match=r"written by 'pytorch'.*\[file-wrong-format\]"):
        read_onnx(tmp_path / "theirs.onnx")


def test_a_file_larger_than_protobuf_allows_is_refused_before_it_is_begun(tmp_path: Path) -> None:
    def never() -> np.ndarray:
        raise AssertionError

    large = Graph((), (Tensor("table", "float32", (2**20, 2**10), never),), (), ())
    with pytest.raises(InputError, match=r"4,294,967,\d+ bytes.*\[unsupported-by-format\]"):
        write_onnx(tmp_path / "model.onnx", large, {})
    assert list(tmp_path.iterdir()) == []


def test_every_cut_is_refused(written: Path, tmp_path: Path) -> None:
    data = written.read_bytes()
    for end in (*range(1, len(data) - 1, 7), len(data) - 1):
        (tmp_path / "cut.onnx").write_bytes(data[:end])
        with pytest.raises(FormatError):
            read_onnx(tmp_path / "cut.onnx")["matrix"]


@settings(max_examples=300)
@given(offset=st.integers(0, 10**6), value=st.integers(0, 255), drop=st.integers(0, 3))
def test_only_our_errors_come_out_of_damaged_files(
    written: Path, tmp_path_factory: pytest.TempPathFactory, offset: int, value: int, drop: int
) -> None:
    data = bytearray(written.read_bytes())
    offset %= len(data)
    data[offset : offset + drop] = bytes([value])
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    path.write_bytes(data)
    try:
        tensors = read_onnx(path)
        for name in tensors:
            assert tensors[name].shape == tensors.shapes[name]
    except FormatError:
        pass
