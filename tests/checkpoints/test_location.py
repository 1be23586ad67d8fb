"""Every way of naming one model opens the same model; what is none is said in one line."""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.support.other_user import as_other_user
from tests.support.tiny_models import save_tiny

from albertkit import AlbertModel, AlbertTokenizer, FillMask, load
from albertkit.checkpoints import format_of, read_checkpoint, resolve_path
from albertkit.errors import AlbertKitError, InputError, ResourceError

TF1 = Path(__file__).parents[1] / "fixtures" / "tf1_tiny_squad1"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("place") / "m", ["masked_lm"])


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = (read_checkpoint(directory).weights for directory in (one, other))
    assert first.config == second.config
    for name, array in first.arrays.items():
        np.testing.assert_array_equal(array, second.arrays[name])


def zip_directory(directory: Path, into: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in directory.iterdir():
            archive.write(file, inside + file.name)
    return into


def tar_directory(directory: Path, into: Path, inside: str = ".") -> Path:
    with tarfile.open(into, "w:gz") as archive:
        archive.add(directory, inside)
    return into


ARCHIVES: dict[str, Callable[[Path, Path], Path]] = {
    "zip of files": lambda directory, into: zip_directory(directory, into / "m.zip"),
    "zip of a folder": lambda directory, into: zip_directory(directory, into / "m.zip", "albert/"),
    "tar.gz of files": lambda directory, into: tar_directory(directory, into / "m.tar.gz"),
    "tgz of a folder": lambda directory, into: tar_directory(
        directory, into / "m.tgz", "albert_base"
    ),
    "an archive without an ending": lambda directory, into: tar_directory(
        directory, into / "download"
    ),
}
by_archive = pytest.mark.parametrize("pack", ARCHIVES.values(), ids=ARCHIVES)


@by_archive
def test_an_archive_opens_as_the_directory_that_was_packed(
    pack: Callable[[Path, Path], Path], model: Path, tmp_path: Path
) -> None:
    assert_same_weights(pack(model, tmp_path), model)


def test_a_model_from_an_archive_answers_and_leaves_nothing_behind(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    archive = tar_directory(model, tmp_path / "m.tar.gz")
    loaded = load(archive)
    assert loaded.path == archive
    assert list((tmp_path / "temporary").iterdir()) == []
    there, here = FillMask(archive)("a [MASK]"), FillMask(model)("a [MASK]")
    assert there == here


def test_errors_and_notes_name_the_archive(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "m")
    config = json.loads((model / "config.json").read_text())
    (tmp_path / "m" / "config.json").write_text(
        json.dumps({**config, "architectures": ["AlbertForQuestionAnswering"]})
    )
    stored = read_checkpoint(tar_directory(tmp_path / "m", tmp_path / "m.tgz", "m"))
    assert stored.weights.origin == str(tmp_path / "m.tgz")
    assert [note.where for note in stored.notes] == [str(tmp_path / "m.tgz")]
    (tmp_path / "m" / "config.json").write_text("{")
    with pytest.raises(AlbertKitError, match=r"m.tgz/config.json: it cannot be parsed") as caught:
        load(tar_directory(tmp_path / "m", tmp_path / "m.tgz", "m"))
    assert "/albertkit-" not in str(caught.value)


def test_a_tokenizer_opens_from_an_archive(model: Path, tmp_path: Path) -> None:
    here, there = map(
        AlbertTokenizer.from_pretrained, (model, zip_directory(model, tmp_path / "m.zip"))
    )
    assert here("hello (world)") == there("hello (world)")


def test_a_torch_model_from_an_archive_saves_its_tokenizer(model: Path, tmp_path: Path) -> None:
    opened = AlbertModel.from_pretrained(zip_directory(model, tmp_path / "m.zip"))
    opened.save_pretrained(tmp_path / "saved")
    names = {path.name for path in (tmp_path / "saved").iterdir()}
    assert names >= {"spiece.model", "tokenizer.json", "tokenizer_config.json"}


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_means_the_directory_that_is_read_by_it(name: str, model: Path) -> None:
    assert resolve_path(model / name).path == model


@pytest.mark.parametrize(
    "name",
    ["", "model.ckpt-best", "model.ckpt-best.index", "model.ckpt-best.data-00000-of-00001"],
)
def test_a_checkpoint_opens_by_its_prefix_and_by_each_of_its_files(name: str) -> None:
    checkpoint_format, _ = format_of(resolve_path(TF1 / name).path)
    assert checkpoint_format.name == "tf1"
    assert_same_weights(TF1 / name, TF1)


def test_a_variables_index_in_a_module_means_the_module(tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    (tmp_path / "variables" / "variables.index").write_bytes(b"x")
    (tmp_path / "saved_model.pb").write_bytes(b"x")
    assert resolve_path(tmp_path / "variables" / "variables.index").path == tmp_path
    assert resolve_path(tmp_path / "saved_model.pb").path == tmp_path


def test_weights_that_are_not_read_are_refused(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "m")
    other = tmp_path / "m" / "pytorch_model.bin"
    torch.save(load_file(model / "model.safetensors"), other)
    with pytest.raises(
        InputError, match=r"model.safetensors, which is read first.*\[weights-file-ignored\]"
    ):
        read_checkpoint(other)
    (tmp_path / "m" / "model.safetensors").unlink()
    assert_same_weights(other, model)


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 47\n"
CONFIG = json.dumps({"model_type": "gpt2"}).encode()
# The name given → its files, the file it points to, and the message.
STRANGERS: dict[str, tuple[dict[str, bytes], str, str]] = {
    "nothing": ({}, "", "the directory is empty; .*Download or copy the model again"),
    "another model": (
        {"config.json": CONFIG, "model.safetensors": b"x"},
        "",
        r"model_type is 'gpt2'.*\[config-not-albert\]",
    ),
    "another model without weights": (
        {"config.json": CONFIG},
        "",
        "a model of the type 'gpt2' without weights",
    ),
    "weights for TensorFlow": (
        {"config.json": b'{"model_type": "albert"}', "tf_model.h5": b"x"},
        "",
        "transformers' weights for TensorFlow: tf_model.h5, of the type 'albert'",
    ),
    "a vocabulary alone": (
        {"spiece.model": b"x"},
        "",
        "a vocabulary without a model: spiece.model",
    ),
    "a LoRA adapter": (
        {
            "config.json": CONFIG,
            "adapter_config.json": b"{}",
            "adapter_model.safetensors": b"x",
        },
        "",
        r"an adapter \(LoRA\).*Merge it into its base model with peft",
    ),
    "a Trainer's directory": (
        {"config.json": CONFIG, "training_args.bin": b"x", "optimizer.pt": b"x"},
        "",
        r"a Trainer's directory without weights.*Trainer\.save_model",
    ),
    "a model for transformers.js": (
        {"config.json": CONFIG, "onnx/model.onnx": b"x", "onnx/model_quantized.onnx": b"x"},
        "",
        "an ONNX export, as for transformers.js.*Take the model that it was made from",
    ),
    "a tokenizer alone": ({"tokenizer.json": b"{}", "x": b""}, "", "a tokenizer without a model"),
    "an ONNX graph": ({"decoder.onnx": b"x"}, "", "an ONNX graph: decoder.onnx"),
    "a checkpoint without its index": (
        {"albert_config.json": b"{}", "model.ckpt-best.data-00000-of-00001": b"x"},
        "",
        "a checkpoint without its .index: model.ckpt-best.data",
    ),
    "a data file without its index": (
        {"model.ckpt-best.data-00000-of-00001": b"x"},
        "model.ckpt-best.data-00000-of-00001",
        r"there is no file '.*model.ckpt-best.index'",
    ),
    "an archive in a directory": (
        {"albert_base.tar.gz": b"x"},
        "",
        "an archive.*the archive itself",
    ),
    "weights under another name": ({"best.safetensors": b"x"}, "", "Call them model.safetensors"),
    "weights without their configuration": (
        {"model.safetensors": b"x"},
        "",
        "weights without their config.json: model.safetensors; .*Copy or download that file too",
    ),
    "a preset's head alone": (
        {"config.json": b"{}", "task.weights.h5": b"x"},
        "",
        "a Keras Hub preset's head, without its model.weights.h5: task.weights.h5; it holds",
    ),
    "a preset in shards": (
        {
            "config.json": b"{}",
            "model.weights.json": b'{"weight_map": {}}',
            "model_00000.weights.h5": b"x",
            "task.weights.h5": b"x",
        },
        "",
        r"a Keras Hub preset in shards.*in one file: save_to_preset\(…, max_shard_size=None\)",
    ),
    "weights alone": (
        {"best.safetensors": b"x"},
        "best.safetensors",
        "weights alone, without a config.json",
    ),
    "weights for llama.cpp": ({"a.gguf": b"GGUF"}, "a.gguf", "this file is weights for llama.cpp"),
    "an archive of another kind": (
        {"m.tar.xz": b"\xfd7zXZ\0"},
        "m.tar.xz",
        "an archive in an unsupported format",
    ),
    "photographs": ({"a.jpg": b"x", "b.jpg": b"x"}, "", "it holds a.jpg, b.jpg. Give a directory"),
    "a text": ({"notes.txt": b"hello"}, "notes.txt", "this file is a text"),
    "a pointer of Git LFS": ({"m.tar.gz": LFS}, "m.tar.gz", "Git LFS pointer.*git lfs pull"),
    "weights that are a pointer": (
        {"config.json": b"{}", "pytorch_model.bin": LFS},
        "",
        "pytorch_model.bin: this is a Git LFS pointer",
    ),
    "an empty file": ({"m.zip": b""}, "m.zip", "the file is empty"),
    "an archive of photographs": (
        {"m.zip": b"PK\x05\x06" + bytes(18)},
        "m.zip",
        "the directory is empty",
    ),
    "nothing at all": ({}, "albert", "there is no directory"),
}


@pytest.mark.parametrize(("files", "given", "line"), STRANGERS.values(), ids=STRANGERS)
def test_what_is_no_model_is_said_in_one_line(
    files: dict[str, bytes], given: str, line: str, tmp_path: Path
) -> None:
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    with pytest.raises(AlbertKitError, match=line) as caught:
        read_checkpoint(tmp_path / given)
    assert "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {Path(name).parts[0] for name in files}


def test_a_model_further_in_is_pointed_to(model: Path, tmp_path: Path) -> None:
    inside = tmp_path / "models--albert" / "snapshots" / "0123"
    shutil.copytree(model, inside)
    with pytest.raises(
        AlbertKitError, match=r"in a subdirectory: snapshots/0123; .*Give .*snapshots/0123"
    ):
        read_checkpoint(tmp_path / "models--albert")


def test_a_directory_that_is_closed_to_us_is_one_line() -> None:
    with tempfile.TemporaryDirectory() as closed:
        Path(closed).chmod(0o000)
        with as_other_user(), pytest.raises(ResourceError, match=r"denied.*\[file-unreadable\]"):
            read_checkpoint(Path(closed))


def test_a_name_that_no_disk_takes_is_one_line() -> None:
    with pytest.raises(ResourceError, match=r"name too long.*\[file-unreadable\]"):
        read_checkpoint(Path("a" * 300))
