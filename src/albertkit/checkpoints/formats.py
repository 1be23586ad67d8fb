"""All formats, in the order in which they are tried."""

from __future__ import annotations

from pathlib import Path

from albertkit.checkpoints.format import Format, Stored
from albertkit.checkpoints.huggingface import HUGGINGFACE
from albertkit.checkpoints.sentence_transformers import SENTENCE_TRANSFORMERS
from albertkit.checkpoints.told import NOTHING_TOLD, Told
from albertkit.errors import FormatError, InputError

FORMATS: tuple[Format, ...] = (SENTENCE_TRANSFORMERS, HUGGINGFACE)


def format_of(place: Path) -> tuple[Format, str]:
    """The format of a directory and what shows it.

    Raises InputError [file-not-found], FormatError [checkpoint-unrecognised].
    """
    if not place.is_dir():
        raise no_directory(place)
    for candidate in FORMATS:
        evidence = candidate.recognises(place)
        if evidence is not None:
            return candidate, evidence
    found = sorted(entry.name for entry in place.iterdir())
    raise FormatError(
        "checkpoint-unrecognised",
        f"it holds {', '.join(found[:8]) or 'nothing'}{' …' if len(found) > 8 else ''}",
        why="a checkpoint has a config.json and a model.safetensors beside it",
        fix="Give the directory that holds these, or convert the checkpoint to safetensors",
        where=str(place),
    )


def no_directory(place: Path) -> InputError:
    """The error for a path that should be a model's directory."""
    if place.is_file():
        return InputError(
            "file-not-found",
            f"{str(place)!r} is a file",
            why="a model is a directory: the weights beside their config.json",
            fix="Give the directory that the file lies in",
        )
    return InputError(
        "file-not-found",
        f"there is no directory {str(place)!r}",
        why="a model is opened from a directory; nothing is downloaded",
        fix="Check the path, or download the model's files into a directory first",
    )


def read_checkpoint(place: Path, told: Told = NOTHING_TOLD) -> Stored:
    """Open a directory of any known format; raises as `format_of` and the format's `read`."""
    found, _ = format_of(place)
    return found.read(place, told)
