"""A save waits for the disk once for each file and directory, not once for each layer of code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.tiny_models import save_tiny

from albertkit import TextEmbedder, convert
from albertkit.tokenization import AlbertTokenizer


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were synchronised."""
    paths: list[str] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        paths.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    return paths


def entries(directory: Path) -> int:
    """The files and directories of a model, itself and its parent included."""
    return 2 + len(list(directory.rglob("*")))


def test_saving_vectors_synchronises_each_file_once(tmp_path: Path, syncs: list[str]) -> None:
    TextEmbedder().save_pretrained(tmp_path / "m")
    assert len(list((tmp_path / "m").rglob("*.*"))) == 10
    assert len(syncs) == len(set(syncs)) == entries(tmp_path / "m") == 14  # 10 files, 4 directories


@pytest.mark.parametrize("target", ["huggingface", "tf1", "onnx", "keras-hub"])
def test_a_conversion_synchronises_each_file_once(
    target: str, tmp_path: Path, syncs: list[str]
) -> None:
    source = save_tiny(tmp_path / "source", ["masked_lm"])
    syncs.clear()
    convert(source, tmp_path / "m", to=target)
    assert len(syncs) == len(set(syncs)) == entries(tmp_path / "m")


def test_a_tokenizer_is_synchronised_once(tmp_path: Path, syncs: list[str]) -> None:
    AlbertTokenizer.from_pretrained("small-en").save_pretrained(tmp_path / "t")
    assert len(syncs) == 5  # three files, their directory and its parent
