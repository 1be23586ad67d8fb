"""Resolve a path to a checkpoint: a directory, a TensorFlow prefix, one of their files, an archive.

Input: the path that a user gave. Output: where the formats look, a directory or the prefix of a
TensorFlow checkpoint (`model.ckpt-best` for `model.ckpt-best.index` and its data files).
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit import fileformats
from albertkit.checkpoints.checkpoint import Checkpoint
from albertkit.checkpoints.huggingface.format import CONFIG, WEIGHTS, weights_file
from albertkit.checkpoints.unrecognised import no_such_directory, stray_file
from albertkit.errors import InputError
from albertkit.fileformats.atomic import hide_temporary_path
from albertkit.fileformats.reader import map_file, read_errors

if TYPE_CHECKING:
    from albertkit.fileformats import ExtractedArchive

BUNDLE_FILE = re.compile(r"(?P<prefix>.+)\.(?:index|meta|data-\d{5}-of-\d{5})")
VARIABLES_DIRECTORY, SAVED_MODELS = "variables", ("saved_model.pb", "tfhub_module.pb")
# Files that stand for the directory which they are in.
DIRECTORY_FILES = (
    *(CONFIG, *WEIGHTS, *SAVED_MODELS),
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
        return hide_temporary_path(self.path, self.given) if self.unpacked else nullcontext()

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
        raise no_such_directory(path)
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
    raise stray_file(path, bytes(data[:16]))


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
    preferred = weights_file(path.parent)
    if path.name in WEIGHTS and path.name != preferred:
        raise InputError(
            "weights-file-ignored",
            f"{str(path)!r} would not be read",
            why=f"the same directory has {preferred}, which is read first",
            fix="Move it into a directory of its own, with its config.json",
        )
