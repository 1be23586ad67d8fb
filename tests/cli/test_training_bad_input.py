"""What bad input the training commands get: one line each, and nothing is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from tests.support.full_disk import limit_file_size
from tests.support.training_data import FOREIGN, number_documents, number_tokenizer
from tests.support.watched import run_watched

from albertkit.cli.main import run
from albertkit.fileformats.directory_lock import hold_lock
from albertkit.fileformats.safetensors import read_safetensors

RECIPE = """
[model]
embedding_size = 16
hidden_size = 16
num_hidden_layers = 1
num_attention_heads = 2
intermediate_size = 32
[data]
tokenizer = "vocab.txt"
shard = "shard"
batch_size = 4
max_seq_length = 32
[training]
max_steps = 10
learning_rate = 1e-2
warmup_ratio = 0.0
decay_ratio = 0.0
save_steps = 5
precision = "float32"
"""


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus of numbers, its vocabulary and shard, and a recipe, in the current directory."""
    monkeypatch.chdir(tmp_path)
    number_tokenizer(tmp_path)
    documents = ["\n".join(sentences) for sentences in number_documents()]
    Path("corpus.txt").write_text("\n\n".join(documents) + "\n")
    assert run(["shards", "corpus.txt", "-t", "vocab.txt", "-o", "shard"]) == 0
    Path("recipe.toml").write_text(RECIPE)
    return tmp_path


def pretrain() -> int:
    import_module("torch")  # of which the command says that it is missing
    return run(["pretrain", "recipe.toml", "--run", "run", "-o", "model", "--threads", "1"])


def replace_in_recipe(old: str, new: str) -> None:
    text = Path("recipe.toml").read_text()
    assert old in text
    Path("recipe.toml").write_text(text.replace(old, new))


def change_metadata(key: str, value: object) -> None:
    path = Path("shard/metadata.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))


def make_shard(content: str) -> None:
    """Replace the shard by one of another corpus."""
    shutil.rmtree("shard")
    Path("corpus.txt").write_text(content)
    assert run(["shards", "corpus.txt", "-t", "vocab.txt", "-o", "shard"]) == 0


def truncate_ids() -> None:
    path = Path("shard/ids.bin")
    path.write_bytes(path.read_bytes()[:-2])


@pytest.mark.parametrize(
    ("spoil", "status", "line"),
    [
        (lambda: make_shard("5 6 7 8 9 " * 4), 2, r"an epoch has fewer than 1 batch.*corpus-too-"),
        (lambda: number_tokenizer(Path(), FOREIGN), 2, r"another vocabulary.*shard-vocabulary-dif"),
        (lambda: change_metadata("version", 1), 2, r"of version 1; this release.*shard-malformed"),
        (truncate_ids, 2, r"ids\.bin has [\d,]+ bytes; it should have.*shard-malformed"),
        (lambda: replace_in_recipe("batch_size", "batch_sise"), 2, r"Did you mean 'batch_size'"),
        (lambda: replace_in_recipe("max_steps", 'device = "cuda:9"\nmax_steps'), 3, "device-unav"),
        (lambda: Path("model").touch(), 2, r"'.*model' is a file; .*directory-not-empty"),
        (lambda: Path("run").touch(), 2, r"'run' is a file; .*directory-not-empty"),
        (lambda: Path("recipe.toml").unlink(), 2, r"there is no recipe 'recipe.toml'"),
        (lambda: Path("recipe.toml").write_text("[model"), 2, "recipe-malformed"),
    ],
    ids=[
        "one document",
        "vocabulary",
        "version",
        "truncated",
        "misspelt key",
        "no GPU",
        "output is a file",
        "run is a file",
        "no recipe",
        "no TOML",
    ],
)
def test_what_is_wrong_is_one_line_before_any_step(
    directory: Path,
    spoil: Callable[[], object],
    status: int,
    line: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil()
    capsys.readouterr()
    assert pretrain() == status
    error = capsys.readouterr().err
    assert re.search(line, error)
    assert len(re.findall("^error: ", error, re.MULTILINE)) == 1
    assert error.count("\n") <= 2  # a note about the corpus may be before it
    assert not Path("model").is_dir()
    assert not list(Path("run").glob("checkpoint-*"))


@pytest.mark.parametrize("command", ["pretrain", "distil"])
def test_a_recipe_is_read_before_torch_is_imported(command: str, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("[model]\nhiden_size = 16\n")
    line = [command, str(recipe), "--run", str(tmp_path / "run"), "-o", str(tmp_path / "model")]
    done = run_watched(
        f"from albertkit.cli.main import run\nassert run({line}) == 2\n"
        "assert 'torch' not in sys.modules\n",
        tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert re.fullmatch(r".*'hiden_size'\. Did you mean 'hidden_size'\? .*\n", done.stderr)


@pytest.mark.parametrize("command", ["shards", "vocabulary"])
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("corpus.bin", r"corpus\.bin: the file begins with .*\[file-wrong-format\]"),
        ("corpus.txt", r"corpus\.txt: row \d+ holds the byte 0x.*--encoding.*--skip-invalid"),
    ],
)
def test_a_binary_file_is_refused_by_name(
    directory: Path, command: str, name: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(name).write_bytes(np.random.default_rng(0).bytes(1000))
    arguments = ["-t", "vocab.txt", "-o", "new"] if command == "shards" else ["-o", "new.model"]
    capsys.readouterr()
    assert run([command, name, *arguments]) == 2
    error = capsys.readouterr().err
    assert re.search(line, error)
    assert error.count("\n") == 1
    assert not list(Path().glob("new*"))


def test_columns_encodings_and_invalid_rows_of_a_corpus_are_options(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["caf\xe9 " + "17 " * 20, "18 " * 20, ""]
    lines = [json.dumps({"body": row, "n": 1}, ensure_ascii=False) + "\n" for row in rows]
    lines[2] = '{"n": 2}\n'
    Path("corpus.jsonl").write_bytes("".join(lines).encode("cp1252"))
    command = ["shards", "corpus.jsonl", "-t", "vocab.txt", "-o", "new", "--encoding", "cp1252"]
    assert run([*command, "--column", "body"]) == 2
    assert "row 3 has no 'body'" in capsys.readouterr().err
    assert run([*command, "--column", "body", "--skip-invalid"]) == 0
    printed = capsys.readouterr().err
    assert "1 invalid row left out: row 3 of corpus.jsonl has no 'body'" in printed
    assert "2 documents, 2 sentences" in printed


def test_held_out_documents_go_to_their_own_directory_or_nothing_is_written(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["shards", "corpus.txt", "-t", "vocab.txt", "-o", "train", "--valid", "valid"]
    capsys.readouterr()
    with limit_file_size(Path("shard/ids.bin").stat().st_size // 2):
        assert run([*command, "--valid-every", "10"]) == 3
    assert capsys.readouterr().err.endswith("[write-failed]\n")
    assert not Path("valid").exists()
    assert run([*command, "--valid-every", "10"]) == 0
    printed = capsys.readouterr().err
    assert "4 documents" in printed
    assert "36 documents" in printed
    assert run([*command[:4], "-o", "new", "--valid", "valid"]) == 2
    assert "'valid' exists" in capsys.readouterr().err
    assert run(["shards", "-", *command[2:]]) == 2
    assert "[usage]" in capsys.readouterr().err


def test_a_corpus_of_one_document_cannot_be_held_out(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("corpus.txt").write_text("5 6 7 8 9 " * 40)
    command = ["shards", "corpus.txt", "-t", "vocab.txt", "-o", "train", "--valid"]
    capsys.readouterr()
    assert run([*command, "train"]) == 2
    assert "--output and --valid are both 'train'" in capsys.readouterr().err
    assert run([*command, "valid"]) == 2
    error = capsys.readouterr().err
    assert "all documents are held out" in error
    assert error.endswith("or leave --valid out. [corpus-empty]\n")
    assert list(Path().glob("*/ids.bin")) == [Path("shard/ids.bin")]


def test_changed_settings_are_named_and_the_run_stays(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pretrain() == 0
    replace_in_recipe("max_seq_length = 32", "max_seq_length = [[0.0, 24], [0.5, 32]]")
    capsys.readouterr()
    assert pretrain() == 2
    error = capsys.readouterr().err
    assert "data.max_seq_length was 32.0 and is [[0.0, 24.0], [0.5, 32.0]]" in error
    assert (
        "a run in another directory (--run; of finetune --output). [run-settings-changed]" in error
    )
    assert Path("run/checkpoint-00000010/state.json").exists()


@pytest.mark.parametrize(("command", "data"), [("pretrain", "shard"), ("distil", "dataset")])
def test_a_second_run_in_the_same_directory_is_refused(
    directory: Path, command: str, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import_module("torch")
    replace_in_recipe('shard = "', f'{data} = "')
    capsys.readouterr()
    with hold_lock(Path("run"), why=""):
        assert run([command, "recipe.toml", "--run", "run", "-o", "model"]) == 3
    error = capsys.readouterr().err
    assert "two runs would mix their checkpoints" in error
    assert "[output-busy]" in error
    assert error.count("\n") == 1
    assert not Path("model").exists()


def test_a_disk_that_is_full_in_mid_save_loses_nothing(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pretrain() == 0
    whole = run_to(20, "whole")
    replace_in_recipe("max_steps = 10", "max_steps = 20")
    size = Path("run/checkpoint-00000010/state.safetensors").stat().st_size
    capsys.readouterr()
    with limit_file_size(size // 2):
        assert pretrain() == 3
    error = capsys.readouterr().err
    assert "checkpoint-00000015' could not be written" in error
    assert error.endswith("[write-failed]\n")
    names = sorted(path.name for path in Path("run").iterdir() if path.is_dir())
    assert names == ["checkpoint-00000005", "checkpoint-00000010"]
    assert pretrain() == 0
    assert Path("run/checkpoint-00000020/state.safetensors").read_bytes() == whole
    assert read_safetensors(Path("model/model.safetensors"))


@pytest.mark.parametrize("processes", ["", "1", "2"])
def test_one_call_starts_a_run_on_all_gpus(directory: Path, processes: str) -> None:
    import_module("torch")
    script = Path(__file__).parents[2] / "recipes" / "on_gpus.sh"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    names = Path("names")  # as pipx makes them: the first python3 is not that of albertkit
    names.mkdir()
    (names / "albertkit").symlink_to(Path(sys.executable).parent / "albertkit")
    (names / "python3").write_text("#!/bin/sh\necho another Python\nexit 1\n")
    (names / "python3").chmod(0o755)
    environment["PATH"] = f"{names.resolve()}:{environment['PATH']}"
    if processes:
        environment["PROCESSES"] = processes
    done = subprocess.run(
        [script, "pretrain", "recipe.toml", "run", "model", "1"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if processes:
        assert done.returncode == 0, done.stderr
        assert Path("model/model.safetensors").exists()
        state = json.loads(Path("run/checkpoint-00000010/state.json").read_text())
        assert state["settings"]["gradient_accumulation_steps × ranks"] == int(processes)
    else:
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith("torch sees no GPU on this machine; PROCESSES=1")


def run_to(steps: int, name: str) -> bytes:
    """The last state of a run without an interruption."""
    recipe = Path(f"{name}.toml")
    recipe.write_text(RECIPE.replace("max_steps = 10", f"max_steps = {steps}"))
    assert run(["pretrain", str(recipe), "--run", name, "-o", f"{name}-model"]) == 0
    return Path(f"{name}/checkpoint-{steps:08d}/state.safetensors").read_bytes()
