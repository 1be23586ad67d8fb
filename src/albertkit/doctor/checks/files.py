"""Files: pointers of Git-LFS, unfinished downloads, empty files, pickles with code."""

from __future__ import annotations

from collections.abc import Iterator

from albertkit.doctor.catalogue import symptom
from albertkit.doctor.examined import ExaminedModel
from albertkit.errors import Diagnostic

LFS_POINTER = b"version https://git-lfs.github.com/spec"
UNFINISHED = (".incomplete", ".part", ".crdownload", ".tmp")
LONGEST_POINTER = 1024  # bytes; a pointer has some 130


def check_files(model: ExaminedModel) -> Iterator[Diagnostic]:
    """Look at the beginning of each file, without opening the model."""
    for path in model.files():
        size = path.stat().st_size
        if path.name.endswith(UNFINISHED):
            yield symptom("download-unfinished").diagnose(
                str(path), evidence=f"{size:,} bytes", file=path.name
            )
        elif size == 0 and path.suffix in (
            ".safetensors",
            ".bin",
            ".json",
            ".model",
            ".onnx",
            ".h5",
        ):
            yield symptom("weights-truncated").diagnose(str(path), evidence="0 bytes")
        elif size < LONGEST_POINTER:
            with path.open("rb") as file:
                if file.read(len(LFS_POINTER)) == LFS_POINTER:
                    yield symptom("git-lfs-pointer").diagnose(
                        str(path), evidence=f"{size:,} bytes", file=path.name, size=size
                    )
