"""checkpoints/format.py: values the caller gives for metadata, with or against the files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.axes import CONFIG, random_weights
from tests.support.modules import HERE

from albertkit.checkpoints import HUGGINGFACE, Checkpoint, ConfigOverrides, read_checkpoint
from albertkit.checkpoints.format import metadata_missing_error
from albertkit.errors import InputError


def test_overrides_win_over_the_file_and_are_noted(tmp_path: Path) -> None:
    HUGGINGFACE.write(Checkpoint(random_weights(CONFIG)), tmp_path / "m")
    stored = read_checkpoint(
        tmp_path / "m", ConfigOverrides(num_attention_heads=2, num_hidden_layers=3)
    )
    assert stored.weights.config.num_attention_heads == 2
    (note,) = stored.notes
    assert note.code == "metadata-overridden"
    assert "num_attention_heads is 2, as given by the user" in note.line()
    assert "the files say 4" in note.line()


def test_overrides_must_be_possible(tmp_path: Path) -> None:
    HUGGINGFACE.write(Checkpoint(random_weights(CONFIG)), tmp_path / "m")
    with pytest.raises(InputError) as caught:
        read_checkpoint(tmp_path / "m", ConfigOverrides(num_attention_heads=5))
    assert caught.value.diagnostic.code == "config-value-invalid"


DEEP = ConfigOverrides(num_hidden_layers=9, hidden_act="gelu_new")
MANY = ConfigOverrides(num_attention_heads=8, num_hidden_layers=4, hidden_act="gelu_new")


@pytest.mark.parametrize(
    ("archive", "overrides", "message"),
    [
        (
            "tfhub_tiny_v3_nomlm",
            MANY,
            "--num-attention-heads is 8; the shapes of the tensors give 4",
        ),
        (
            "mg_tiny_pretrainer",
            MANY,
            "--num-attention-heads is 8; the shapes of the tensors give 4",
        ),
        ("kerashub_tiny", MANY, "--num-attention-heads is 8; the shapes of the tensors give 4"),
        ("bert_tiny_v3", DEEP, "--num-hidden-layers is 9; the shapes of the tensors give 2"),
    ],
)
def test_overrides_cannot_contradict_the_tensors(
    archive: str, overrides: ConfigOverrides, message: str
) -> None:
    path = HERE / f"{archive}.tar.gz"
    with pytest.raises(InputError) as caught:
        read_checkpoint(path, overrides)
    line = str(caught.value)
    assert line.startswith(f"{path}: {message}. Leave --num-")
    assert line.endswith("[option-invalid]")


def test_missing_metadata_names_the_flags() -> None:
    error = metadata_missing_error(["num_hidden_layers", "hidden_act"], "a reason", "somewhere")
    assert error.diagnostic.code == "metadata-missing"
    assert "--num-hidden-layers and --hidden-act" in str(error)
