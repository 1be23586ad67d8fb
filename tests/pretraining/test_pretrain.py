"""A recipe's run learns with any special ids, goes on after an interruption, and refuses misuse."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from albertkit.errors import FormatError, InputError, ResourceError
from albertkit.fileformats.directory_lock import hold_lock
from albertkit.pretraining import pretrain as pretraining
from albertkit.pretraining.pretrain import log_frequencies, pretrain
from albertkit.pretraining.pretraining_config import PretrainingConfig
from albertkit.pretraining.recipe import read_recipe
from albertkit.pretraining.shards import CorpusShard, write_shard
from tests.support.training_data import FOREIGN, USUAL, number_tokenizer

RECIPE = """
[model]
embedding_size = 16
hidden_size = 32
num_hidden_layers = 2
num_attention_heads = 2
intermediate_size = 64
initializer_range = 0.1
[data]
tokenizer = "vocab.txt"
shard = "shard"
valid_shard = "shard"
batch_size = [[0.0, 4], [0.5, 8]]
max_seq_length = 32
mlm_probability = [[0.0, 0.3], [1.0, 0.15]]
depth = [[0.0, 1], [0.3, 2]]
{data}
[training]
max_steps = 160
learning_rate = 1e-2
muon_learning_rate = 2e-2
logging_steps = 10
save_steps = 60
precision = "float32"
{training}
"""

WORDS = range(5, 290, 9)  # 32 of them: a model that knows frequencies alone has a loss of log(32)


def write_recipe(
    directory: Path, special: dict[int, str] = USUAL, *, data: str = "", training: str = ""
) -> Path:
    """A corpus of sentences that repeat one number."""
    rng = np.random.default_rng(0)
    documents = []
    for _ in range(120):
        documents.append([" ".join([str(n)] * 10) for n in rng.choice(WORDS, 6)])
    write_shard(directory / "shard", documents, number_tokenizer(directory, special))
    (directory / "recipe.toml").write_text(RECIPE.format(data=data, training=training))
    return directory / "recipe.toml"


def run(recipe: Path, name: str = "run") -> list[dict[str, float]]:
    pretrain(read_recipe(recipe, PretrainingConfig), recipe.parent / name)
    return lines_of(recipe.parent / name)


def lines_of(directory: Path) -> list[dict[str, float]]:
    text = (directory / "metrics.jsonl").read_text()
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


@pytest.mark.parametrize("special", [USUAL, FOREIGN], ids=["usual", "foreign"])
def test_a_run_learns_with_any_special_ids(tmp_path: Path, special: dict[int, str]) -> None:
    lines = run(write_recipe(tmp_path, special))
    losses = [line["masked_loss"] for line in lines if "masked_loss" in line]
    valid = [line["valid_masked_loss"] for line in lines if "valid_masked_loss" in line]
    assert losses[0] > 0.95 * math.log(len(WORDS))
    assert losses[-1] < 0.6 * math.log(len(WORDS))
    assert len(valid) == 3
    assert valid[-1] < 0.6 * math.log(len(WORDS))


def test_a_run_of_two_parts_equals_a_whole_one(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    settings = read_recipe(recipe, PretrainingConfig)
    whole = pretrain(settings, tmp_path / "whole")

    def stop(metrics: object) -> None:
        if isinstance(metrics, dict) and metrics["step"] == 80:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        pretrain(settings, tmp_path / "parts", stop)
    shard = (tmp_path / "shard").rename(tmp_path / "kept")
    write_shard(tmp_path / "shard", [["5 6 7 8 9 " * 20]], number_tokenizer(tmp_path, USUAL))
    with pytest.raises(
        InputError, match=r"the shard was '120 doc.* and is '1 document, .*-changed"
    ):
        pretrain(settings, tmp_path / "parts")
    (tmp_path / "shard").rename(tmp_path / "other")
    shard.rename(tmp_path / "shard")
    parts = pretrain(settings, tmp_path / "parts")
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(array, parts.arrays[name], err_msg=name)


def test_rows_without_a_pair_have_no_figures_of_order(tmp_path: Path) -> None:
    """Sequences of 16 pieces hold one sentence of 12, and no order label."""
    recipe = write_recipe(tmp_path, training="")
    text = recipe.read_text().replace("max_seq_length = 32", "max_seq_length = 20")
    recipe.write_text(text)
    lines = run(recipe)
    assert not any(
        name.endswith(("order_loss", "order_accuracy")) for line in lines for name in line
    )
    assert all(math.isfinite(value) for line in lines for value in line.values())


def test_a_run_whose_directory_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(InputError, match=r"is a file; .*\[directory-not-empty\]"):
        run(write_recipe(tmp_path))


def test_a_run_of_another_process_is_refused(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    with (
        hold_lock(tmp_path / "run", why=""),
        pytest.raises(ResourceError, match=r"two runs would mix.*\[output-busy\]"),
    ):
        run(recipe)
    assert not (tmp_path / "run").exists(), "nothing was begun"


def test_a_run_may_start_from_another_model(tmp_path: Path) -> None:
    from albertkit.pretraining.export import export

    recipe = write_recipe(tmp_path)
    settings = read_recipe(str(recipe), PretrainingConfig)  # paths may be texts
    weights = pretrain(settings, f"{tmp_path}/first")
    export(weights, settings.tokenizer(), f"{tmp_path}/model")
    text = recipe.read_text().replace("depth =", 'initialize_from = "model"\ndepth =')
    recipe.write_text(text)
    first, second = lines_of(tmp_path / "first"), run(recipe, "second")
    assert second[0]["masked_loss"] < first[0]["masked_loss"] - 0.3


@pytest.mark.parametrize(
    ("data", "training", "message"),
    [
        ("", 'device = "cuda:7"', r"device-unavailable"),
        ("max_seq_length = 1024", "", r"512 positions.*recipe-value-invalid"),
        ("depth = 3", "", r"depth is \[3\].*recipe-value-invalid"),
        ("batch_size = 0", "", r"batch_size is 0.0; .*at least 1 .*recipe-value-invalid"),
        ("batch_size = 2.5", "", r"batch_size is 2.5; .*whole number.*recipe-value-invalid"),
        ("batch_size = [[0, 4], [0.5, inf]]", "", r"whole number.*recipe-value-invalid"),
        ("max_seq_length = 6", "", r"max_seq_length is 6.0.*recipe-value-invalid"),
        ("mlm_probability = nan", "", r"mlm_probability is nan.*recipe-value-invalid"),
        ("mlm_probability = [[0, 0.3], [1, 2]]", "", r"is \[0.3, 2.0\].*recipe-value-invalid"),
        ("depth = -1", "", r"depth is -1.0.*recipe-value-invalid"),
        ("max_predictions = -1", "", r"max_predictions is -1.*recipe-value-invalid"),
        ("batch_size = 4096", "", r"corpus-too-small"),
        ('piece_vectors = "none.npy"', "", r"file-not-found"),
    ],
)
def test_misuse_is_one_line(tmp_path: Path, data: str, training: str, message: str) -> None:
    recipe = write_recipe(tmp_path, training=training)
    if data:
        key = data.split(" =", maxsplit=1)[0]
        kept = [line for line in recipe.read_text().splitlines() if not line.startswith(key)]
        recipe.write_text("\n".join(kept).replace("[data]", f"[data]\n{data}"))
    with pytest.raises((InputError, FormatError, ResourceError), match=message):
        run(recipe)


def test_a_shard_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    number_tokenizer(tmp_path, FOREIGN)
    with pytest.raises(InputError, match="shard-vocabulary-differs"):
        run(recipe)


def test_the_first_bias_is_the_log_of_the_frequencies(shard: CorpusShard) -> None:
    bias = log_frequencies(shard, 300)
    assert np.exp(bias).sum() == pytest.approx(1, abs=1e-5)
    assert bias.argmax() == np.bincount(shard.ids).argmax()
    assert bias[299] == bias.min()  # the corpus has no word 299


def test_pieces_are_counted_block_by_block(
    shard: CorpusShard, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = log_frequencies(shard, 300)
    monkeypatch.setattr(pretraining, "COUNTED_PIECES", 7)
    np.testing.assert_array_equal(log_frequencies(shard, 300), whole)


def test_a_run_begins_with_the_loss_of_frequencies_alone_which_is_their_entropy(
    tmp_path: Path,
) -> None:
    settings = read_recipe(write_recipe(tmp_path), PretrainingConfig)
    short = replace(settings, training=replace(settings.training, max_steps=1))
    losses: list[float] = []
    pretrain(short, tmp_path / "run", report_start=losses.append)
    # nearly all pieces are the 32 words; one occurrence is added to each of 300
    assert len(losses) == 1
    assert math.log(len(WORDS)) < losses[0] < math.log(len(WORDS)) + 0.4


@pytest.mark.parametrize(("sentences", "is_enough"), [(6, True), (1, False)])
def test_held_out_text_that_fills_no_16_rows_is_read_in_fewer(
    tmp_path: Path, sentences: int, is_enough: bool
) -> None:
    settings = read_recipe(write_recipe(tmp_path), PretrainingConfig)
    document = [" ".join([str(n)] * 20) for n in list(WORDS)[:sentences]]
    write_shard(tmp_path / "few", [document], number_tokenizer(tmp_path))
    data = replace(settings.data, valid_shard="few")
    settings = replace(settings, data=data, training=replace(settings.training, max_steps=1))
    if is_enough:
        pretrain(settings, tmp_path / "run")
        assert math.isfinite(lines_of(tmp_path / "run")[-1]["valid_loss"])
    else:
        with pytest.raises(InputError, match=r"text 'few' has 20 pieces;.*\[corpus-too-small\]"):
            pretrain(settings, tmp_path / "run")
        assert not (tmp_path / "run").exists()
