"""convert, verify and inspect: what they print, and the status they end with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.axes import random_weights
from tests.support.tiny_models import TINY, save_tiny

from albertkit.checkpoints import HUGGINGFACE, TARGETS, Checkpoint
from albertkit.cli.main import run


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny(tmp_path_factory.mktemp("models") / "words", ["masked_lm"]))


def test_convert_prints_the_parity_line(
    capsys: pytest.CaptureFixture[str], words: str, tmp_path: Path
) -> None:
    assert run(["convert", words, str(tmp_path / "out"), "--to", "huggingface"]) == 0
    read, written, parity = capsys.readouterr().out.splitlines()
    assert read == "read: huggingface, by config.json and model.safetensors"
    assert written.endswith("heads: masked_lm; 28 of 28 tensors are bit-identical")
    assert parity == "parity on 8 texts: max |diff| 0 (sequence 0, masked_lm 0)"


def test_convert_takes_its_options_to_the_library(
    capsys: pytest.CaptureFixture[str], words: str, tmp_path: Path
) -> None:
    out = str(tmp_path / "out")
    options = ["--num-attention-heads", "8", "--dtype", "float16", "--without", "masked_lm"]
    assert run(["convert", words, out, "--to", "sentence-transformers", *options]) == 0
    shown = capsys.readouterr()
    assert "num_attention_heads is 8, as given" in shown.err
    assert "rounding to float16 moved the outputs by" in shown.out
    assert run(["convert", words, out, "--to", "huggingface"]) == 2
    assert "[directory-not-empty]" in capsys.readouterr().err
    assert run(["convert", words, out, "--to", "huggingface", "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--to", "pytorch"], "unknown-format"),
        (["--to", "sentence-transformers"], "unsupported-by-format"),
        (["--to", "huggingface", "--without", "sop"], "part-unknown"),
        (["--to", "huggingface", "--hidden-act", "gelo"], "config-value-invalid"),
        (["--to", "huggingface", "--dtype", "float8"], "usage"),
        ([], "usage"),
    ],
    ids=["format", "head", "part", "activation", "dtype", "nowhere"],
)
def test_what_cannot_be_converted_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str],
    words: str,
    tmp_path: Path,
    arguments: list[str],
    code: str,
) -> None:
    assert run(["convert", words, str(tmp_path / "out"), *arguments]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.endswith(f"[{code}]")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_not_exchanged_for_a_conversion(
    capsys: pytest.CaptureFixture[str], words: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for option in ([], ["--overwrite"]):
        path = str(tmp_path / "mine.txt")
        assert run(["convert", words, path, "--to", "huggingface", *option]) == 2
        assert "mine.txt' is a file; " in capsys.readouterr().err
    assert [file.read_text() for file in tmp_path.iterdir()] == ["mine"]


def test_the_status_of_verify_is_its_answer(
    capsys: pytest.CaptureFixture[str], words: str, tmp_path: Path
) -> None:
    other = str(save_tiny(tmp_path / "other", ["masked_lm"], seed=1))
    assert run(["verify", words, words]) == 0
    same = json.loads(capsys.readouterr().out)
    assert same["verdict"] == "equal"
    assert same["outputs"] == "on 8 texts: max |diff| 0 (sequence 0, masked_lm 0)"
    assert run(["verify", words, other]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["verdict"].startswith("different: their outputs differ by")
    assert facts["largest difference"] > 1e-4
    assert run(["verify", words, other, "--tolerance", "1000"]) == 0
    assert run(["verify", words, str(tmp_path / "nothing")]) == 2


def test_verify_names_the_model_with_a_tokenizer(
    capsys: pytest.CaptureFixture[str], words: str, tmp_path: Path
) -> None:
    HUGGINGFACE.write(Checkpoint(random_weights(TINY, ["masked_lm"])), tmp_path / "bare")
    assert run(["verify", str(tmp_path / "bare"), words]) == 0
    assert json.loads(capsys.readouterr().out)["tokenizers"] == "only B has one"
    assert run(["verify", words, words, "--no-tokenizers"]) == 0
    assert json.loads(capsys.readouterr().out)["tokenizers"] == "not compared"


def test_inspect_shows_overrides_and_a_missing_tokenizer(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    HUGGINGFACE.write(Checkpoint(random_weights(TINY, ["sentence_order"])), tmp_path / "bare")
    assert run(["inspect", str(tmp_path / "bare"), "--hidden-act", "relu"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["format"] == "huggingface"
    assert facts["tokenizer"] == "none"
    assert facts["activation"] == "relu"
    assert "hidden_act is relu, as given" in facts["note 1"]


def test_inspect_shows_the_self_tests_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "small-en", "--self-test"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["self-test"] == "none is better by more than 0.01"
    assert facts["log-probability as opened"] > facts["log-probability num_attention_heads 2"]


def test_help_names_every_format_that_can_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convert", "--help"]) == 0
    shown = capsys.readouterr().out
    assert [each.name for each in TARGETS if each.name not in shown] == []
