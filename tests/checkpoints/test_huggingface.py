"""transformers is the oracle: it opens what we write, we open what it writes, now and then."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tests.support.axes import CONFIG, CONFIG_AXES, random_weights
from tests.support.tiny_models import PIECES, TINY, contents

from albertkit.checkpoints import (
    HUGGINGFACE,
    SENTENCE_TRANSFORMERS,
    Checkpoint,
    format_of,
    read_checkpoint,
)
from albertkit.errors import FormatError, InputError
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tokenization import AlbertTokenizer

# transformers' class, our heads, whether it has a pooler
CLASSES: list[tuple[str, tuple[str, ...], bool]] = [
    ("AlbertModel", (), True),
    ("AlbertForPreTraining", ("masked_lm", "sentence_order"), True),
    ("AlbertForMaskedLM", ("masked_lm",), False),
    ("AlbertForSequenceClassification", ("sequence_classification",), True),
    ("AlbertForTokenClassification", ("token_classification",), False),
    ("AlbertForQuestionAnswering", ("question_answering",), False),
    ("AlbertForMultipleChoice", ("multiple_choice",), True),
]
BY_NAME = [pytest.param(*row, id=row[0]) for row in CLASSES]


def open_with_transformers(name: str, path: Path) -> Any:
    model, report = getattr(transformers, name).from_pretrained(path, output_loading_info=True)
    assert not any(report.values()), report
    return model


def save_with_transformers(name: str, path: Path, **changes: Any) -> Any:
    torch.manual_seed(0)
    config = transformers.AlbertConfig(**{**CONFIG.to_dict(), **changes})
    model = getattr(transformers, name)(config)
    for parameter in model.parameters():
        parameter.data.normal_()
    model.save_pretrained(path)
    return model


def assert_same(weights: Weights, model: Any) -> None:
    states = model.state_dict()
    assert set(weights.arrays) == {row.name for row in weights.table().stored}
    for name, array in weights.arrays.items():
        there = name if name in states else f"albert.{name}"
        np.testing.assert_array_equal(array, states[there].float().numpy(), err_msg=name)


def rewrite(path: Path, change: Any) -> None:
    """Apply `change` to the tensors of a saved directory, in place."""
    tensors = dict(load_file(path / "model.safetensors"))
    change(tensors)
    save_file(tensors, path / "model.safetensors", {"format": "pt"})


def rename(tensors: dict[str, torch.Tensor], old: str, new: str) -> None:
    for name in [name for name in tensors if name.startswith(old)]:
        tensors[name.replace(old, new, 1)] = tensors.pop(name)


@pytest.fixture
def masked_lm(tmp_path: Path) -> Path:
    save_with_transformers("AlbertForMaskedLM", tmp_path / "m")
    return tmp_path / "m"


@pytest.mark.parametrize(("name", "heads", "pooler"), BY_NAME)
def test_transformers_opens_what_we_write_without_a_report(
    name: str, heads: tuple[str, ...], pooler: bool, tmp_path: Path
) -> None:
    weights = random_weights(CONFIG, heads, pooler=pooler)
    HUGGINGFACE.write(Checkpoint(weights), tmp_path / "m")
    assert_same(weights, open_with_transformers(name, tmp_path / "m"))
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert config["architectures"] == [name]


@pytest.mark.parametrize(("name", "heads", "pooler"), BY_NAME)
def test_we_open_what_transformers_writes_without_a_note(
    name: str, heads: tuple[str, ...], pooler: bool, tmp_path: Path
) -> None:
    model = save_with_transformers(name, tmp_path / "m")
    stored = read_checkpoint(tmp_path / "m")
    assert stored.notes == ()
    assert stored.weights.heads == heads
    assert stored.weights.has_pooler is pooler
    assert_same(stored.weights, model)


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_every_axis_goes_through_transformers_and_back(
    config: AlbertConfig, tmp_path: Path
) -> None:
    weights = random_weights(config)
    HUGGINGFACE.write(Checkpoint(weights), tmp_path / "ours")
    open_with_transformers("AlbertModel", tmp_path / "ours").save_pretrained(tmp_path / "theirs")
    back = read_checkpoint(tmp_path / "theirs").weights
    assert back.config == AlbertConfig.from_dict(
        {**config.to_dict(), **back.config.extra}, where="test"
    )
    for name, array in weights.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_on_disk_is_read_as_float32(dtype: torch.dtype, tmp_path: Path) -> None:
    model = save_with_transformers("AlbertForMaskedLM", tmp_path / "m").to(dtype)
    model.save_pretrained(tmp_path / "m")
    weights = read_checkpoint(tmp_path / "m").weights
    assert all(array.dtype == np.float32 for array in weights.arrays.values())
    assert_same(weights, model)


def test_float16_is_written_on_request_and_computed_in_float32(tmp_path: Path) -> None:
    weights = random_weights(CONFIG)
    HUGGINGFACE.write(Checkpoint(weights), tmp_path / "m", dtype="float16")
    model = open_with_transformers("AlbertModel", tmp_path / "m")
    assert model.dtype == torch.float32
    stored = load_file(tmp_path / "m" / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    halved = {name: array.astype(np.float16) for name, array in weights.arrays.items()}
    assert_same(Weights(CONFIG, (), halved), model)  # type: ignore[arg-type]  # compared by value


def test_shards_are_read_as_one(tmp_path: Path) -> None:
    model = save_with_transformers("AlbertForMaskedLM", tmp_path / "m")
    shutil.rmtree(tmp_path / "m")
    model.save_pretrained(tmp_path / "m", max_shard_size="10KB")
    assert len(list((tmp_path / "m").glob("*.safetensors"))) > 1
    stored = read_checkpoint(tmp_path / "m")
    assert stored.notes == ()
    assert_same(stored.weights, model)


def as_torch_file(path: Path, change: Any = None) -> Path:
    """Put pytorch_model.bin in the place of model.safetensors, as transformers did before 2024."""
    tensors = dict(load_file(path / "model.safetensors"))
    if change:
        change(tensors)
    (path / "model.safetensors").unlink()
    torch.save(tensors, path / "pytorch_model.bin")
    return path


@pytest.mark.parametrize(("name", "heads", "pooler"), BY_NAME)
def test_torchs_own_files_are_read_without_torch(
    name: str, heads: tuple[str, ...], pooler: bool, tmp_path: Path
) -> None:
    model = save_with_transformers(name, tmp_path / "m")
    stored = read_checkpoint(as_torch_file(tmp_path / "m"))
    assert stored.notes == ()
    assert (stored.weights.heads, stored.weights.has_pooler) == (heads, pooler)
    assert_same(stored.weights, model)
    assert format_of(tmp_path / "m") == (HUGGINGFACE, "config.json and pytorch_model.bin")


def test_shards_of_torchs_own_files_are_read_as_one(masked_lm: Path) -> None:
    before = dict(read_checkpoint(masked_lm).weights.arrays)
    tensors = dict(load_file(masked_lm / "model.safetensors"))
    (masked_lm / "model.safetensors").unlink()
    names, where = sorted(tensors), {}
    for number, some in enumerate([names[::2], names[1::2]], 1):
        file = f"pytorch_model-{number:05}-of-00002.bin"
        torch.save({name: tensors[name] for name in some}, masked_lm / file)
        where.update(dict.fromkeys(some, file))
    index = masked_lm / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": where}))
    weights = read_checkpoint(masked_lm).weights
    assert weights.heads == ("masked_lm",)
    for name, array in weights.arrays.items():
        np.testing.assert_array_equal(array, before[name])


def test_safetensors_win_over_torchs_file(masked_lm: Path) -> None:
    (masked_lm / "pytorch_model.bin").write_bytes(b"never opened")
    assert read_checkpoint(masked_lm).weights.heads == ("masked_lm",)


@pytest.mark.parametrize(
    ("weight_map", "reason"),
    [
        ({}, "no weight_map"),
        ({"x": "../secret.safetensors"}, "not a plain name"),
        ({"x": 3}, "not a plain name"),
        ({"x": "absent.safetensors"}, "not in its directory"),
        ({"x": "a.safetensors"}, "lists x .* does not hold it"),
    ],
)
def test_a_broken_index_of_shards_is_refused(
    weight_map: dict[str, object], reason: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG.to_dict()))
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    save_file({"y": torch.ones(1)}, tmp_path / "a.safetensors")
    with pytest.raises(FormatError, match=rf"{reason}.*\[checkpoint-shards-broken\]"):
        read_checkpoint(tmp_path)


def test_keys_of_earlier_years_are_understood_in_silence(masked_lm: Path) -> None:
    def age(tensors: dict[str, torch.Tensor]) -> None:
        tensors["albert.embeddings.position_ids"] = torch.arange(40)[None]
        word_table = tensors["albert.embeddings.word_embeddings.weight"]
        tensors["predictions.decoder.weight"] = word_table.clone()
        tensors["predictions.decoder.bias"] = tensors.pop("predictions.bias")
        for name in [name for name in tensors if "norm" in name.lower()]:  # transformers 2
            older = name.replace(".weight", ".gamma").replace(".bias", ".beta")
            tensors[older] = tensors.pop(name)

    before = {
        name: array.copy() for name, array in read_checkpoint(masked_lm).weights.arrays.items()
    }
    rewrite(masked_lm, age)
    stored = read_checkpoint(masked_lm)
    assert stored.notes == ()
    assert stored.weights.heads == ("masked_lm",)
    np.testing.assert_array_equal(
        stored.weights.arrays["predictions.bias"], before["predictions.bias"]
    )


def test_a_decoder_of_its_own_is_left_out_with_a_warning(masked_lm: Path) -> None:
    rewrite(masked_lm, lambda t: t.update({"predictions.decoder.weight": torch.ones(97, 16)}))
    (note,) = read_checkpoint(masked_lm).notes
    assert (note.code, note.severity) == ("checkpoint-untied", "warning")


def test_a_foreign_prefix_is_understood_with_a_note(masked_lm: Path) -> None:
    def wrap(tensors: dict[str, torch.Tensor]) -> None:
        rename(tensors, "", "module.")

    before = dict(read_checkpoint(masked_lm).weights.arrays)
    rewrite(masked_lm, wrap)
    stored = read_checkpoint(masked_lm)
    assert [note.code for note in stored.notes] == ["checkpoint-prefix"]
    assert stored.weights.heads == ("masked_lm",)
    for name, array in stored.weights.arrays.items():
        np.testing.assert_array_equal(array, before[name])


def test_unused_tensors_are_listed(masked_lm: Path) -> None:
    rewrite(masked_lm, lambda tensors: tensors.update({"adapter.weight": torch.ones(2)}))
    (note,) = read_checkpoint(masked_lm).notes
    assert note.code == "checkpoint-extra-tensors"
    assert "1 tensor left out: adapter.weight; no part of this model reads it." in note.line()


def test_a_missing_head_is_a_note(masked_lm: Path) -> None:
    rewrite(masked_lm, lambda tensors: [tensors.pop(n) for n in list(tensors) if "predict" in n])
    stored = read_checkpoint(masked_lm)
    assert stored.weights.heads == ()
    assert [note.code for note in stored.notes] == ["checkpoint-head-missing"]


def test_half_a_head_is_a_note_and_its_tensors_are_listed(masked_lm: Path) -> None:
    rewrite(masked_lm, lambda tensors: tensors.pop("predictions.dense.bias"))
    stored = read_checkpoint(masked_lm)
    assert stored.weights.heads == ()
    codes = {note.code for note in stored.notes}
    assert codes == {"checkpoint-head-missing", "checkpoint-extra-tensors"}


@pytest.mark.parametrize(
    "lost",
    [
        "albert.embeddings.word_embeddings.weight",
        "albert.encoder.embedding_hidden_mapping_in.bias",
        "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight",
        "albert.",
    ],
)
def test_a_checkpoint_without_its_whole_encoder_is_refused(masked_lm: Path, lost: str) -> None:
    rewrite(masked_lm, lambda t: [t.pop(name) for name in list(t) if name.startswith(lost)])
    with pytest.raises(FormatError, match=r"\[checkpoint-without-encoder\]"):
        read_checkpoint(masked_lm)


def test_missing_tensors_are_named_as_in_the_file_and_as_everywhere(masked_lm: Path) -> None:
    rewrite(masked_lm, lambda tensors: tensors.pop("albert.embeddings.LayerNorm.bias"))
    both = r"1 of 28 tensors missing: albert\.embeddings\.LayerNorm\.bias \(embeddings\.Layer"
    with pytest.raises(FormatError, match=both):
        read_checkpoint(masked_lm)


def test_a_config_of_another_size_is_refused_with_the_first_shape(masked_lm: Path) -> None:
    config = json.loads((masked_lm / "config.json").read_text())
    (masked_lm / "config.json").write_text(json.dumps({**config, "intermediate_size": 99}))
    with pytest.raises(
        FormatError, match=r"ffn.bias has the shape .*\[checkpoint-shape-mismatch\]"
    ):
        read_checkpoint(masked_lm)


def test_a_config_of_another_model_is_refused(masked_lm: Path) -> None:
    (masked_lm / "config.json").write_text('{"model_type": "roberta"}')
    with pytest.raises(FormatError, match=r"\[config-not-albert\]"):
        read_checkpoint(masked_lm)


def test_googles_json_under_hugging_faces_name_means_the_tanh_gelu(masked_lm: Path) -> None:
    google = {**CONFIG.to_google(), "net_structure_type": 0}
    (masked_lm / "config.json").write_text(json.dumps(google))
    assert read_checkpoint(masked_lm).weights.config.activation == "gelu_tanh"


@pytest.mark.parametrize("name", ["sequence_classification", "token_classification"])
def test_a_classifier_without_architectures_is_recognised_by_its_pooler(
    name: str, tmp_path: Path
) -> None:
    HUGGINGFACE.write(Checkpoint(random_weights(CONFIG, [name])), tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    del config["architectures"]
    (tmp_path / "m" / "config.json").write_text(json.dumps(config))
    assert read_checkpoint(tmp_path / "m").weights.heads == (name,)


def test_tokenizer_files_go_along_and_other_files_stay(tmp_path: Path) -> None:
    files = AlbertTokenizer.from_pretrained(PIECES).save_pretrained(tmp_path / "t")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "README.md").write_text("kept")
    HUGGINGFACE.write(Checkpoint(random_weights(CONFIG), contents(files)), tmp_path / "m")
    assert read_checkpoint(tmp_path / "m").tokenizer_files == contents(files)
    assert (tmp_path / "m" / "README.md").read_text() == "kept"


def test_a_bare_vocabulary_gets_a_tokenizer_json_with_our_ids(tmp_path: Path) -> None:
    bare = tmp_path / "30k-clean.model"  # as google's checkpoints have it
    bare.write_bytes(PIECES.read_bytes())
    HUGGINGFACE.write(Checkpoint(random_weights(TINY), contents([bare])), tmp_path / "m")
    texts = ['hello (world) - "quoted"', "a - b", "Ünïcode, 10,000 £ and [MASK].", "  spaces "]
    peer = transformers.AutoTokenizer.from_pretrained(tmp_path / "m")
    for path in (bare, tmp_path / "m"):
        ours = AlbertTokenizer.from_pretrained(path)
        assert ours(texts)["input_ids"] == peer(texts)["input_ids"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002], ids=oct)
def test_every_file_and_folder_has_the_mode_that_the_umask_leaves(
    umask: int, tmp_path: Path
) -> None:
    files = AlbertTokenizer.from_pretrained(PIECES).save_pretrained(tmp_path / "t")
    files[0].chmod(0o600)
    stored = Checkpoint(random_weights(TINY), contents(files), pooling=PoolingConfig())
    before = os.umask(umask)
    try:
        HUGGINGFACE.write(stored, tmp_path / "m")
        HUGGINGFACE.write(stored, tmp_path / "m")  # in the place of another
        SENTENCE_TRANSFORMERS.write(stored, tmp_path / "s")
    finally:
        os.umask(before)
    places = [*tmp_path.glob("[ms]"), *tmp_path.glob("[ms]/**/*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in places}
    assert len(modes) > 8
    assert modes == {path: (0o777 if path.is_dir() else 0o666) & ~umask for path in places}


def test_a_refused_write_leaves_the_old_directory(tmp_path: Path) -> None:
    weights = random_weights(CONFIG)
    HUGGINGFACE.write(Checkpoint(weights), tmp_path / "m")
    large = dict(weights.arrays) | {"pooler.bias": weights.arrays["pooler.bias"] * 1e6}
    with pytest.raises(InputError, match=r"\[float16-overflow\]"):
        HUGGINGFACE.write(Checkpoint(Weights(CONFIG, (), large)), tmp_path / "m", dtype="float16")
    back = read_checkpoint(tmp_path / "m").weights
    np.testing.assert_array_equal(back.arrays["pooler.bias"], weights.arrays["pooler.bias"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["m"]


def test_weights_that_lack_a_tensor_are_not_written(tmp_path: Path) -> None:
    arrays = dict(random_weights(CONFIG).arrays)
    del arrays["embeddings.LayerNorm.bias"]
    with pytest.raises(FormatError, match=r"\[checkpoint-without-encoder\]"):
        HUGGINGFACE.write(Checkpoint(Weights(CONFIG, (), arrays)), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_directory_of_nothing_known_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(FormatError, match=r"pytorch_model.bin.*\[checkpoint-unrecognised\]"):
        format_of(tmp_path)
    with pytest.raises(InputError, match=r"\[file-not-found\]"):
        format_of(tmp_path / "nowhere")


def test_the_evidence_names_the_files(masked_lm: Path) -> None:
    assert format_of(masked_lm) == (HUGGINGFACE, "config.json and model.safetensors")
