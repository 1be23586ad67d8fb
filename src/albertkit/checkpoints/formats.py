"""All formats, in the order in which they are tried."""

from __future__ import annotations

from pathlib import Path

from albertkit.checkpoints.format import Format, Stored
from albertkit.checkpoints.huggingface import HUGGINGFACE
from albertkit.checkpoints.sentence_transformers import SENTENCE_TRANSFORMERS
from albertkit.errors import FormatError, InputError

FORMATS: tuple[Format, ...] = (SENTENCE_TRANSFORMERS, HUGGINGFACE)


def format_of(place: Path) -> tuple[Format, str]:
    """The format of a directory and what shows it.

    Raises InputError [file-not-found], FormatError [checkpoint-unrecognised].
    """
    if not place.is_dir():
        raise InputError(
            "file-not-found", f"there is no directory {str(place)!r}", fix="Check the path"
        )
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


def read_checkpoint(place: Path) -> Stored:
    """Open a directory of any known format; raises as `format_of` and the format's `read`."""
    found, _ = format_of(place)
    return found.read(place)
