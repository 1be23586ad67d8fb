"""Files: pointers of Git-LFS, unfinished downloads, empty files, pickles with code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from albertkit.doctor.catalogue import find_symptom
from albertkit.doctor.examined import ExaminedModel
from albertkit.errors import AlbertKitError, Diagnostic
from albertkit.errors.exceptions import take_first_line
from albertkit.fileformats.reader import map_file

LFS_POINTER = b"version https://git-lfs.github.com/spec"
UNFINISHED = (".incomplete", ".part", ".crdownload", ".tmp")
READ_SUFFIXES = (".safetensors", ".bin", ".json", ".model", ".onnx", ".h5", ".pb", ".index")
LARGEST_JSON = 64_000_000  # bytes; a tokenizer.json of 200,000 pieces has 17 MB
LONGEST_POINTER = 1024  # bytes; a pointer has some 130


def check_files(model: ExaminedModel) -> Iterator[Diagnostic]:
    """Look at the beginning of each file, without opening the model."""
    for path in model.files():
        size = path.stat().st_size
        if path.name.endswith(UNFINISHED):
            yield find_symptom("download-unfinished").diagnose(
                str(path), evidence=f"{size:,} bytes", file=path.name
            )
        elif size == 0 and path.suffix in READ_SUFFIXES:
            yield Diagnostic(
                "file-truncated",
                "error",
                "the file is empty",
                why="nothing of its contents arrived",
                fix="Download or copy it again",
                where=str(path),
            )
        elif size < LONGEST_POINTER and _read(path, len(LFS_POINTER)) == LFS_POINTER:
            yield find_symptom("git-lfs-pointer").diagnose(
                str(path), evidence=f"{size:,} bytes", file=path.name, size=size
            )
        elif path.suffix == ".json" and size < LARGEST_JSON:
            yield from _check_json(model, path)


def _read(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)


def _check_json(model: ExaminedModel, path: Path) -> Iterator[Diagnostic]:
    """Parse a file that opening the model may not have read: other libraries read it."""
    if any(error.where == str(path) for error in model.errors):
        return
    try:
        json.loads(bytes(map_file(path)))
    except AlbertKitError as error:
        yield error.diagnostic
    except ValueError as error:
        yield Diagnostic(
            "json-malformed",
            "error",
            f"it cannot be parsed: {take_first_line(error)}",
            why="JSON was expected",
            fix="Download or write it again",
            where=str(path),
        )
