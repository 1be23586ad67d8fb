"""google's checkpoints: each fixture computes what google's code computed from it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.axes import CONFIG, CONFIG_AXES, random_weights
from tests.support.head_logits import head_logits
from tests.support.modules import HERE, fixture, reference
from tests.support.tensorflow_parity import (
    ATOL,
    assert_engines_compute,
    assert_torch_computes,
    close,
    encodings_of,
)
from tests.support.tiny_models import PIECES, contents

from albertkit.arrays import FloatArray
from albertkit.checkpoints import format_of
from albertkit.checkpoints.format import Checkpoint, ConfigOverrides, RenamedTensors
from albertkit.checkpoints.names import PROJECTION, ForeignArrays
from albertkit.checkpoints.tf1.format import TF1
from albertkit.checkpoints.tf1.hub_module import TF1_HUB
from albertkit.checkpoints.tf1.names import HEAD_ROWS, list_rows
from albertkit.errors import AlbertKitError, FormatError, InputError
from albertkit.fileformats.tensorflow.sstable import encode_sstable, read_sstable
from albertkit.fileformats.tensorflow.tensor_bundle import read_bundle, write_bundle
from albertkit.spec import AlbertConfig, Weights, parameter_table

SQUAD = HERE / "tf1_tiny_squad1"
PREFIX = "model.ckpt-best"
NARROW = replace(CONFIG, embedding_size=32)  # E == H


# What google's code computed


@pytest.mark.parametrize("name", ["tf1_tiny", "tf1_tiny_g2i2"])
def test_pretrained_checkpoints_compute_what_google_does(name: str, shared: Path) -> None:
    weights = TF1.read(shared / "fixtures" / name).weights
    wanted = reference(name, shared / "fixtures")
    wanted["mlm_logits"] = wanted["mlm_logits"].reshape(4, 5, 1000)  # they are flattened there
    assert weights.heads == ("masked_lm", "sentence_order")
    assert_torch_computes(weights, wanted)
    if name == "tf1_tiny":  # for the other, OpenVINO compiles ten layers
        assert_engines_compute(weights, wanted)
    close(head_logits(weights, encodings_of(wanted), "sentence_order"), wanted["sop_logits"], ATOL)


def test_a_hub_module_computes_what_its_checkpoint_does(shared: Path, tmp_path: Path) -> None:
    path = fixture("tf1hub_tiny", shared / "fixtures", tmp_path)
    checkpoint_format, evidence = format_of(path)
    assert (checkpoint_format.name, evidence) == ("tf1-hub", "tfhub_module.pb")
    stored = checkpoint_format.read(path)
    wanted = reference("tf1_tiny", shared / "fixtures")
    wanted["mlm_logits"] = wanted["mlm_logits"].reshape(4, 5, 1000)
    assert_torch_computes(stored.weights, wanted)
    assert [note.code for note in stored.notes] == ["tf1-hub-module"]
    assert stored.tokenizer_files == contents([path / "assets" / "30k-clean.model"])


def test_a_classifier_computes_what_google_does(shared: Path) -> None:
    weights = TF1.read(shared / "fixtures" / "tf1_tiny_classifier").weights
    wanted = reference("tf1_tiny_classifier", shared / "fixtures")
    assert weights.heads == ("sequence_classification",)
    assert weights.config.num_labels == 3
    close(
        head_logits(weights, encodings_of(wanted), "sequence_classification"),
        wanted["logits"],
        ATOL,
    )


def test_choices_compute_what_google_does(shared: Path) -> None:
    stored = TF1.read(shared / "fixtures" / "tf1_tiny_race")
    wanted = reference("tf1_tiny_race", shared / "fixtures")
    assert stored.weights.heads == ("multiple_choice",)
    logits = head_logits(stored.weights, encodings_of(wanted), "multiple_choice")
    close(logits.reshape(2, 2), wanted["logits"], ATOL)
    assert [note.code for note in stored.notes] == ["head-guessed"]


def test_answers_compute_what_google_does() -> None:
    weights = TF1.read(SQUAD).weights
    wanted = reference("tf1_tiny_squad1", HERE)
    mask = wanted["input_mask"] == 1
    assert weights.heads == ("question_answering",)
    both = head_logits(weights, encodings_of(wanted), "question_answering")  # [T, 2]
    close(both[:, 0], wanted["start_logits"][mask], ATOL)
    close(both[:, 1], wanted["end_logits"][mask], ATOL)


# What is there, and under which name


def test_a_checkpoint_is_recognised_by_directory_prefix_and_index() -> None:
    for path in (SQUAD, SQUAD / PREFIX, SQUAD / f"{PREFIX}.index"):
        checkpoint_format, evidence = format_of(path)
        assert (checkpoint_format.name, evidence) == (
            "tf1",
            f"{PREFIX}.index without a graph of objects",
        )
        assert len(checkpoint_format.read(path).weights.arrays) == 27


@pytest.mark.parametrize("config", CONFIG_AXES)
@pytest.mark.parametrize("head", HEAD_ROWS)
def test_rows_cover_the_parameter_table(config: AlbertConfig, head: str) -> None:
    table = {row.name for row in parameter_table(config, [head], pooler=True).stored}
    if config.embedding_size == config.hidden_size:
        table -= {f"{PROJECTION}.weight", f"{PROJECTION}.bias"}
    own = list_rows(config, [head])
    assert {row.canonical for row in own} == table
    assert len({row.foreign for row in own}) == len(own)


def test_variables_of_the_optimizer_are_left_out_with_a_note(shared: Path) -> None:
    stored = TF1.read(shared / "fixtures" / "tf1_tiny")
    (note,) = stored.notes
    assert note.what == "65 variables of an optimizer are left out"
    assert len(stored.weights.arrays) == 32


def rename_variables(
    folder: Path, change: Callable[[str], str], more: Mapping[str, FloatArray] | None = None
) -> Path:
    """The fixture's variables under other names, with some more."""
    bundle = read_bundle(SQUAD / PREFIX)
    names = {change(name): name for name in bundle}
    arrays = dict(RenamedTensors(bundle, names)) | dict(more or {})
    write_bundle(folder / PREFIX, {name: arrays[name] for name in arrays if name})
    shutil.copyfile(SQUAD / "albert_config.json", folder / "albert_config.json")
    return folder


def assert_same_weights(actual: Weights, wanted: Weights) -> None:
    assert actual.heads == wanted.heads
    assert set(actual.arrays) == set(wanted.arrays)
    for name, array in wanted.arrays.items():
        np.testing.assert_array_equal(actual.arrays[name], array, err_msg=name)


def test_a_prefix_of_all_names_is_seen_through(tmp_path: Path) -> None:
    path = rename_variables(tmp_path, lambda name: f"module/{name}")
    stored = TF1.read(path)
    assert_same_weights(stored.weights, TF1.read(SQUAD).weights)
    assert [note.what for note in stored.notes] == ["the variables are called module/…"]


def test_a_prefix_of_the_encoder_alone_is_seen_through(tmp_path: Path) -> None:
    path = rename_variables(
        tmp_path, lambda name: f"module/{name}" if name.startswith("bert") else name
    )
    assert_same_weights(TF1.read(path).weights, TF1.read(SQUAD).weights)


def test_norms_under_another_librarys_names_are_seen_through(tmp_path: Path) -> None:
    path = rename_variables(tmp_path, lambda name: name.replace("LayerNorm", "layer_normalization"))
    assert_same_weights(TF1.read(path).weights, TF1.read(SQUAD).weights)


def test_norms_numbered_through_the_graph_keep_the_order_of_their_scope(tmp_path: Path) -> None:
    def number_norms(name: str) -> str:
        name = name.replace("LayerNorm_1/", "layer_normalization_10/")
        name = name.replace("inner_group_0/LayerNorm/", "inner_group_0/layer_normalization_9/")
        return name.replace("embeddings/LayerNorm/", "embeddings/layer_normalization_7/")

    path = rename_variables(tmp_path, number_norms)
    assert_same_weights(TF1.read(path).weights, TF1.read(SQUAD).weights)


def test_two_variables_of_one_name_are_refused(tmp_path: Path) -> None:
    more = {"bert/embeddings/layer_norm/beta": np.ones(16, np.float32)}
    with pytest.raises(FormatError, match=r"are both bert/embeddings/LayerNorm/beta.*malformed\]"):
        TF1.read(rename_variables(tmp_path, str, more))


def test_a_missing_variable_is_named_in_both_namings(tmp_path: Path) -> None:
    path = rename_variables(tmp_path, lambda name: "" if name == "bert/pooler/dense/bias" else name)
    with pytest.raises(FormatError, match=r"bert/pooler/dense/bias \(pooler.bias\).*without-enc"):
        TF1.read(path)


def test_a_model_without_a_pooler_is_one(tmp_path: Path) -> None:
    path = rename_variables(tmp_path, lambda name: "" if "pooler" in name else name)
    assert not TF1.read(path).weights.has_pooler


def test_variables_that_nothing_reads_are_listed(tmp_path: Path) -> None:
    more = {"extra/kernel": np.ones(2, np.float32), "more/bias": np.ones(2, np.float32)}
    (note,) = TF1.read(rename_variables(tmp_path, str, more)).notes
    assert note.what == "2 tensors left out: extra/kernel, more/bias"


def test_an_incomplete_head_gets_a_note(tmp_path: Path) -> None:
    path = rename_variables(tmp_path, lambda name: "" if name == "cls/squad/output_bias" else name)
    stored = TF1.read(path)
    assert stored.weights.heads == ()
    assert stored.notes[0].what == "the head question_answering lacks cls/squad/output_bias"


def test_whole_numbers_are_no_weights(tmp_path: Path) -> None:
    path = rename_variables(tmp_path, str)
    index = path / f"{PREFIX}.index"
    records = dict(read_sstable(memoryview(index.read_bytes()), "index"))
    bias = records[b"bert/pooler/dense/bias"]
    assert bias.startswith(b"\x08\x01")  # of type 1, float32
    records[b"bert/pooler/dense/bias"] = b"\x08\x03" + bias[2:]
    index.write_bytes(encode_sstable(records.items()))
    with pytest.raises(FormatError, match=r"dense/bias is of type int32.*\[file-wrong-format\]"):
        TF1.read(path)


def test_bert_is_called_so(tmp_path: Path) -> None:
    path = rename_variables(tmp_path, lambda name: name.replace("transformer/group_0", "layer_0"))
    with pytest.raises(FormatError, match=r"this is google's BERT.*\[checkpoint-without-encoder\]"):
        TF1.read(path)


def test_another_model_is_no_albert(tmp_path: Path) -> None:
    write_bundle(tmp_path / "x", {"conv/kernel": np.ones(3, np.float32)})
    with pytest.raises(FormatError, match=r"the file holds conv/kernel\."):
        TF1.read(tmp_path)


# The configuration


def with_config(folder: Path, **changes: object) -> Path:
    path = rename_variables(folder, str)
    content = json.loads((path / "albert_config.json").read_text())
    (path / "albert_config.json").write_text(json.dumps({**content, **changes}))
    return path


def test_a_configuration_may_lie_above(tmp_path: Path) -> None:
    (tmp_path / "step").mkdir()
    path = rename_variables(tmp_path / "step", str)
    (path / "albert_config.json").rename(tmp_path / "albert_config.json")
    assert_same_weights(TF1.read(path).weights, TF1.read(SQUAD).weights)


def test_a_vocabulary_above_counts_only_with_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "step").mkdir()
    path = rename_variables(tmp_path / "step", str)
    (tmp_path / "spiece.model").write_bytes(PIECES.read_bytes())
    assert TF1.read(path).tokenizer_files == {}  # it may be any neighbour's
    (path / "albert_config.json").rename(tmp_path / "albert_config.json")
    assert TF1.read(path).tokenizer_files == contents([tmp_path / "spiece.model"])


def test_groups_that_google_trained_in_another_order_are_refused(tmp_path: Path) -> None:
    config = replace(CONFIG, num_hidden_layers=22, num_hidden_groups=22)
    table = list_rows(config)
    write_bundle(tmp_path / PREFIX, ForeignArrays(random_weights(config), table))
    (tmp_path / "albert_config.json").write_text(json.dumps(config.to_google()))
    with pytest.raises(
        FormatError, match=r"layer 15 gets the group 14.*\[group-assignment-differs\]"
    ):
        TF1.read(tmp_path)


def test_without_a_configuration_shapes_give_the_rest(tmp_path: Path) -> None:
    path = rename_variables(tmp_path, str)
    (path / "albert_config.json").unlink()
    overrides = ConfigOverrides(num_hidden_layers=3, num_attention_heads=4, hidden_act="gelu_new")
    stored = TF1.read(path, overrides)
    from_config = TF1.read(SQUAD).weights
    assert_same_weights(stored.weights, from_config)
    assert stored.weights.config == replace(from_config.config, extra={})
    assert [note.code for note in stored.notes] == ["metadata-from-shapes"]


def test_without_a_configuration_missing_values_name_their_flags(tmp_path: Path) -> None:
    path = rename_variables(tmp_path, str)
    (path / "albert_config.json").unlink()
    with pytest.raises(FormatError, match=r"Give --num-attention-heads and --hidden-act"):
        TF1.read(path, ConfigOverrides(num_hidden_layers=3))


def test_a_configuration_of_another_model_is_refused(tmp_path: Path) -> None:
    path = with_config(tmp_path, num_hidden_groups=2)
    with pytest.raises(FormatError, match=r"num_hidden_groups is 2; by the names.* it is 1"):
        TF1.read(path)
    path = with_config(tmp_path, intermediate_size=48)
    with pytest.raises(FormatError, match=r"intermediate/dense/kernel .*\[32, 64\].*\[32, 48\]"):
        TF1.read(path)


def test_a_configuration_may_say_which_head_it_is(shared: Path, tmp_path: Path) -> None:
    path = shutil.copytree(shared / "fixtures" / "tf1_tiny_race", tmp_path / "sts")
    path.chmod(0o700)
    config = path / "albert_config.json"
    content = json.loads(config.read_text())
    config.unlink()
    config.write_text(json.dumps({**content, "architectures": ["AlbertForSequenceClassification"]}))
    stored = TF1.read(path)
    assert stored.weights.heads == ("sequence_classification",)
    assert stored.weights.config.num_labels == 1
    assert stored.notes == ()


# Writing


def holdable(config: AlbertConfig) -> bool:
    return (
        config.activation not in {"gelu_erf", "quick_gelu", "silu"}
        and config.layer_norm_eps == config.prediction_eps == 1e-12
        and config.embedding_size != config.hidden_size
    )


@pytest.mark.parametrize(
    "config", [axis for axis in CONFIG_AXES if holdable(cast("AlbertConfig", axis.values[0]))]
)
def test_what_is_written_is_read_bit_by_bit(config: AlbertConfig, tmp_path: Path) -> None:
    weights = random_weights(config, ["masked_lm", "sentence_order"], pooler=True)
    TF1.write(Checkpoint(weights), tmp_path / "x")
    checkpoint_format, _ = format_of(tmp_path / "x")
    back = checkpoint_format.read(tmp_path / "x")
    assert back.notes == ()
    assert_same_weights(back.weights, weights)
    assert back.weights.config.to_google() == config.to_google()


@pytest.mark.parametrize(
    "head", [name for name in HEAD_ROWS if name not in {"masked_lm", "sentence_order"}]
)
def test_every_head_is_written_and_read(head: str, tmp_path: Path) -> None:
    labels = {0: "sad", 1: "so-so", 2: "glad"}
    config = replace(CONFIG, id2label=labels) if head == "sequence_classification" else CONFIG
    weights = random_weights(config, [head], pooler=True)
    TF1.write(Checkpoint(weights), tmp_path)
    back = TF1.read(tmp_path)
    assert back.notes == ()
    assert_same_weights(back.weights, weights)
    assert dict(back.weights.config.id2label) == dict(config.id2label)


def test_what_google_wrote_is_written_again_byte_by_byte(tmp_path: Path) -> None:
    TF1.write(TF1.read(SQUAD), tmp_path)
    for ending in ("index", "data-00000-of-00001"):
        name = f"{PREFIX}.{ending}"
        assert (tmp_path / name).read_bytes() == (SQUAD / name).read_bytes()
    content = json.loads((SQUAD / "albert_config.json").read_text())
    written = json.loads((tmp_path / "albert_config.json").read_text())
    assert {key: written[key] for key in content} == content


def test_an_identity_is_no_projection(tmp_path: Path) -> None:
    weights = random_weights(NARROW)
    identity: dict[str, FloatArray] = {f"{PROJECTION}.weight": np.eye(32, dtype=np.float32)}
    identity[f"{PROJECTION}.bias"] = np.zeros(32, np.float32)
    plain = replace(weights, arrays={**weights.arrays, **identity})
    TF1.write(Checkpoint(plain), tmp_path)
    assert not any("mapping_in" in name for name in read_bundle(tmp_path / PREFIX))
    assert_same_weights(TF1.read(tmp_path).weights, plain)


REFUSED: dict[str, tuple[Weights, str]] = {
    "a real projection": (random_weights(NARROW), "the projection from 32 to 32"),
    "gelu's other form": (
        random_weights(replace(CONFIG, hidden_act="gelu")),
        "the activation gelu; its code knows gelu, relu, tanh, linear",
    ),
    "another epsilon": (
        random_weights(replace(CONFIG, layer_norm_eps=1e-6)),
        "norms with the epsilon 1e-06",
    ),
    "a head's own epsilon": (
        random_weights(replace(CONFIG, prediction_layer_norm_eps=1e-5), ["masked_lm"]),
        "its code takes 1e-12. Leave it out (--without masked_lm)",
    ),
    "a head of ours": (
        random_weights(CONFIG, ["token_classification"]),
        "Leave it out (--without token_classification)",
    ),
    "groups that floating point cuts otherwise": (
        random_weights(replace(CONFIG, num_hidden_layers=22, num_hidden_groups=22)),
        "22 groups in 22 layers; its code rounds: layer 15 gets the group 14, where 15 is right",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_google_has_no_place_for_is_refused_before_anything_is_written(
    name: str, tmp_path: Path
) -> None:
    weights, words = REFUSED[name]
    with pytest.raises(InputError) as caught:
        TF1.write(Checkpoint(weights), tmp_path / "x")
    assert words in str(caught.value)
    assert caught.value.diagnostic.code == "unsupported-by-format"
    assert not (tmp_path / "x").exists()


def test_half_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"float16 weights; its variables are float32"):
        TF1.write(Checkpoint(random_weights(CONFIG)), tmp_path / "x", dtype="float16")


def test_modules_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\[unsupported-by-format\]"):
        TF1_HUB.write(Checkpoint(random_weights(CONFIG)), tmp_path / "x")


def test_the_vocabulary_gets_googles_name_and_the_newest_prefix_is_noted(tmp_path: Path) -> None:
    weights = random_weights(replace(CONFIG, vocab_size=1000))
    TF1.write(Checkpoint(weights, contents([PIECES])), tmp_path)
    assert (tmp_path / "30k-clean.model").read_bytes() == PIECES.read_bytes()
    assert (tmp_path / "checkpoint").read_text() == f'model_checkpoint_path: "{PREFIX}"\n'
    assert TF1.read(tmp_path).tokenizer_files == contents([tmp_path / "30k-clean.model"])


# Damage


def test_a_changed_tensor_is_refused_when_it_is_read(tmp_path: Path) -> None:
    path = rename_variables(tmp_path, str)
    data = path / f"{PREFIX}.data-00000-of-00001"
    data.write_bytes(bytes(data.stat().st_size))
    weights = TF1.read(path).weights
    assert weights.has_pooler
    with pytest.raises(FormatError, match=r"of bert/pooler/dense/bias's data.*\[checksum-mism"):
        weights.arrays["pooler.bias"]


@settings(max_examples=100)
@given(st.data())
def test_changed_bytes_give_our_error_or_the_same_weights(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = shutil.copytree(SQUAD, tmp_path_factory.mktemp("fuzz") / "x")
    chosen = data.draw(st.sampled_from(sorted(path.iterdir())))
    content = bytearray(chosen.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    chosen.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        weights = TF1.read(path).weights
        for name in weights.arrays:
            assert weights.arrays[name].shape == weights.table()[name].shape
    except AlbertKitError:
        pass
