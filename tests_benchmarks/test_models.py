"""The models that are raced are those of today."""

from __future__ import annotations

from pathlib import Path

from tests.support.tiny_models import save_tiny

from race.models import copy


def test_a_model_that_changed_is_copied_again_without_what_was_made_from_the_old(
    tmp_path: Path,
) -> None:
    model, directory = save_tiny(tmp_path / "model"), tmp_path / "there"
    copy(model, directory)
    (directory / "model.onnx").write_bytes(b"exported")
    copy(model, directory)
    assert (directory / "model.onnx").exists()
    with (model / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    copy(model, directory)
    assert not (directory / "model.onnx").exists()
    assert (directory / "model.safetensors").read_bytes()[-1:] == b"\x7f"
