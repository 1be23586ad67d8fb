"""Healthy models of every kind made wrong in many ways: found, named right, fixed right?

The table is made by benchmarks/doctor_recall.py. Each file of each kind is damaged in several ways,
and so are settings and tensors; the seed is fixed. A diagnosis is named right if it names the
damaged file, or if its code says what was changed. It is fixed right if its fix, applied here by a
program, makes the model healthy: a file that it names is put back, a setting is written as it says.
"""

from __future__ import annotations

import gzip
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from albertkit.conversion import convert
from albertkit.doctor import diagnose
from albertkit.errors import Diagnostic
from albertkit.spec.pooling_config import PoolingConfig
from tests.doctor.mutations import LFS, Change, config, save_healthy, setting, tensors
from tests.support.tiny_models import TINY, save_tiny_vectors

FIXTURES = Path(__file__).parents[1] / "fixtures"
ARCHIVES = {"TF Hub": "tfhub_tiny_v3_nomlm.tar.gz", "BERT of TF Hub": "bert_tiny_v3.tar.gz"}
TARGETS = {"TF1 checkpoint": "tf1", "ONNX": "onnx", "Keras Hub": "keras-hub"}
KINDS = ("Hugging Face", "sentence-transformers", *TARGETS, *ARCHIVES)
PAGE = b"<!DOCTYPE html><html><title>404</title></html>"
UNREAD = ("README.md", "fingerprint.pb", "keras_metadata.pb", "checkpoint")
# Without one of these a model is healthy: it has defaults, or another file with the same contents.
OPTIONAL = (
    *("spiece.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("config_sentence_transformers.json", "sentence_bert_config.json", "modules.json"),
    *("30k-clean.model", "vocabulary.spm", "preprocessor.json", "metadata.json"),
)


@dataclass(frozen=True, slots=True)
class Damage:
    """One way to make a model wrong.

    Attributes:
        name: in words.
        change: what is done to the directory.
        names: file names and codes of which a diagnosis must have one.
    """

    name: str
    change: Change
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the doctor made of one damaged model."""

    kind: str
    damage: str
    diagnostics: tuple[Diagnostic, ...]
    is_named: bool
    is_fixed: bool

    @property
    def is_found(self) -> bool:
        """Whether anything is worse than a note."""
        return bool(self.diagnostics)


length = setting("tokenizer_config.json", model_max_length=TINY.max_position_embeddings)


def save_kinds(directory: Path) -> dict[str, Path]:
    """A healthy model of each kind."""
    kinds = {"Hugging Face": save_healthy(directory / "huggingface", ["masked_lm"])}
    kinds["sentence-transformers"] = save_tiny_vectors(
        directory / "sentence-transformers", PoolingConfig()
    )
    length(kinds["sentence-transformers"])
    for kind, target in TARGETS.items():
        convert(kinds["Hugging Face"], directory / target, to=target)
        kinds[kind] = directory / target
    for kind, archive in ARCHIVES.items():
        with tarfile.open(FIXTURES / archive) as file:
            file.extractall(directory / kind, filter="data")
        kinds[kind] = directory / kind
    return kinds


def list_damages(model: Path) -> Iterator[Damage]:
    """Everything that is done to a model, one at a time."""
    for path in sorted(path for path in model.rglob("*") if path.is_file()):
        name = str(path.relative_to(model))
        if path.name not in UNREAD:
            for way, edit in WAYS.items():
                if not (path.suffix == ".txt" and way == "end lost"):  # of a list, the last line
                    yield Damage(f"{name}: {way}", _edit_file(name, edit), (path.name, *CODES))
            if path.name not in OPTIONAL:
                yield Damage(f"{name}: removed", _remove(name), (path.name, *MISSING))
    if (model / "config.json").is_file() and (model / "model.safetensors").is_file():
        for name, (change, *codes) in CHANGES.items():
            yield Damage(name, change, tuple(codes))


CODES = ("checksum-mismatch", "vocabulary-mismatch")
MISSING = ("checkpoint-unrecognised", "vocabulary-missing", "weights-absent")


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _random(data: bytes) -> bytes:
    return np.random.default_rng(0).bytes(len(data))


WAYS: Mapping[str, Callable[[bytes], bytes]] = {
    "cut in half": _half,
    "end lost": lambda data: data[:-2],
    "empty": lambda data: b"",
    "Git-LFS pointer": lambda data: LFS,
    "web page": lambda data: PAGE,
    "zeros": lambda data: bytes(len(data)),
    "random bytes": _random,
    "start lost": lambda data: data[16:],
    "start overwritten": lambda data: b"\xff" * 16 + data[16:],
    "still compressed": gzip.compress,
}


def _edit_file(name: str, edit: Callable[[bytes], bytes]) -> Change:
    def change(directory: Path) -> None:
        (directory / name).write_bytes(edit((directory / name).read_bytes()))

    return change


def _remove(name: str) -> Change:
    return lambda directory: (directory / name).unlink()


def _scale(name: str, factor: float) -> Change:
    def edit(arrays: dict[str, np.ndarray]) -> None:
        [key] = [key for key in arrays if key.endswith(name)]
        arrays[key] = arrays[key] * np.float32(factor)

    return tensors(edit)


CHANGES: Mapping[str, tuple[Change, *tuple[str, ...]]] = {
    "NaN": (_scale("ffn.weight", np.nan), "weights-nan"),
    "zero matrix": (_scale("ffn.weight", 0), "weights-constant"),
    "zero norm": (_scale("attention.LayerNorm.weight", 0), "weights-constant"),
    "norm ×1000": (_scale("attention.LayerNorm.weight", 1000), "norms-unusual"),
    "norm ÷1000": (_scale("attention.LayerNorm.weight", 0.001), "norms-unusual"),
    "×1e9": (_scale("ffn.weight", 1e9), "float16-overflows"),
    "half as wide": (config(hidden_size=16), "checkpoint-shape-mismatch", "config-value-invalid"),
    "less pieces": (config(vocab_size=999), "checkpoint-shape-mismatch"),
    "less positions": (config(max_position_embeddings=7), "checkpoint-shape-mismatch"),
    "no model type": (config(model_type=None), "config-without-model-type"),
    "unknown activation": (config(hidden_act="gelo"), "config-value-invalid"),
    "pad id 7": (config(pad_token_id=7), "special-ids-differ"),
    "start id 101": (config(bos_token_id=101), "special-ids-differ"),
    "left padding": (setting("tokenizer_config.json", padding_side="left"), "left-padding"),
    "no limit": (setting("tokenizer_config.json", model_max_length=10**30), "length-unlimited"),
}


def list_alarms(target: Path) -> tuple[Diagnostic, ...]:
    """Everything above a note, but of heads that were never trained: the weights are random."""
    return tuple(d for d in diagnose(target) if d.severity != "note" and d.code != "head-untrained")


def examine_damage(kind: str, model: Path, damage: Damage) -> Outcome:
    """Damage a copy, diagnose it, apply the fix, and diagnose again."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "model"
        shutil.copytree(model, copy)
        damage.change(copy)
        diagnostics = list_alarms(copy)
        words = [f"{d.code} {d.line()} {d.evidence}" for d in diagnostics]
        is_named = any(name in text for name in damage.names for text in words)
        is_fixed = False
        if diagnostics:
            for diagnostic in diagnostics:
                apply_fix(diagnostic, copy, model)
            is_fixed = not list_alarms(copy)
        return Outcome(kind, damage.name, diagnostics, is_named, is_fixed)


def apply_fix(diagnostic: Diagnostic, model: Path, healthy: Path) -> None:
    """Do what a fix says: write a setting, or put back the files that the diagnosis names."""
    match = re.search(r"(?:Set|Write) \"?(\w+)\"?(?: to|:) \"?([\w.]+)\"?", diagnostic.fix)
    if match:
        file = "config.json" if "token" not in diagnostic.where else "tokenizer_config.json"
        value = match[2] if not match[2].isdigit() else int(match[2])
        setting(file, **{match[1]: value})(model)
    text = f"{diagnostic.line()} {diagnostic.evidence}"
    for path in healthy.rglob("*"):
        stem = re.sub(r"\.(index|data-.*)", "", path.name)  # of a bundle, messages name the prefix
        if path.is_file() and (
            path.name in text or (stem != path.name and re.search(rf"{stem}[:,]", text))
        ):
            shutil.copy(path, model / path.relative_to(healthy))
