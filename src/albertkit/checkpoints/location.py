"""What a path means: a directory, a checkpoint by its prefix or one of its files, or an archive.

In: the path that somebody gave. Out: the place at which the formats look: a directory, or the
prefix of a TensorFlow checkpoint (`model.ckpt-best` for `model.ckpt-best.index` and the rest).
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit import fileformats
from albertkit.checkpoints.format import Checkpoint
from albertkit.checkpoints.huggingface.format import CONFIG, WEIGHTS, weights_file
from albertkit.checkpoints.unrecognised import no_such_place, stray_file
from albertkit.errors import InputError
from albertkit.fileformats.atomic import hide_temporary_path
from albertkit.fileformats.reader import map_file, read_errors

if TYPE_CHECKING:
    from albertkit.fileformats import Unpacked

OF_BUNDLE = re.compile(r"(?P<prefix>.+)\.(?:index|meta|data-\d{5}-of-\d{5})")
IN_SAVED_MODEL, SAVED_MODELS = "variables", ("saved_model.pb", "tfhub_module.pb")
# Files that mean the directory in which they lie.
OF_DIRECTORY = (
    *(CONFIG, *WEIGHTS, *SAVED_MODELS),
    *("albert_config.json", "bert_config.json", "modules.json", "model.weights.h5", "model.onnx"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a checkpoint lies, and the path that was given for it.

    unpacked: an archive's contents, which lie at `path` as long as it lives.
    """

    given: Path
    path: Path
    unpacked: Unpacked | None = None

    def speaking(self) -> AbstractContextManager[None]:
        """Let errors name the archive, not the directory into which it was unpacked."""
        return hide_temporary_path(self.path, self.given) if self.unpacked else nullcontext()

    def as_given(self, stored: Checkpoint) -> Checkpoint:
        """What was read there, by the name that was given; it keeps its files alive."""
        if not self.unpacked:
            return stored

        def said(text: str) -> str:
            return text.replace(str(self.path), str(self.given))

        return replace(
            stored,
            weights=replace(stored.weights, origin=said(stored.weights.origin)),
            notes=tuple(replace(note, where=said(note.where)) for note in stored.notes),
            unpacked=self.unpacked,
        )


def place_at(path: Path) -> Place:
    """The place that `path` means.

    Raises InputError [file-not-found]; FormatError [checkpoint-unrecognised] for a file that is
    no model and no part of one; ResourceError [file-unreadable]; or as `map_file` and
    `unpack`.
    """
    with read_errors(path):
        if path.is_dir():
            _check_that_it_opens(path)
            return Place(path, path)
        is_prefix = path.with_name(path.name + fileformats.INDEX_ENDING).is_file()
    if is_prefix:
        return Place(path, path)
    if not path.is_file():
        raise no_such_place(path)
    of_bundle = OF_BUNDLE.fullmatch(path.name)
    if of_bundle:
        return Place(path, _bundle(path.with_name(of_bundle["prefix"])))
    data = map_file(path)
    if path.name in OF_DIRECTORY:
        _check_that_it_is_read(path)
        return Place(path, path.parent)
    if fileformats.is_archive(data) and not fileformats.is_torch_zip(data, str(path)):
        unpacked = fileformats.Unpacked(path)
        return Place(path, unpacked.path, unpacked)
    raise stray_file(path, bytes(data[:16]))


def _check_that_it_opens(folder: Path) -> None:
    """Raise OSError where the names in a folder, or what is behind them, are closed to us."""
    for entry in folder.iterdir():
        entry.lstat()
        return


def _bundle(prefix: Path) -> Path:
    """A checkpoint's prefix, or the module whose variables it holds."""
    folder = prefix.parent
    if folder.name == IN_SAVED_MODEL and any((folder.parent / n).is_file() for n in SAVED_MODELS):
        return folder.parent
    index = prefix.with_name(prefix.name + fileformats.INDEX_ENDING)
    if not index.is_file():
        raise InputError(
            "file-not-found",
            f"there is no file {str(index)!r}",
            why="it lists the tensors of this checkpoint",
            fix="Copy or download it too",
        )
    return prefix


def _check_that_it_is_read(path: Path) -> None:
    """Refuse the weights that a directory has besides those that are read from it."""
    read = weights_file(path.parent)
    if path.name in WEIGHTS and path.name != read:
        raise InputError(
            "weights-file-ignored",
            f"{str(path)!r} would not be read",
            why=f"{read} lies beside it and goes first",
            fix="Move it into a directory of its own, with its config.json",
        )
