"""All formats, in the order in which they are tried, and the paths where they look.

A path that a user gave is a directory, the prefix of a TensorFlow checkpoint (`model.ckpt-best` for
`model.ckpt-best.index` and its data files), one of their files, or an archive. A format's module is
imported when its marker files are present: most processes open one model.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit import fileformats
from albertkit.checkpoints.format import NO_OVERRIDES, Checkpoint, ConfigOverrides, Format
from albertkit.checkpoints.huggingface.format import WEIGHTS, find_weights_file
from albertkit.errors import AlbertKitError, InputError
from albertkit.fileformats.reader import map_file, read_errors
from albertkit.tokenization.tokenizer_settings import CONFIG_FILE

if TYPE_CHECKING:
    from albertkit.fileformats import ExtractedArchive

BUNDLE_FILE = re.compile(r"(?P<prefix>.+)\.(?:index|meta|data-\d{5}-of-\d{5})")
VARIABLES_DIRECTORY, SAVED_MODELS = "variables", ("saved_model.pb", "tfhub_module.pb")
# Files whose path means the directory that holds them.
DIRECTORY_FILES = (
    *(CONFIG_FILE, *WEIGHTS, *SAVED_MODELS),
    *("albert_config.json", "bert_config.json", "modules.json", "model.weights.h5", "model.onnx"),
)


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """Where a checkpoint's files are.

    Attributes:
        given: the path that the user gave.
        path: a directory, or the prefix of a TensorFlow checkpoint.
        unpacked: the contents of an archive. `path` exists as long as this object does.
    """

    given: Path
    path: Path
    unpacked: ExtractedArchive | None = None

    def errors_renamed(self) -> AbstractContextManager[None]:
        """Let errors name the archive, not the directory into which it was unpacked."""
        if not self.unpacked:
            return nullcontext()
        from albertkit.fileformats.atomic import hide_temporary_path

        return hide_temporary_path(self.path, self.given)

    def restore_names(self, checkpoint: Checkpoint) -> Checkpoint:
        """Name the archive in a checkpoint that was read from it.

        The unpacked files may go then: all are read or mapped.
        """
        if not self.unpacked:
            return checkpoint

        def rename(text: str) -> str:
            return text.replace(str(self.path), str(self.given))

        return replace(
            checkpoint,
            weights=replace(checkpoint.weights, origin=rename(checkpoint.weights.origin)),
            notes=tuple(replace(note, where=rename(note.where)) for note in checkpoint.notes),
        )


def resolve_path(path: Path) -> ResolvedPath:
    """Resolve the path that a user gave.

    Raises:
        InputError: [file-not-found], [weights-file-ignored].
        FormatError: [checkpoint-unrecognised] for a file that is neither a model nor part of
            one; the errors of `map_file` and of unpacking.
        ResourceError: [file-unreadable].
    """
    with read_errors(path):
        if path.is_dir():
            _check_readable(path)
            return ResolvedPath(path, path)
        is_prefix = path.with_name(path.name + fileformats.INDEX_SUFFIX).is_file()
    if is_prefix:
        return ResolvedPath(path, path)
    if not path.is_file():
        raise _not_found_error(path)
    match = BUNDLE_FILE.fullmatch(path.name)
    if match:
        return ResolvedPath(path, _resolve_bundle(path.with_name(match["prefix"])))
    data = map_file(path)
    if path.name in DIRECTORY_FILES:
        _check_is_read(path)
        return ResolvedPath(path, path.parent)
    if fileformats.is_archive(data) and not fileformats.is_torch_zip(data, str(path)):
        unpacked = fileformats.ExtractedArchive(path)
        return ResolvedPath(path, unpacked.path, unpacked)
    from albertkit.checkpoints.unrecognised import (
        stray_file_error,  # only if there is an error to report
    )

    raise stray_file_error(path, bytes(data[:16]))


def _check_readable(directory: Path) -> None:
    """Raise OSError if we may not list a directory or look at its files."""
    for entry in directory.iterdir():
        entry.lstat()
        return


def _resolve_bundle(prefix: Path) -> Path:
    """A TensorFlow checkpoint's prefix, or the directory of the SavedModel that it belongs to."""
    directory = prefix.parent
    if directory.name == VARIABLES_DIRECTORY and any(
        (directory.parent / name).is_file() for name in SAVED_MODELS
    ):
        return directory.parent
    index = prefix.with_name(prefix.name + fileformats.INDEX_SUFFIX)
    if not index.is_file():
        raise InputError(
            "file-not-found",
            f"there is no file {str(index)!r}",
            why="it lists the tensors of this checkpoint",
            fix="Copy or download it too",
        )
    return prefix


def _check_is_read(path: Path) -> None:
    """Refuse a weights file if the directory's weights are read from another one."""
    preferred = find_weights_file(path.parent)
    if path.name in WEIGHTS and path.name != preferred:
        raise InputError(
            "weights-file-ignored",
            f"{str(path)!r} would not be read",
            why=f"the same directory has {preferred}, which is read first",
            fix="Move it into a directory of its own, with its config.json",
        )


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
        raise _not_found_error(location)
    from albertkit.checkpoints.unrecognised import unrecognised_error

    raise unrecognised_error(
        location, [path for path in _list_subdirectories(location) if _is_model(path)]
    )


def find_target(name: str) -> Format:
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


def _not_found_error(path: Path) -> InputError:
    """Return InputError [file-not-found]."""
    return InputError(
        "file-not-found",
        f"there is no directory {str(path)!r}",
        why="a path is never downloaded",
        fix="Check the path",
    )


def _list_subdirectories(directory: Path) -> list[Path]:
    """The directories where a model may be: children, or snapshots of a hub's cache."""
    entries = [*directory.iterdir(), *directory.glob("snapshots/*")]
    return sorted(entry for entry in entries if entry.is_dir())[:MAX_SUBDIRECTORIES]


def _is_model(directory: Path) -> bool:
    try:
        return any(candidate.recognises(directory) for candidate in FORMATS)
    except AlbertKitError:
        return False
