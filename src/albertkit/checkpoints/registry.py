"""All formats, in the order in which they are tried.

A format's module is imported when its marker files are present: most processes open one model.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit.checkpoints.checkpoint import Checkpoint
from albertkit.checkpoints.config_overrides import NO_OVERRIDES, ConfigOverrides
from albertkit.checkpoints.location import resolve_path
from albertkit.checkpoints.unrecognised import no_such_directory, unrecognised_error
from albertkit.errors import AlbertKitError, InputError

if TYPE_CHECKING:
    from albertkit.checkpoints.format import Format

MAX_SUBDIRECTORIES = 50  # searched for a model if a directory is none itself


@dataclass(frozen=True, slots=True)
class LazyFormat:
    """A format that is imported when it is needed.

    Attributes:
        name: the format's own name.
        source: `module:object`.
        marker_files: files that each checkpoint of this format has; empty if no name is fixed.
        is_writable: whether the format can be written; the others are read only.
    """

    name: str
    source: str
    marker_files: tuple[str, ...] = ()
    is_writable: bool = True

    def load(self) -> Format:
        """Import the format."""
        module, _, attribute = self.source.partition(":")
        format_: Format = getattr(import_module(module), attribute)
        return format_

    def recognises(self, location: Path) -> str | None:
        """Return the evidence that `location` has this format; None if there is none."""
        if not all((location / file).is_file() for file in self.marker_files):
            return None
        return self.load().recognises(location)


FORMATS = (
    LazyFormat(
        "sentence-transformers",
        "albertkit.checkpoints.sentence_transformers.format:SENTENCE_TRANSFORMERS",
        ("modules.json",),
    ),
    LazyFormat(
        "bert", "albertkit.checkpoints.bert.format:BERT", ("config.json",), is_writable=False
    ),
    LazyFormat(
        "huggingface", "albertkit.checkpoints.huggingface.format:HUGGINGFACE", ("config.json",)
    ),
    LazyFormat(
        "keras-hub",
        "albertkit.checkpoints.keras_hub.format:KERAS_HUB",
        ("config.json", "model.weights.h5"),
    ),
    LazyFormat(
        "tf1-hub",
        "albertkit.checkpoints.tf1.hub_module:TF1_HUB",
        ("tfhub_module.pb",),
        is_writable=False,
    ),
    LazyFormat("tfhub", "albertkit.checkpoints.tfhub.format:TFHUB", ("saved_model.pb",)),
    LazyFormat(
        "model-garden", "albertkit.checkpoints.model_garden.format:MODEL_GARDEN", is_writable=False
    ),
    LazyFormat("tf1", "albertkit.checkpoints.tf1.format:TF1"),
    LazyFormat("onnx", "albertkit.checkpoints.onnx.format:ONNX", ("model.onnx",)),
    LazyFormat(
        "onnx-int8", "albertkit.checkpoints.onnx.format:ONNX_INT8", ("model_quantized.onnx",)
    ),
)
TARGETS = tuple(entry for entry in FORMATS if entry.is_writable)


def format_of(location: Path) -> tuple[Format, str]:
    """Recognise the format of a directory, or of a TensorFlow checkpoint's prefix.

    Returns:
        The format, and the evidence in words.

    Raises:
        InputError: [file-not-found].
        FormatError: [checkpoint-unrecognised].
    """
    for candidate in FORMATS:
        evidence = candidate.recognises(location)
        if evidence is not None:
            return candidate.load(), evidence
    if not location.is_dir():
        raise no_such_directory(location)
    raise unrecognised_error(
        location, [path for path in _subdirectories(location) if _is_model(path)]
    )


def target_named(name: str) -> Format:
    """Return the writable format of this name.

    Raises:
        InputError: [unknown-format].
    """
    targets = {target.name: target for target in TARGETS}
    if name not in targets:
        raise InputError(
            "unknown-format",
            f"there is no format {name!r} to write",
            why=f"known are {', '.join(targets)}",
            fix="Take one of these",
        )
    return targets[name].load()


def read_checkpoint(path: Path, overrides: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
    """Read the checkpoint at a path: a directory, a prefix, one of their files, or an archive.

    Raises:
        AlbertKitError: the errors of `resolve_path`, `format_of` and the format's `read`.
    """
    resolved = resolve_path(path)
    with resolved.errors_renamed():
        format_, _ = format_of(resolved.path)
        return resolved.restore_names(format_.read(resolved.path, overrides))


def _subdirectories(directory: Path) -> list[Path]:
    """The directories where a model may be: children, or snapshots of a hub's cache."""
    entries = [*directory.iterdir(), *directory.glob("snapshots/*")]
    return sorted(entry for entry in entries if entry.is_dir())[:MAX_SUBDIRECTORIES]


def _is_model(directory: Path) -> bool:
    try:
        return any(candidate.recognises(directory) for candidate in FORMATS)
    except AlbertKitError:
        return False
