"""From raw text to both kinds of model, by the commands alone."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow
import pytest
from pyarrow import parquet
from tests.support.interrupts import start_command
from transformers import AlbertForPreTraining

from albertkit import FillMask, TextEmbedder
from albertkit.cli.main import run
from albertkit.fileformats.safetensors import read_safetensors
from albertkit.pretraining.model_card import make_model_card
from albertkit.pretraining.pretraining_config import PretrainingConfig
from albertkit.pretraining.recipe import read_recipe
from albertkit.pretraining.shards import CorpusShard

RECIPE = """
[model]
embedding_size = 16
hidden_size = 32
num_hidden_layers = 2
num_attention_heads = 2
intermediate_size = 64
initializer_range = 0.1
[data]
tokenizer = "spiece.model"
{data}
batch_size = 8
max_seq_length = 48
[training]
max_steps = {steps}
learning_rate = 1e-2
muon_learning_rate = 2e-2
logging_steps = 10
"""


def call(*command: object) -> None:
    assert run([str(part) for part in command]) == 0


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus in which a sentence repeats one of 40 made-up words, and its vocabulary."""
    directory = tmp_path_factory.mktemp("training")
    rng = random.Random(0)
    words = ["".join(rng.choices("aeioubdgklmnrst", k=5)) for _ in range(40)]
    lines = [" ".join([rng.choice(words)] * 8).capitalize() + "." for _ in range(960)]
    paragraphs = [" ".join(lines[n : n + 6]) for n in range(0, 960, 6)]
    documents = ["\n".join(paragraphs[n : n + 4]) for n in range(0, 160, 4)]
    (directory / "corpus.txt").write_text("\n\n".join(documents) + "\n")
    call("vocabulary", directory / "corpus.txt", "--size", "65", "-o", directory / "spiece.model")
    return directory


@pytest.fixture(scope="module")
def shard(directory: Path) -> Path:
    shard = directory / "shard"
    call("shards", directory / "corpus.txt", "-t", directory / "spiece.model", "-o", shard)
    return shard


def test_text_becomes_a_masked_lm_that_has_learnt(
    directory: Path, shard: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, model = directory / "words.toml", directory / "words"
    recipe.write_text(RECIPE.format(data=f'shard = "{shard.name}"', steps=150))
    call("pretrain", recipe, "--run", directory / "run", "-o", model, "--threads", 1)
    lines = (directory / "run" / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["masked_loss"] for line in lines]
    assert losses[-1] < 0.7 * losses[0]
    printed = capsys.readouterr().err
    assert "step 150" in printed
    assert "masked accuracy" in printed
    assert "100.0% · 0 s left" in printed
    assert len(FillMask(str(model))("Abd [MASK] kel.")) == 5
    loaded: Any = AlbertForPreTraining.from_pretrained(model, output_loading_info=True)
    report = loaded[1]
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]


def test_texts_and_a_teacher_become_a_model_for_vectors(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [line for line in (directory / "corpus.txt").read_text().splitlines() if line]
    (directory / "texts.txt").write_text("\n".join(texts) + "\n")
    rng = np.random.default_rng(0)
    teacher, tokenizer = directory / "teacher", directory / "spiece.model"
    words = {word: rng.normal(size=48) for text in texts for word in text.lower().split()}
    vectors = np.stack([sum(words[w] for w in text.lower().split()) for text in texts])
    teacher.mkdir()  # as a job of `embed` writes it
    np.save(teacher / "part-00001.npy", vectors[100:])
    np.save(teacher / "part-00000.npy", vectors[:100])
    np.save(directory / "pieces.npy", rng.normal(size=(65, 48)))
    dataset = directory / "dataset"
    names = ("anchor", "positive", "negative")
    rows = [dict(zip(names, texts[n : n + 3], strict=True)) for n in range(90)]
    (directory / "triplets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ("prepare-distillation", directory / "texts.txt", "--vectors", teacher)
    call(*command, "--triplets", directory / "triplets.jsonl", "-t", tokenizer, "-o", dataset)
    assert f"{len(texts)} texts with 48 numbers of the teacher each" in capsys.readouterr().err
    recipe, model = directory / "vectors.toml", directory / "vectors"
    data = 'dataset = "dataset"\npiece_vectors = "pieces.npy"\ngram = 0.5\nhard_negatives = 0.01'
    recipe.write_text(RECIPE.format(data=data, steps=100))
    call("distil", recipe, "--run", directory / "run2", "-o", model, "--threads", 1)
    lines = (directory / "run2" / "metrics.jsonl").read_text().splitlines()
    cosines = [json.loads(line)["cosine"] for line in lines]
    assert cosines[-1] > cosines[0] + 0.1
    card = (model / "README.md").read_text()
    assert "pipeline_tag: sentence-similarity" in card
    assert f"`dataset`, {len(texts)} texts" in card
    assert "Weights of the losses: cosine 1, gram 0.5, hard_negatives 0.01." in card
    assert " pieces, 90 triplets, with" in card
    assert f"| {cosines[-1]:.3f} |" in card
    computed = TextEmbedder(str(model)).encode(texts[:4])
    assert computed.shape == (4, 32)
    assert np.linalg.norm(computed, axis=1) == pytest.approx(1, abs=1e-5)


def test_a_shard_is_not_overwritten(
    directory: Path, shard: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["shards", directory / "corpus.txt", "-t", directory / "spiece.model", "-o", shard]
    assert run([str(part) for part in command]) == 2
    assert "[shard-exists]" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["corpus.txt.gz", "corpus.jsonl", "corpus.jsonl.gz", "c.parquet"])
def test_a_compressed_corpus_and_a_table_give_the_same_shard(
    directory: Path, shard: Path, tmp_path: Path, name: str
) -> None:
    content = (directory / "corpus.txt").read_bytes()
    rows = [{"text": document} for document in content.decode().split("\n\n")]
    if ".jsonl" in name:
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path = tmp_path / name
    if name.endswith(".parquet"):
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    call("shards", path, "-t", directory / "spiece.model", "-o", tmp_path / "shard")
    for file in shard.iterdir():
        assert (tmp_path / "shard" / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "file-not-found"),
        (b"no array", "file-malformed"),
        (np.zeros((3, 8)), "distillation-data-mismatch"),
        (np.zeros((3, 0)), "file-wrong-format"),
        (np.array([[1.0], [np.nan]]), "vectors-not-finite"),
        (np.array([[1.0], [-1e5]]), "vectors-not-finite"),
    ],
)
def test_vectors_that_do_not_fit_are_one_line(
    directory: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | npt.NDArray[np.float64] | None,
    code: str,
) -> None:
    path = directory / f"{code}.npy"
    if isinstance(content, np.ndarray):
        np.save(path, content)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    command = ["prepare-distillation", directory / "corpus.txt", "--vectors", path]
    command += ["-t", directory / "spiece.model", "-o", directory / "none"]
    assert run([str(part) for part in command]) == 2
    assert f"[{code}]" in capsys.readouterr().err
    assert not (directory / "none").exists()


def test_an_empty_corpus_is_one_line(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / "empty.txt").write_text("\n\n")
    command = ["shards", directory / "empty.txt", "-t", directory / "spiece.model"]
    assert run([str(part) for part in [*command, "-o", directory / "none"]]) == 2
    assert "[corpus-empty]" in capsys.readouterr().err


def test_ctrl_c_saves_the_run_and_says_how_to_go_on(directory: Path, shard: Path) -> None:
    recipe = directory / "endless.toml"
    recipe.write_text(RECIPE.format(data=f'shard = "{shard.name}"', steps=1_000_000))
    program = "from albertkit.cli.start import main; main()"
    command = [sys.executable, "-c", program, "pretrain", recipe, "--run", directory / "endless"]
    process = start_command([*command, "-o", directory / "none", "--threads", "1"])
    assert process.stderr is not None
    line = b""
    while b"step 20" not in line:
        line = process.stderr.readline()
        assert line, "the run ended by itself"
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130
    assert "the same command goes on" in rest
    assert "Traceback" not in rest
    assert list((directory / "endless").glob("checkpoint-*/state.json"))
    assert not (directory / "none").exists()


def test_two_ranks_train_the_model_of_one_rank_with_two_batches(
    directory: Path, shard: Path
) -> None:
    recipe = RECIPE.format(data=f'shard = "{shard.name}"', steps=4) + 'precision = "float32"\n'
    (directory / "two.toml").write_text(recipe)
    (directory / "one.toml").write_text(recipe + "gradient_accumulation_steps = 2\n")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    torchrun += ["--nproc-per-node=2", "--no-python", "--", sys.executable, "-c"]
    command = ["from albertkit.cli.start import main; main()", "pretrain", "two.toml"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [*torchrun, *command, "--run", "two", "-o", "two-model"],
        cwd=directory,
        env=environment,
        check=True,
        timeout=300,
    )
    call(
        *("pretrain", directory / "one.toml", "--run", directory / "one"),
        *("-o", directory / "one-model", "--threads", 1),
    )
    one, two = (
        read_safetensors(directory / name / "checkpoint-00000004" / "state.safetensors")
        for name in ("one", "two")
    )
    assert one.keys() == two.keys()
    for name, array in one.items():
        np.testing.assert_allclose(array, two[name], atol=1e-6, err_msg=name)  # order of sums
    assert (directory / "two-model" / "README.md").is_file()


def test_shards_estimate_their_size_and_count_long_sentences(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # more than one batch of documents, so that an estimate is of use
    text = (directory / "corpus.txt").read_text().strip()
    (directory / "large.txt").write_text("\n\n".join([text] * 150) + "\n")
    monkeypatch.setattr("albertkit.cli.shards.shows_progress", lambda: True)
    call(
        *("shards", directory / "large.txt", "-t", directory / "spiece.model"),
        *("-o", directory / "large", "--max-seq-length", 40),
    )
    printed = capsys.readouterr().err
    pieces = (directory / "large" / "ids.bin").stat().st_size / 2
    size = sum(path.stat().st_size for path in (directory / "large").glob("*.bin"))
    estimate = re.search(r"about ([\d.]+) M pieces and ([\d.]+) MB in all", printed)
    assert estimate is not None
    assert float(estimate[1]) == pytest.approx(pieces / 1e6, rel=0.05, abs=0.06)
    assert float(estimate[2]) == pytest.approx(size / 1e6, rel=0.05, abs=0.06)
    assert "rows/s" in printed  # the bar
    assert "sequences of 40" in printed
    assert "sentences of more than 37 pieces: training cuts" in printed


@pytest.mark.parametrize("with_matplotlib", [True, False])
def test_a_pretrained_model_has_a_card_and_a_loss_plot(
    directory: Path,
    shard: Path,
    with_matplotlib: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not with_matplotlib:
        monkeypatch.setattr("albertkit.cli.loss_plot.find_spec", lambda name: None)
    name = f"card-{with_matplotlib}"
    recipe, run_directory = directory / f"{name}.toml", directory / f"{name}-run"
    data = f'shard = "{shard.name}"\nvalid_shard = "{shard.name}"\nlicense = "CC BY-SA 4.0"'
    recipe.write_text(RECIPE.format(data=data, steps=12))
    call("pretrain", recipe, "--run", run_directory, "-o", directory / name, "--threads", 1)
    card = (directory / name / "README.md").read_text()
    metrics = [json.loads(line) for line in (run_directory / "metrics.jsonl").open()]
    _, training, valid = metrics  # the steps 10 and 12, and the evaluation
    assert f"# {name}\n" in card
    documents = len(CorpusShard.open(shard))
    pieces = (shard / "ids.bin").stat().st_size // 2
    assert f"- Text: `shard`, {documents} documents, {pieces:,} pieces." in card
    assert f"12 steps, {valid['tokens']:,} tokens, 0.0" in card
    assert "AdamW, and Muon at 0.02" in card
    assert "- Licence of the texts: CC BY-SA 4.0." in card
    assert "## Limits" in card
    assert "No held-out text" not in card
    state = run_directory / "checkpoint-00000012" / "state.json"
    values = json.loads(state.read_text())
    values["progress"] |= {"best_step": 6, "best_value": 1.5}
    state.write_text(json.dumps(values))
    settings = read_recipe(recipe, PretrainingConfig)
    later_card = make_model_card(settings, run_directory, metrics, name=name, step=12)
    assert "those of step 6 had a lower loss: 1.500." in later_card
    accuracies = f"{training['masked_accuracy']:.3f} | {valid['valid_masked_accuracy']:.3f}"
    assert f"| masked LM: accuracy | {accuracies} |" in card
    assert ("![Losses of the run](losses.png)" in card) == with_matplotlib
    assert (directory / name / "losses.png").exists() == with_matplotlib
    if with_matplotlib:
        assert (directory / name / "losses.png").read_bytes().startswith(b"\x89PNG")
    assert ("pip install 'matplotlib>=3.9'" in capsys.readouterr().err) != with_matplotlib


def test_a_corpus_and_a_run_are_not_taken_for_a_model(
    directory: Path, shard: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, runs = directory / "short.toml", directory / "short-run"
    recipe.write_text(RECIPE.format(data=f'shard = "{shard.name}"', steps=1))
    call("pretrain", recipe, "--run", runs, "-o", directory / "short-model", "--threads", 1)
    for path, what in {
        shard: "this is a tokenized corpus, without a model",
        runs: "this is a run's directory of checkpoints",
        runs / "checkpoint-00000001": "this is a checkpoint of a run",
    }.items():
        capsys.readouterr()
        assert run(["inspect", str(path)]) == 2
        error = capsys.readouterr().err
        assert what in error
        assert "[checkpoint-unrecognised]" in error


def test_the_best_checkpoint_of_a_run_is_written_with_one_command(
    directory: Path, shard: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, runs = directory / "best.toml", directory / "best-run"
    data = f'shard = "{shard.name}"\nvalid_shard = "{shard.name}"'
    settings = "save_steps = 2\nprecision = 'float32'\n"
    recipe.write_text(RECIPE.format(data=data, steps=4) + settings)
    command = ("pretrain", recipe, "--run", runs, "--threads", 1)
    call(*command, "-o", directory / "best-last")
    state = runs / "checkpoint-00000004" / "state.json"
    values = json.loads(state.read_text())
    values["progress"] |= {"best_step": 2, "best_value": 1.5}
    state.write_text(json.dumps(values))
    capsys.readouterr()
    call(*command, "-o", directory / "best-last")
    assert "Step 2 had a lower loss on the held-out text; the same" in capsys.readouterr().err
    call(*command, "-o", directory / "best", "--best")
    printed = capsys.readouterr().err
    assert "the weights of step 2\n" in printed
    assert "--best" not in printed
    saved = read_safetensors(runs / "checkpoint-00000002" / "state.safetensors")
    written = read_safetensors(directory / "best" / "model.safetensors")
    name = "embeddings.word_embeddings.weight"
    np.testing.assert_array_equal(
        np.float32(written[f"albert.{name}"]), np.float32(np.float16(saved[f"parameter/{name}"]))
    )
    card = (directory / "best" / "README.md").read_text()
    assert "- Training: 2 steps" in card
    assert "## Figures at step 2\n" in card
    assert "These are the weights of step 2, which had the lowest loss" in card
    recipe.write_text(RECIPE.format(data=f'shard = "{shard.name}"', steps=4))
    assert run([*map(str, command), "-o", str(directory / "none"), "--best"]) == 2
    assert "has no valid_shard" in capsys.readouterr().err
