"""TF Hub's encoders: each fixture computes what TensorFlow computed from it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.modules import HERE, Reference, fixture, reference
from tests.support.tensorflow_parity import (
    assert_engines_compute,
    assert_torch_computes,
    torch_inputs,
)

import albertkit
from albertkit.arrays import FloatArray
from albertkit.checkpoints import format_of
from albertkit.checkpoints.format import ConfigOverrides
from albertkit.checkpoints.model_garden.names import list_encoder_rows, list_rows
from albertkit.checkpoints.names import Row, to_canonical
from albertkit.checkpoints.tfhub.format import TFHUB
from albertkit.errors import AlbertKitError, FormatError
from albertkit.fileformats.protobuf import encode_record
from albertkit.model.pretrained import PretrainedAlbert
from albertkit.tokenization import AlbertTokenizer

ENCODERS = (
    "tfhub_tiny_v1",
    "tfhub_tiny_v3",
    "tfhub_tiny_v3_nomlm",
    "tfhub_tiny_v3_eh",
    "tfhub_tiny_v3_tf212",
    "bert_tiny_v1",
    "bert_tiny_v3",
)
IN_CLONE = ("tfhub_tiny_v3_nomlm", "bert_tiny_v3")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The modules that are in the clone, unpacked."""
    folder = tmp_path_factory.mktemp("modules")
    return {name: fixture(name, HERE, folder) for name in IN_CLONE}


@pytest.fixture(params=ENCODERS)
def module(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Reference]:
    """Each encoder and what TensorFlow computed with it."""
    in_clone = request.param in IN_CLONE
    home = HERE if in_clone else request.getfixturevalue("shared") / "fixtures"
    return fixture(request.param, home, tmp_path), reference(request.param, home)


def test_every_encoder_computes_what_tensorflow_does(module: tuple[Path, Reference]) -> None:
    directory, wanted = module
    checkpoint_format, evidence = format_of(directory)
    assert (checkpoint_format.name, evidence) == ("tfhub", "saved_model.pb")
    weights = checkpoint_format.read(directory).weights
    assert weights.heads == (("masked_lm",) if "mlm_logits" in wanted else ())
    assert_torch_computes(weights, wanted)
    assert_engines_compute(weights, wanted)


def test_gradients_are_tensorflows(shared: Path) -> None:
    """Each within 1e-6, all together within 2e-6 of their size: float32's own distance.

    TensorFlow's are 1.5e-6 from the gradients of the same model in float64. The loss is a sum over
    encoder and head, and so are they.
    """
    weights = TFHUB.read(shared / "fixtures" / "tfhub_tiny_v3").weights
    with np.load(shared / "fixtures" / "tfhub_tiny_grads_s16.npz") as file:
        wanted = dict(file)
    inputs = torch_inputs(wanted)
    given = {n: torch.from_numpy(wanted[n]) for n in wanted if n.startswith("w_")}

    encoder = albertkit.AlbertModel.from_weights(weights)
    outputs = encoder(**inputs)
    loss = (outputs.pooler_output * given["w_pooled_output"]).sum()
    loss = loss + (outputs.last_hidden_state * given["w_sequence_output"]).sum()
    of_encoder = gradients_of(encoder, loss)
    words = albertkit.AlbertForMaskedLM.from_weights(weights)
    positions = torch.from_numpy(wanted["masked_lm_positions"]).long()
    logits = words(**inputs, masked_lm_positions=positions).logits
    of_words = gradients_of(words, (logits * given["w_mlm_logits"]).sum())

    table = list_rows(weights.config, weights.heads)
    assert len(table) == 30
    both = {name: of_encoder[name] + of_words.get(name, np.float32(0)) for name in of_encoder}
    both |= {name: of_words[name] for name in of_words if name not in of_encoder}
    assert_gradients(of_encoder, "encoder_grad", list_encoder_rows(weights.config), wanted)
    assert_gradients(both, "grad", table, wanted)


def gradients_of(model: PretrainedAlbert, loss: torch.Tensor) -> dict[str, FloatArray]:
    """Canonical name → gradient."""
    loss.backward()
    named = model.canonical_parameters().items()
    return {name: array.grad.numpy() for name, array in named if array.grad is not None}


def assert_gradients(
    actual: Mapping[str, FloatArray], kind: str, table: Iterable[Row], wanted: Reference
) -> None:
    off = size = 0.0
    for row in table:
        expected = to_canonical(wanted[f"{kind}:{row.foreign}:0"].astype(np.float32), row.layout)
        np.testing.assert_allclose(actual[row.canonical], expected, rtol=0, atol=1e-6)
        off += float(np.square(actual[row.canonical] - expected).sum())
        size += float(np.square(expected).sum())
    assert off < 2e-6**2 * size


def test_values_that_shapes_do_not_show_come_from_the_metadata(places: dict[str, Path]) -> None:
    note = TFHUB.read(places["tfhub_tiny_v3_nomlm"]).notes[0]
    assert note.code == "metadata-inferred"
    assert "num_hidden_layers 2, hidden_act gelu_new" in note.what
    assert "from keras_metadata.pb" in note.what


def test_without_metadata_the_graph_gives_the_same(
    module: tuple[Path, Reference], tmp_path: Path
) -> None:
    directory = shutil.copytree(module[0], tmp_path / "bare")
    from_graph = TFHUB.read(directory).weights.config
    (directory / "keras_metadata.pb").unlink()
    stored = TFHUB.read(directory)
    for field in ("num_hidden_layers", "num_hidden_groups", "hidden_act", "num_attention_heads"):
        assert getattr(stored.weights.config, field) == getattr(from_graph, field)
    assert "in its graph" in stored.notes[0].what


def test_metadata_that_contradicts_the_signature_is_refused(
    places: dict[str, Path], tmp_path: Path
) -> None:
    directory = shutil.copytree(places["tfhub_tiny_v3_nomlm"], tmp_path / "liar")
    metadata = directory / "keras_metadata.pb"
    content = metadata.read_bytes().replace(b'"num_layers": 2', b'"num_layers": 7')
    metadata.write_bytes(content)
    with pytest.raises(FormatError, match=r"signature says 2 layers, keras_metadata.pb 7"):
        TFHUB.read(directory)


def test_overrides_are_used_and_noted(places: dict[str, Path]) -> None:
    stored = TFHUB.read(places["tfhub_tiny_v3_nomlm"], ConfigOverrides(num_hidden_layers=5))
    assert stored.weights.config.num_hidden_layers == 5
    assert [note.code for note in stored.notes[:2]] == ["metadata-inferred", "metadata-overridden"]


def test_the_vocabulary_among_the_assets_comes_along(places: dict[str, Path]) -> None:
    vocabularies = {"tfhub_tiny_v3_nomlm": "tiny_sp1000.model", "bert_tiny_v3": "tiny_vocab.txt"}
    for name, file in vocabularies.items():
        files = TFHUB.read(places[name]).tokenizer_files
        assert files[file] == (places[name] / "assets" / file).read_bytes()
        assert files.keys() - {file} <= {"tokenizer_config.json"}


def test_by_whose_rules_texts_are_read_is_said(places: dict[str, Path], tmp_path: Path) -> None:
    directory = shutil.copytree(places["tfhub_tiny_v3_nomlm"], tmp_path / "m")
    note = TFHUB.read(directory).notes[-1]
    assert (note.code, note.severity) == ("text-policy-assumed", "note")
    assert "(policy reference)" in note.line()
    assert "open the preprocessor's directory as the tokenizer" in note.line()
    words = TFHUB.read(places["bert_tiny_v3"])
    tokenizer = AlbertTokenizer.from_files(words.tokenizer_files)
    assert tokenizer.policy.name == "wordpiece"
    assert "(policy wordpiece)" in words.notes[-1].line()
    ours = directory / "preprocessor"  # as a module that we wrote has it
    ours.mkdir()
    (ours / "saved_model.pb").write_bytes((directory / "saved_model.pb").read_bytes())
    assert f"open {ours} as the tokenizer" in TFHUB.read(directory).notes[-1].line()


def test_a_missing_vocabulary_is_noted(places: dict[str, Path], tmp_path: Path) -> None:
    directory = shutil.copytree(places["bert_tiny_v3"], tmp_path / "m")
    shutil.rmtree(directory / "assets")
    stored = TFHUB.read(directory)
    assert stored.tokenizer_files == {}
    assert [note.code for note in stored.notes] == ["metadata-inferred", "no-vocabulary"]


def test_a_preprocessor_is_called_one(tmp_path: Path) -> None:
    directory = fixture("bert_preprocess_tiny", HERE, tmp_path)
    with pytest.raises(FormatError, match=r"this is a preprocessor.*file-wrong-format"):
        TFHUB.read(directory)


def test_a_hub_module_of_tensorflow_1_is_left_to_its_own_format(
    places: dict[str, Path], tmp_path: Path
) -> None:
    directory = shutil.copytree(places["tfhub_tiny_v3_nomlm"], tmp_path / "older")
    (directory / "tfhub_module.pb").write_bytes(b"\x08\x03")
    assert TFHUB.recognises(directory) is None


def test_a_saved_model_of_something_else_is_named(places: dict[str, Path], tmp_path: Path) -> None:
    directory = shutil.copytree(places["tfhub_tiny_v3_nomlm"], tmp_path / "other")
    model = directory / "saved_model.pb"
    renamed = model.read_bytes().replace(
        b"word_embeddings/embeddings", b"conv_embeddings/embeddings"
    )
    model.write_bytes(renamed)
    with pytest.raises(
        FormatError, match=r"not an ALBERT: its 25 variables are conv_embed.*wrong-format"
    ):
        TFHUB.read(directory)
    model.write_bytes(encode_record(2, encode_record(2, b"")))
    with pytest.raises(FormatError, match=r"no object graph.*file-wrong-format"):
        TFHUB.read(directory)


@settings(max_examples=100)
@given(st.data())
def test_a_damaged_module_is_read_or_refused(
    places: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any change gives our error, or a model with the shapes of its variables."""
    directory = places["tfhub_tiny_v3_nomlm"]
    name = data.draw(st.sampled_from(["saved_model.pb", "keras_metadata.pb", "variables.index"]))
    damaged = tmp_path_factory.mktemp("damaged")
    for file in (path for path in directory.rglob("*") if path.is_file()):
        there = damaged / file.relative_to(directory)
        there.parent.mkdir(exist_ok=True)
        there.hardlink_to(file)
    (file,) = damaged.rglob(name)
    broken = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    file.unlink()
    file.write_bytes(broken[: data.draw(st.integers(len(broken) // 2, len(broken)))])
    try:
        weights = TFHUB.read(damaged).weights
    except AlbertKitError:
        return
    assert weights.arrays["pooler.bias"].shape == (32,)
