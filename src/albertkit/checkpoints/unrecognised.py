"""Errors for paths that are not a model: what is there instead, and what to do.

Files that people give by mistake are a table: a pattern, what it is, what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from albertkit.errors import AlbertKitError, FormatError
from albertkit.fileformats.reader import read_json
from albertkit.tokenization.tokenizer_settings import CONFIG_FILE

KNOWN = (
    "model.safetensors or pytorch_model.bin with a config.json, model.ckpt-….index, "
    "saved_model.pb, model.weights.h5"
)
GIVE = f"Give a directory with {KNOWN}"
ITS_REST = "Copy or download that file too"
CONVERT = "Convert them with the library that wrote them, or take another copy of the model"
BASE_MODEL = "Take the model that it was made from"
OTHER_NAME = "possibly torch weights under another name"
RENAME = "If these are the model's weights, call the file pytorch_model.bin"
SAVE_WEIGHTS = "Save the weights too (Trainer.save_model), or give a directory that has them"
GIVE_OUTPUT = "Give the model that the run wrote (--output); the run's own command writes it again"
# Directories of training and of other programs: a pattern, what it is, what to do. The first that
# matches.
OTHER_DIRECTORIES: tuple[tuple[str, str, str], ...] = (
    (
        "ids.bin",
        "a tokenized corpus, without a model",
        "Train a model on it (albertkit pretrain, albertkit distil)",
    ),
    *(  # pretrain's, finetune's
        (f"{inside}checkpoint-*/state.safetensors", "a run's directory of checkpoints", GIVE_OUTPUT)
        for inside in ("", "*/*/")
    ),
    ("state.safetensors", "a checkpoint of a run", GIVE_OUTPUT),
    (
        "adapter_config.json",
        "an adapter (LoRA), without the model that it changes",
        "Merge it into its base model with peft (merge_and_unload), and save the result",
    ),
    ("onnx/*.onnx", "an ONNX export, as for transformers.js", BASE_MODEL),
)
# Files that show what a directory is: a pattern, what it is, what to do. The first that matches.
FILES: tuple[tuple[str, str, str], ...] = (
    ("tf_model.h5", "transformers' weights for TensorFlow", CONVERT),
    ("flax_model.msgpack", "transformers' weights for Flax", CONVERT),
    ("rust_model.ot", "weights for Rust", CONVERT),
    ("*.onnx", "an ONNX graph", f"{BASE_MODEL}; one of albertkit is called model.onnx"),
    ("openvino_model.*", "a graph for OpenVINO", BASE_MODEL),
    ("*.gguf", "weights for llama.cpp", BASE_MODEL),
    ("*.tflite", "a graph for TensorFlow Lite", BASE_MODEL),
    ("saved_model.pbtxt", "a SavedModel as text", "Save it again in its binary form"),
    ("keras_metadata.pb", "part of a SavedModel, without its graph", GIVE),
    ("*.ckpt*.data-*", "a checkpoint without its .index", ITS_REST),
    ("*.ckpt*.meta", "a checkpoint without its .index", ITS_REST),
    (
        "model.weights.json",
        "a Keras Hub preset in shards, which is not supported",
        "Save it in one file: save_to_preset(…, max_shard_size=None)",
    ),
    ("task.weights.h5", "a Keras Hub preset's head, without its model.weights.h5", ITS_REST),
    *(
        (file, "weights without their config.json", ITS_REST)
        for file in ("model.safetensors", "pytorch_model.bin", "model.weights.h5")
    ),
    ("model-*-of-*.safetensors", "shards without their index", "Download the whole directory"),
    ("*.safetensors", "weights under another name", "Call them model.safetensors"),
    ("pytorch_model-*-of-*.bin", "shards without their index", "Download the whole directory"),
    ("training_args.bin", "a Trainer's directory without weights", SAVE_WEIGHTS),
    ("optimizer.pt", "a Trainer's directory without weights", SAVE_WEIGHTS),
    ("*.bin", OTHER_NAME, RENAME),
    ("*.pth", OTHER_NAME, RENAME),
    ("*.pt", OTHER_NAME, RENAME),
    ("*.h5", "Keras weights under another name", GIVE),
    ("*.tar*", "an archive", "Give the archive itself"),
    ("*.tgz", "an archive", "Give the archive itself"),
    ("*.zip", "an archive", "Give the archive itself"),
    ("*.model", "a vocabulary without a model", GIVE),
    ("tokenizer.json", "a tokenizer without a model", GIVE),
    ("vocab*.txt", "a vocabulary without a model", GIVE),
)
# First bytes, or the end of the name, of files that are not a model by themselves.
STRAY_FILES: tuple[tuple[bytes | str, str], ...] = (
    *(
        (sign, "an archive in an unsupported format (supported are .tar, .tar.gz and .zip)")
        for sign in (b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd")
    ),
    (b"GGUF", "weights for llama.cpp"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PK\x03\x04", "a file of torch's"),
    (b"\x80\x02", "a file of torch's, or of Python objects"),
    (".safetensors", "weights alone, without a config.json"),
    (".onnx", "an ONNX graph"),
    (".pb", "a graph of TensorFlow"),
    (".model", "a vocabulary"),
    (".txt", "a text"),
    (".json", "a JSON file"),
    ("", "not a model"),
)


def stray_file_error(path: Path, begins: bytes) -> FormatError:
    """Return the error for a file that is neither an archive nor part of a model.

    Args:
        path: the file.
        begins: its first bytes.
    """
    kind = next(
        what
        for sign, what in STRAY_FILES
        if (begins.startswith(sign) if isinstance(sign, bytes) else path.name.endswith(sign))
    )
    return FormatError(
        "checkpoint-unrecognised",
        f"this file is {kind}",
        why=f"a model is a directory, an archive of a directory, or one of these files: {KNOWN}",
        fix="Give the directory of the model",
        where=str(path),
    )


def unrecognised_error(location: Path, models_inside: Sequence[Path] = ()) -> FormatError:
    """Return the error for a directory that no format recognises.

    Args:
        location: the directory.
        models_inside: directories in it that are models.
    """
    what, why, fix = _describe(location, models_inside)
    return FormatError("checkpoint-unrecognised", what, why=why, fix=fix, where=str(location))


def _describe(location: Path, models_inside: Sequence[Path]) -> tuple[str, str, str]:
    """What the directory is, why it is not a model, and what to do."""
    names = sorted(entry.name for entry in location.iterdir())
    why = f"it holds {_list_first(names)}"
    if not names:
        return "the directory is empty", f"a model has {KNOWN}", "Download or copy the model again"
    for pattern, kind, fix in OTHER_DIRECTORIES:
        if any(location.glob(pattern)):
            return f"this is {kind}", why, fix
    if models_inside:
        inside = _list_first(str(path.relative_to(location)) for path in models_inside)
        return f"the model is in a subdirectory: {inside}", why, f"Give {models_inside[0]}"
    model_type = _read_model_type(location / CONFIG_FILE)
    for pattern, kind, fix in FILES:
        path = next(iter(sorted(location.glob(pattern))), None)
        if path is not None:
            of_type = f", of the type {model_type!r}" if model_type else ""
            return f"this is {kind}: {path.name}{of_type}", why, fix
    if model_type:
        return f"this is a model of the type {model_type!r} without weights", why, GIVE
    return f"this is not a known model: {why}", "", GIVE


def _read_model_type(path: Path) -> str | None:
    """The model_type of a config.json; None if there is none."""
    if not path.is_file():
        return None
    try:
        model_type = read_json(path).get("model_type")
    except AlbertKitError:
        return "unreadable"
    return None if model_type is None else str(model_type)[:40]


def _list_first(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:8]) + (" …" if len(listed) > 8 else "")
