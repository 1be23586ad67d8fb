"""SavedModels: what TensorFlow wrote is found, and damage is one of our errors."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.support.modules import HERE, fixture

from albertkit.errors import FormatError
from albertkit.fileformats.protobuf import encode_record
from albertkit.fileformats.tensorflow.object_graph import read_tracked_variables
from albertkit.fileformats.tensorflow.saved_model import LARGEST_GRAPH, SavedModel, read_saved_model
from albertkit.fileformats.tensorflow.saved_model_files import is_saved_model
from albertkit.fileformats.tensorflow.tensor_bundle import read_bundle


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fixture("tfhub_tiny_v3_nomlm", HERE, tmp_path_factory.mktemp("module"))


@pytest.fixture(scope="module")
def model(module: Path) -> SavedModel:
    return read_saved_model(module)


def test_the_root_has_the_functions_of_tf_hub(model: SavedModel, module: Path) -> None:
    assert model.tensorflow == "2.20.0"
    assert {"__call__", "trainable_variables", "sp_model_file"} <= set(model.root.children)
    assert model.find_asset("sp_model_file") == module / "assets" / "tiny_sp1000.model"
    assert model.find_only_asset() == model.find_asset("sp_model_file")
    assert model.find_asset("vocab_file") is None
    assert model.find_asset("__call__") is None  # not an asset


def test_the_outputs_of_a_call_are_counted(model: SavedModel) -> None:
    call = model.child("__call__")
    assert call is not None
    for function in call.functions:
        assert model.count_outputs(function) == {
            "default": 1,
            "encoder_outputs": 2,
            "pooled_output": 1,
            "sequence_output": 1,
        }
    assert model.count_outputs("no function") == {}


def test_operations_are_found_in_the_graph_and_in_its_functions(model: SavedModel) -> None:
    assert Counter(each.kind for each in model.operations())["VarHandleOp"] == 26
    functions = [Counter(each.kind for each in function) for function in model.functions()]
    assert max(kinds["Softmax"] for kinds in functions) == 2
    variables = [each for each in model.operations() if each.kind == "VarHandleOp"]
    assert b"word_embeddings/embeddings" in {each.text("shared_name") for each in variables}
    assert variables[0].text("no_attribute") == b""


def test_both_object_graphs_have_the_same_numbers(model: SavedModel, module: Path) -> None:
    tracked = read_tracked_variables(read_bundle(module / "variables" / "variables"))
    assert len(tracked) == 25
    for variable in tracked:
        assert model.objects[variable.number].variable == variable.name


def test_a_tensorflow_1_hub_module_is_not_a_saved_model(module: Path, tmp_path: Path) -> None:
    assert is_saved_model(module)
    assert not is_saved_model(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    (tmp_path / "tfhub_module.pb").write_bytes(b"\x08\x03")
    assert not is_saved_model(tmp_path)


def asset(name: bytes) -> bytes:
    return encode_record(6, encode_record(2, name))


# A root whose child `file` is an asset, and whose child `lost` is an object that is not there.
ROOT = encode_record(1, b"\x08\x01" + encode_record(2, b"file")) + encode_record(
    1, b"\x08\x07" + encode_record(2, b"lost")
)
OBJECTS = encode_record(7, encode_record(1, ROOT) + encode_record(1, encode_record(5, b"")))


@pytest.mark.parametrize("name", [b"../secret", b"/etc/passwd", b"..", b"", b"a\\b"])
def test_an_asset_is_in_the_directory_of_assets(tmp_path: Path, name: bytes) -> None:
    (tmp_path / "saved_model.pb").write_bytes(encode_record(2, OBJECTS + asset(name)))
    with pytest.raises(FormatError, match=r"an asset has the name .*file-malformed"):
        read_saved_model(tmp_path).find_asset("file")


def test_numbers_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(encode_record(2, OBJECTS))
    model = read_saved_model(tmp_path)
    with pytest.raises(FormatError, match="refers to asset 0 and has 0"):
        model.find_asset("file")
    with pytest.raises(FormatError, match="lost is object 7 of 2"):
        model.child("lost")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "empty.*file-truncated"),
        (b"\x08\x01", "no object graph.*file-wrong-format"),
        (encode_record(2, encode_record(7, b"")), "object graph is empty.*file-malformed"),
        (b"\x12\x7f", "needs 127 bytes.*file-truncated"),
    ],
)
def test_what_is_no_saved_model_is_refused(tmp_path: Path, data: bytes, problem: str) -> None:
    (tmp_path / "saved_model.pb").write_bytes(data)
    with pytest.raises(FormatError, match=problem):
        read_saved_model(tmp_path)


def test_a_file_of_any_size_is_not_read_into_memory(tmp_path: Path) -> None:
    with (tmp_path / "saved_model.pb").open("wb") as file:
        file.truncate(LARGEST_GRAPH + 1)  # no byte of it is written
    with pytest.raises(FormatError, match=r"134,217,729 bytes.*file-wrong-format"):
        read_saved_model(tmp_path)
