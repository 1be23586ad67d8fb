"""What lies where a model should: one line that says what was found and what to do.

In: a place that no format recognises. Out: the error. What people give instead is a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from albertkit.errors import AlbertKitError, FormatError, InputError
from albertkit.fileformats.reader import read_json

CONFIG = "config.json"
KNOWN = (
    "model.safetensors or pytorch_model.bin beside a config.json, model.ckpt-….index, "
    "saved_model.pb, model.weights.h5"
)
GIVE = f"Give a directory with {KNOWN}"
ITS_REST = "Copy or download that file too"
CONVERT = "Convert them with the library that wrote them, or take another copy of the model"
# Files that tell what a directory is: a pattern, what it is, what to do. The first that fits.
TELLING: tuple[tuple[str, str, str], ...] = (
    ("tf_model.h5", "transformers' weights for TensorFlow", CONVERT),
    ("flax_model.msgpack", "transformers' weights for Flax", CONVERT),
    ("rust_model.ot", "weights for Rust", CONVERT),
    ("*.onnx", "an ONNX graph", "Take the model it was made of, or name it model.onnx if ours"),
    ("openvino_model.*", "a graph for OpenVINO", "Take the model that it was made of"),
    ("*.gguf", "weights for llama.cpp", "Take the model that they were made of"),
    ("*.tflite", "a graph for TensorFlow Lite", "Take the model that it was made of"),
    ("saved_model.pbtxt", "a SavedModel as text", "Save it again in its binary form"),
    ("keras_metadata.pb", "part of a SavedModel, without its graph", GIVE),
    ("*.ckpt*.data-*", "a checkpoint without its .index", ITS_REST),
    ("*.ckpt*.meta", "a checkpoint without its .index", ITS_REST),
    (
        "model.weights.json",
        "a Keras Hub preset in shards, of which only whole ones are read",
        "Save it whole: save_to_preset(…, max_shard_size=None); the largest ALBERT has 0.9 GB",
    ),
    ("task.weights.h5", "a Keras Hub preset's head, without its model.weights.h5", ITS_REST),
    *(
        (file, "weights without their config.json", ITS_REST)
        for file in ("model.safetensors", "pytorch_model.bin", "model.weights.h5")
    ),
    ("model-*-of-*.safetensors", "shards without their index", "Download the whole directory"),
    ("*.safetensors", "weights under another name", "Call them model.safetensors"),
    ("pytorch_model-*-of-*.bin", "shards without their index", "Download the whole directory"),
    ("*.bin", "weights of torch under another name", "Call them pytorch_model.bin"),
    ("*.pth", "weights of torch under another name", "Call them pytorch_model.bin"),
    ("*.pt", "weights of torch under another name", "Call them pytorch_model.bin"),
    ("*.h5", "Keras weights under another name", GIVE),
    ("*.tar*", "an archive", "Give the archive itself"),
    ("*.tgz", "an archive", "Give the archive itself"),
    ("*.zip", "an archive", "Give the archive itself"),
    ("*.model", "a vocabulary without a model", GIVE),
    ("tokenizer.json", "a tokenizer without a model", GIVE),
    ("vocab*.txt", "a vocabulary without a model", GIVE),
)
# First bytes, or a name's ending, of files that are no model by themselves.
KINDS: tuple[tuple[bytes | str, str], ...] = (
    *(
        (sign, "an archive of a kind that is not unpacked here (.tar, .tar.gz and .zip are)")
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
    ("", "no model"),
)


def no_such_directory(path: Path) -> InputError:
    """The error where there is nothing."""
    return InputError(
        "file-not-found",
        f"there is no directory {str(path)!r}",
        why="a model is opened from its files; nothing is downloaded for a path",
        fix="Check the path",
    )


def stray_file(path: Path, begins: bytes) -> FormatError:
    """The error for a file that is no archive and doesn't stand for its directory."""
    kind = next(
        what
        for sign, what in KINDS
        if (begins.startswith(sign) if isinstance(sign, bytes) else path.name.endswith(sign))
    )
    return FormatError(
        "checkpoint-unrecognised",
        f"this file is {kind}",
        why=f"a model is a directory, an archive of one, or one of {KNOWN}",
        fix="Give the directory that the model lies in",
        where=str(path),
    )


def unrecognised(location: Path, models_inside: Sequence[Path] = ()) -> FormatError:
    """The error for a directory that no format recognises.

    models_inside: directories in it that are models.
    """
    what, why, fix = _told(location, models_inside)
    return FormatError("checkpoint-unrecognised", what, why=why, fix=fix, where=str(location))


def _told(location: Path, models_inside: Sequence[Path]) -> tuple[str, str, str]:
    """What the directory is, why that is no model, and what to do."""
    names = sorted(entry.name for entry in location.iterdir())
    why = f"it holds {_some(names)}"
    if not names:
        return "the directory is empty", f"a model has {KNOWN}", "Download or copy the model again"
    if models_inside:
        inside = _some(str(path.relative_to(location)) for path in models_inside)
        return f"the model lies further in: {inside}", why, f"Give {models_inside[0]}"
    model_type = _model_type(location / CONFIG)
    for pattern, kind, fix in TELLING:
        path = next(iter(sorted(location.glob(pattern))), None)
        if path is not None:
            of_type = f", of the type {model_type!r}" if model_type else ""
            return f"this is {kind}: {path.name}{of_type}", why, fix
    if model_type:
        return f"this is a model of the type {model_type!r} without weights", why, GIVE
    return f"this is no model that is known: {why}", "", GIVE


def _model_type(path: Path) -> str | None:
    """What a config.json calls its model; None where it says nothing, or is not there."""
    if not path.is_file():
        return None
    try:
        model_type = read_json(path).get("model_type")
    except AlbertKitError:
        return "unreadable"
    return None if model_type is None else str(model_type)[:40]


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:8]) + (" …" if len(listed) > 8 else "")
