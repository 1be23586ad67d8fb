"""Keras Hub computed the references; its presets are read, written in its form, or refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from tests.support.axes import CONFIG, CONFIG_AXES, random_weights
from tests.support.head_logits import head_logits
from tests.support.modules import HERE, Reference, fixture, reference
from tests.support.oracle import transformers_model
from tests.support.tensorflow_parity import (
    ATOL,
    assert_engines_compute,
    assert_torch_computes,
    close,
    encodings_of,
    torch_inputs,
)
from tests.support.tiny_models import PIECES, contents

import albertkit
from albertkit.checkpoints import (
    HUGGINGFACE,
    Checkpoint,
    ConfigOverrides,
    format_of,
    read_checkpoint,
)
from albertkit.checkpoints.keras_hub.format import KERAS_HUB
from albertkit.errors import FormatError, InputError
from albertkit.spec import AlbertConfig, Weights
from albertkit.tokenization import AlbertTokenizer

MASKED, CLASSIFIER, BACKBONE = "kerashub_tiny", "kerashub_tiny_classifier", "kerashub_tiny_g2i2"
# Keras Hub's names of inputs and outputs, and TF Hub's.
NAMES = {
    "token_ids": "input_word_ids",
    "padding_mask": "input_mask",
    "segment_ids": "input_type_ids",
    "mask_positions": "masked_lm_positions",
    "backbone_sequence_output": "sequence_output",
    "backbone_pooled_output": "pooled_output",
}


def preset(name: str, tmp_path: Path) -> Path:
    """A fixture, with the vocabulary that is kept once for all of them."""
    directory = fixture(name, HERE, tmp_path)
    if (directory / "tokenizer.json").is_file():
        (directory / "assets" / "tokenizer").mkdir(parents=True, exist_ok=True)
        shutil.copy(PIECES, directory / "assets" / "tokenizer" / "vocabulary.spm")
    return directory


def reference_outputs(name: str) -> Reference:
    """The reference, under TF Hub's names."""
    outputs = {NAMES.get(key, key): array for key, array in reference(name, HERE).items()}
    if name == MASKED:
        outputs["mlm_logits"] = outputs.pop("output")
    return outputs


def assert_same_weights(actual: Weights, wanted: Weights) -> None:
    assert actual.heads == wanted.heads
    assert set(actual.arrays) == set(wanted.arrays)
    for name, array in wanted.arrays.items():
        np.testing.assert_array_equal(actual.arrays[name], array, err_msg=name)


def rewritten(directory: Path, file: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file in place."""
    content = json.loads((directory / file).read_text())
    change(content)
    (directory / file).write_text(json.dumps(content))


@pytest.mark.parametrize("name", [MASKED, BACKBONE])
def test_what_is_read_computes_what_keras_hub_does(name: str, tmp_path: Path) -> None:
    directory = preset(name, tmp_path)
    checkpoint_format, evidence = format_of(directory)
    assert (checkpoint_format.name, evidence) == ("keras-hub", "config.json and model.weights.h5")
    weights = checkpoint_format.read(directory).weights
    assert_torch_computes(weights, reference_outputs(name))
    assert_engines_compute(weights, reference_outputs(name))


def test_a_classifier_gives_keras_hubs_logits(tmp_path: Path) -> None:
    weights = read_checkpoint(preset(CLASSIFIER, tmp_path)).weights
    assert (weights.heads, weights.config.num_labels) == (("sequence_classification",), 3)
    wanted = reference_outputs(CLASSIFIER)
    ours = head_logits(weights, encodings_of(wanted), "sequence_classification")
    close(ours, wanted["output"], ATOL)
    model = albertkit.AlbertForSequenceClassification.from_weights(weights)
    with torch.no_grad():
        close(model(**torch_inputs(wanted)).logits, wanted["output"], ATOL)


def test_the_masked_word_heads_own_epsilon_is_kept_and_noted(tmp_path: Path) -> None:
    stored = read_checkpoint(preset(MASKED, tmp_path))
    config = stored.weights.config
    assert (config.layer_norm_eps, config.prediction_eps) == (1e-12, 1e-5)
    assert "prediction-epsilon" in [note.code for note in stored.notes]
    one_for_all = replace(stored.weights, config=replace(config, prediction_layer_norm_eps=None))
    with pytest.raises(AssertionError, match=r"not close|Not equal"):
        assert_engines_compute(one_for_all, reference_outputs(MASKED))


def test_transformers_gives_the_same_vectors_of_what_went_to_hugging_face(tmp_path: Path) -> None:
    stored = read_checkpoint(preset(MASKED, tmp_path))
    HUGGINGFACE.write(stored, tmp_path / "hf")
    back = read_checkpoint(tmp_path / "hf").weights
    assert back.config.prediction_eps == 1e-5
    assert_same_weights(back, stored.weights)
    assert_engines_compute(back, reference_outputs(MASKED))
    wanted = reference_outputs(MASKED)
    encoder = {n: array for n, array in back.arrays.items() if not n.startswith("predictions.")}
    model: Any = transformers_model(replace(back, heads=(), arrays=encoder))
    with torch.no_grad():
        close(model(**torch_inputs(wanted)).pooler_output, wanted["pooled_output"], ATOL)


def test_text_is_normalized_and_that_is_noted(tmp_path: Path) -> None:
    loaded = albertkit.load(preset(MASKED, tmp_path))
    assert "tokenizer-without-normalization" in [note.code for note in loaded.notes]
    assert loaded.tokenizer.encode("Héllo World") == loaded.tokenizer.encode("hello world")
    assert loaded.tokenizer.fingerprint == AlbertTokenizer.from_pretrained(PIECES).fingerprint


@pytest.mark.parametrize("name", [MASKED, CLASSIFIER, BACKBONE])
def test_what_is_written_is_what_keras_hub_wrote(name: str, tmp_path: Path) -> None:
    directory = preset(name, tmp_path)
    stored = read_checkpoint(directory)
    KERAS_HUB.write(stored, tmp_path / "again")
    back = read_checkpoint(tmp_path / "again")
    assert back.weights.config == stored.weights.config
    assert_same_weights(back.weights, stored.weights)
    assert back.notes == tuple(
        replace(note, where=note.where.replace(str(directory), str(tmp_path / "again")))
        for note in stored.notes
    )
    theirs, ours = (
        {str(p.relative_to(top)) for top in [folder] for p in top.rglob("*") if p.is_file()}
        for folder in (directory, tmp_path / "again")
    )
    assert ours == theirs
    for file in (path for path in theirs if path.endswith(".json")):
        assert settings_in(tmp_path / "again" / file) == settings_in(directory / file), file
    for file in (path for path in theirs if path.endswith(".h5")):
        assert datasets_in(tmp_path / "again" / file) == datasets_in(directory / file), file


def settings_in(path: Path) -> Any:
    """What a JSON file says, but for what no two presets say alike."""

    def alike(settings: dict[str, Any]) -> dict[str, Any]:
        once = ("date_saved", "albertkit", "sequence_length", "mask_selection_length")
        numbered = {key: value for key, value in settings.items() if key not in once}
        if "name" in numbered:  # Keras counts within a process: albert_tokenizer_1
            numbered["name"] = numbered["name"].rstrip("_0123456789")
        return numbered

    return json.loads(path.read_text(), object_hook=alike)


def datasets_in(path: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape of each array, and the name of the layer where we write it."""
    datasets = {}

    def visit(name: str, each: Any) -> None:
        if isinstance(each, h5py.Dataset):
            if name.startswith("optimizer/"):
                datasets[name] = (each.shape, str(each[()]))
                return
            layer = "/".join(name.split("/")[:2])
            datasets[name] = (each.shape, file[f"{layer}/vars"].attrs["name"])

    with h5py.File(path) as file:
        file.visititems(visit)
    return datasets


HOLDABLE = [
    "plain",
    "two_inner_layers",
    "embedding_as_wide_as_hidden",
    "embedding_wider_than_hidden",
    "one_head",
    "heads_of_odd_size",
    "four_types",
]


@pytest.mark.parametrize("heads", [(), ("masked_lm",), ("sequence_classification",)])
@pytest.mark.parametrize("config", [p for p in CONFIG_AXES if p.id in HOLDABLE])
def test_every_axis_comes_back_bit_by_bit(
    config: AlbertConfig, heads: tuple[str, ...], tmp_path: Path
) -> None:
    weights = random_weights(config, heads, pooler=True)
    KERAS_HUB.write(Checkpoint(weights), tmp_path / "m")
    back = read_checkpoint(tmp_path / "m").weights
    assert_same_weights(back, weights)
    epsilon = 1e-5 if "masked_lm" in heads else None
    assert back.config == replace(config, prediction_layer_norm_eps=epsilon)


def test_what_keras_hub_has_no_field_for_is_kept(tmp_path: Path) -> None:
    config = replace(
        CONFIG,
        id2label=MappingProxyType({0: "bad", 1: "so", 2: "good"}),
        problem_type="single_label_classification",
        attention_probs_dropout_prob=0.2,
        hidden_dropout_prob=0.1,
        classifier_dropout_prob=0.3,
        extra=MappingProxyType({"vocabulary_fingerprint": "abc", "mine": [1]}),
    )
    weights = random_weights(config, ["sequence_classification"])
    KERAS_HUB.write(Checkpoint(weights), tmp_path / "m")
    assert read_checkpoint(tmp_path / "m").weights.config == config


def test_a_masked_language_model_without_a_pooler_comes_back_without(tmp_path: Path) -> None:
    weights = random_weights(CONFIG, ["masked_lm"])
    KERAS_HUB.write(Checkpoint(weights), tmp_path / "m")
    with h5py.File(tmp_path / "m" / "model.weights.h5") as file:
        assert file["layers/dense_1/vars/0"].shape == (32, 32)  # Keras Hub asks for it
    back = read_checkpoint(tmp_path / "m").weights
    assert not back.has_pooler
    assert_same_weights(back, weights)


def test_the_vocabulary_and_its_policy_go_along(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = AlbertTokenizer.from_pretrained(PIECES, policy="huggingface")
    files = tokenizer.save_pretrained(tmp_path / "t")
    weights = random_weights(replace(CONFIG, vocab_size=1000))
    KERAS_HUB.write(Checkpoint(weights, contents(files)), tmp_path / "m")
    assert "Give it text in lower case and without accents" in caplog.text
    assert (tmp_path / "m" / "assets/tokenizer/vocabulary.spm").read_bytes() == PIECES.read_bytes()
    assert albertkit.load(tmp_path / "m").tokenizer.policy == tokenizer.policy
    assert AlbertTokenizer.from_pretrained(tmp_path / "m").policy == tokenizer.policy


REFUSED: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "relu": ({"hidden_act": "relu"}, (), "hidden_act relu"),
    "erf": ({"hidden_act": "gelu"}, (), "hidden_act gelu"),
    "epsilon": ({"layer_norm_eps": 1e-6}, (), "layer_norm_eps 1e-06"),
    "groups": ({"num_hidden_layers": 5, "num_hidden_groups": 2}, (), "5 layers in 2 groups"),
    "order": (
        {},
        ("masked_lm", "sentence_order"),
        "the head sentence_order.*--without sentence_order",
    ),
    "answers": ({}, ("question_answering",), "the head question_answering"),
    "two tasks": (
        {},
        ("masked_lm", "sequence_classification"),
        "together with masked_lm.*--without sequence_classification",
    ),
    "no pooler": ({}, ("token_classification",), "without a pooler"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_preset_cannot_hold_is_refused(name: str, tmp_path: Path) -> None:
    changes, heads, message = REFUSED[name]
    weights = random_weights(replace(CONFIG, **changes), heads)
    if name == "no pooler":
        weights = replace(weights, heads=())
    with pytest.raises(InputError, match=rf"{message}.*\[unsupported-by-format\]"):
        KERAS_HUB.write(Checkpoint(weights), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_halves_and_wordpieces_are_refused(tmp_path: Path) -> None:
    stored = Checkpoint(random_weights(CONFIG), contents([PIECES.with_name("tiny_vocab.txt")]))
    with pytest.raises(InputError, match=r"vocabulary tiny_vocab\.txt.*--without tokenizer"):
        KERAS_HUB.write(stored, tmp_path / "m")
    with pytest.raises(InputError, match=r"float16 weights.*\[unsupported-by-format\]"):
        KERAS_HUB.write(replace(stored, tokenizer_files={}), tmp_path / "m", dtype="float16")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def grouped(tmp_path: Path) -> tuple[Path, Weights]:
    """A preset of four layers of the same class, and what it holds."""
    directory = preset(BACKBONE, tmp_path)
    held = read_checkpoint(preset(BACKBONE, tmp_path / "untouched")).weights
    return directory, held


def in_file(directory: Path, change: Callable[[Any], object]) -> None:
    with h5py.File(directory / "model.weights.h5", "a") as file:
        change(file)


def test_layers_are_found_by_their_names_wherever_they_are(grouped: tuple[Path, Weights]) -> None:
    directory, held = grouped

    def shuffle(file: Any) -> None:
        layers = file["layers"]
        for old, new in [("", "x"), ("_2", ""), ("x", "_2")]:
            layers.move(f"transformer_encoder{old}", f"transformer_encoder{new}")
        layers.move("dense", "dense_7")  # behind the pooler

    in_file(directory, shuffle)
    assert_same_weights(read_checkpoint(directory).weights, held)


def test_layers_without_names_are_found_by_their_order(grouped: tuple[Path, Weights]) -> None:
    directory, held = grouped

    def age(file: Any) -> None:
        file.visititems(lambda _, item: [item.attrs.__delitem__(name) for name in item.attrs])
        layers = file.move("layers", "_layer_checkpoint_dependencies")
        layers = file["_layer_checkpoint_dependencies"]
        for old, new in [
            ("dense_1", "dense_3"),
            ("transformer_encoder_3", "transformer_encoder_11"),
        ]:
            layers.move(old, new)  # as a file of 2023 counts them

    in_file(directory, age)
    assert_same_weights(read_checkpoint(directory).weights, held)


def test_a_preset_of_keras_nlp_is_read(tmp_path: Path) -> None:
    directory = preset(CLASSIFIER, tmp_path)
    for file in ("config.json", "task.json"):
        aged = (directory / file).read_text().replace("keras_hub", "keras_nlp")
        (directory / file).write_text(aged.replace("AlbertTextClassifier", "AlbertClassifier"))
    weights = read_checkpoint(directory).weights
    assert (weights.heads, weights.config.num_labels) == (("sequence_classification",), 3)


@pytest.mark.parametrize("activation", ["softmax", {"class_name": "function", "config": "softmax"}])
def test_an_activation_behind_the_logits_is_noted(activation: Any, tmp_path: Path) -> None:
    directory = preset(CLASSIFIER, tmp_path)
    rewritten(directory, "task.json", lambda task: task["config"].update(activation=activation))
    notes = [note.line() for note in read_checkpoint(directory).notes]
    assert any("ends in softmax" in n and "[head-activation-ignored]" in n for n in notes)


def test_a_task_without_its_weights_leaves_the_encoder(tmp_path: Path) -> None:
    directory = preset(MASKED, tmp_path)
    (directory / "task.weights.h5").unlink()
    stored = read_checkpoint(directory)
    assert stored.weights.heads == ()
    assert stored.weights.config.prediction_layer_norm_eps is None
    assert "checkpoint-head-missing" in [note.code for note in stored.notes]


def test_a_task_of_another_kind_leaves_the_encoder(tmp_path: Path) -> None:
    directory = preset(MASKED, tmp_path)
    rewritten(directory, "task.json", lambda task: task.update(class_name="AlbertRanker"))
    stored = read_checkpoint(directory)
    assert stored.weights.heads == ()
    assert any("AlbertRanker" in n.what and n.code == "task-unknown" for n in stored.notes)


def test_unused_arrays_are_listed(tmp_path: Path) -> None:
    directory = preset(MASKED, tmp_path)
    in_file(directory, lambda file: file.update({"layers/lora/vars/0": np.ones(2, np.float32)}))
    (note,) = (n for n in read_checkpoint(directory).notes if n.code == "checkpoint-extra-tensors")
    assert "model.weights.h5/layers/lora/vars/0" in note.line()


def test_overrides_win_over_the_files(tmp_path: Path) -> None:
    stored = KERAS_HUB.read(preset(MASKED, tmp_path), ConfigOverrides(num_hidden_layers=6))
    assert stored.weights.config.num_hidden_layers == 6
    assert "metadata-overridden" in [note.code for note in stored.notes]


BROKEN: dict[str, tuple[str, Callable[[dict[str, Any]], object], str]] = {
    "another model": ("config.json", lambda c: c.update(class_name="BertBackbone"), "not-albert"),
    "no settings": ("config.json", lambda c: c.pop("config"), "config-value-invalid"),
    "a size missing": ("config.json", lambda c: c["config"].pop("num_layers"), "value-invalid"),
    "another size": (
        "config.json",
        lambda c: c["config"].update(intermediate_dim=99),
        "checkpoint-shape-mismatch",
    ),
    "a layer too many": (
        "config.json",
        lambda c: c["config"].update(num_inner_repetitions=2),
        "checkpoint-without-encoder",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_preset_that_contradicts_itself_is_refused(name: str, tmp_path: Path) -> None:
    file, change, code = BROKEN[name]
    directory = preset(MASKED, tmp_path)
    rewritten(directory, file, change)
    with pytest.raises(FormatError, match=rf"{code}\]"):
        read_checkpoint(directory)


def test_a_missing_array_is_named_in_both_namings(tmp_path: Path) -> None:
    directory = preset(MASKED, tmp_path)
    in_file(directory, lambda file: file.__delitem__("layers/dense_1/vars/1"))
    wanted = r"model.weights.h5/layers/dense_1/vars/1 \(pooler.bias\).*without-encoder"
    with pytest.raises(FormatError, match=wanted):
        read_checkpoint(directory)
