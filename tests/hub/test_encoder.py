"""An encoder answers as TF Hub's does, and its gradients are the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.support.axes import random_weights
from tests.support.tiny_models import PIECES, TINY, save_tiny

from albertkit import AlbertModel, hub
from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.checkpoints.model_garden.names import list_rows
from albertkit.checkpoints.names import to_foreign
from albertkit.errors import FormatError, InputError
from albertkit.hub.encoder import Encoder
from albertkit.hub.preprocessor import Preprocessor

IDS = [[2, 17, 9, 3, 0, 0], [2, 8, 3, 11, 12, 3]]
MASK = [[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]]
TYPES = [[0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1]]
INPUTS = {"input_word_ids": IDS, "input_mask": MASK, "input_type_ids": TYPES}
POSITIONS = [[1, 2, 0], [4, 0, 0]]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "words"
    return save_tiny(path, ["masked_lm"], pooler=True)


@pytest.fixture
def encoder(path: Path) -> Encoder:
    module = hub.load(path)
    assert isinstance(module, Encoder)
    return module


def load_fixture(shared: Path) -> Encoder:
    module = hub.load(shared / "fixtures" / "tfhub_tiny_v3")
    assert isinstance(module, Encoder)
    return module


def test_the_outputs_are_those_of_the_published_module(shared: Path) -> None:
    encoder = load_fixture(shared)
    wanted = np.load(shared / "fixtures" / "tfhub_tiny_v3_reference.npz")
    for prefix in ("", "b_"):
        outputs = encoder({name: wanted[prefix + name] for name in INPUTS})
        assert isinstance(outputs, dict)
        for name in ("pooled_output", "sequence_output"):
            np.testing.assert_allclose(outputs[name].detach(), wanted[prefix + name], atol=1e-5)
    assert outputs["default"] is outputs["pooled_output"]
    inputs = {name: wanted[name] for name in INPUTS}
    outputs = encoder({**inputs})
    for number, each in enumerate(outputs["encoder_outputs"]):
        np.testing.assert_allclose(each.detach(), wanted[f"encoder_output_{number}"], atol=1e-5)
    assert encoder.mlm is not None
    words: Any = encoder.mlm({**inputs, "masked_lm_positions": wanted["masked_lm_positions"]})
    np.testing.assert_allclose(words["mlm_logits"].detach(), wanted["mlm_logits"], atol=5e-5)
    assert set(words) == {"pooled_output", "sequence_output", "encoder_outputs", "mlm_logits"}


def test_the_gradients_are_those_of_the_published_module(shared: Path) -> None:
    encoder = load_fixture(shared)
    wanted = np.load(shared / "fixtures" / "tfhub_tiny_grads_s16.npz")
    given = {name: wanted[name] for name in (*INPUTS, "masked_lm_positions")}
    assert encoder.mlm is not None
    outputs: Any = encoder.mlm(given)
    loss = torch.zeros(())
    for name in ("pooled_output", "sequence_output", "mlm_logits"):
        loss = loss + (torch.from_numpy(wanted[f"w_{name}"]) * outputs[name]).sum()
    loss.backward()
    assert encoder.predictions is not None
    assert float(loss.detach()) == pytest.approx(float(wanted["loss"]), rel=1e-6)
    own = {
        **encoder.core.canonical_parameters(),
        **dict(encoder.predictions.named_parameters(prefix="predictions")),
    }
    common = 0
    for row in list_rows(encoder.config, ("masked_lm",)):
        theirs = wanted[f"grad:{row.foreign}:0"]
        gradient = own[row.canonical].grad
        assert gradient is not None
        heads = encoder.config.num_attention_heads
        ours = to_foreign(gradient.numpy(), row.layout, heads)
        # TensorFlow's float32 is itself 4.5e-7 from the same sums in float64
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6, err_msg=row.foreign)
        common += 1
    assert common == 30


def test_tensors_arrays_and_lists_are_the_same_to_it(encoder: Encoder) -> None:
    of_lists = encoder(INPUTS)["pooled_output"]
    arrays = {name: np.array(value, np.int32) for name, value in INPUTS.items()}
    tensors = {name: torch.tensor(value, dtype=torch.int32) for name, value in INPUTS.items()}
    assert torch.equal(encoder(arrays)["pooled_output"], of_lists)
    assert torch.equal(encoder(tensors)["pooled_output"], of_lists)


def test_a_list_of_inputs_gives_a_list_as_version_1_does(encoder: Encoder) -> None:
    pooled, sequence = encoder([IDS, MASK, TYPES])
    outputs = encoder(INPUTS)
    assert torch.equal(pooled, outputs["pooled_output"])
    assert torch.equal(sequence, outputs["sequence_output"])


@pytest.mark.parametrize("text", ["text", ["text"], ["a", "b", "c"]])
def test_a_text_is_refused_with_what_makes_its_inputs(encoder: Encoder, text: Any) -> None:
    with pytest.raises(InputError, match=r"are text;.*encoder\(preprocessor.*\[inputs-missing\]"):
        encoder(text)


def test_a_list_must_have_all_three(encoder: Encoder) -> None:
    with pytest.raises(InputError, match=r"2 inputs.*\[inputs-missing\]"):
        encoder([IDS, MASK])


def test_the_outputs_are_the_models_own(encoder: Encoder, path: Path) -> None:
    theirs = AlbertModel.from_pretrained(path)(
        input_ids=IDS, attention_mask=MASK, token_type_ids=TYPES, output_hidden_states=True
    )
    ours = encoder(INPUTS)
    assert torch.equal(ours["sequence_output"], theirs.last_hidden_state)
    assert torch.equal(ours["pooled_output"], theirs.pooler_output)
    assert len(ours["encoder_outputs"]) == TINY.num_hidden_layers
    assert all(map(torch.equal, ours["encoder_outputs"], theirs.hidden_states[1:]))


def test_there_is_an_output_for_each_repetition_not_for_each_inner_layer() -> None:
    config = replace(TINY, inner_group_num=2, num_hidden_groups=2, num_hidden_layers=5)
    encoder = Encoder(random_weights(config))
    outputs = encoder(INPUTS)
    assert len(outputs["encoder_outputs"]) == 5
    assert torch.equal(outputs["encoder_outputs"][-1], outputs["sequence_output"])


def test_it_has_the_published_variables_and_they_learn(encoder: Encoder) -> None:
    assert encoder.mlm is not None
    assert len(encoder.trainable_variables) == 25
    assert len(encoder.mlm.trainable_variables) == 30
    assert encoder.mlm.trainable_variables[25].shape == (1000,), "the bias of the words comes first"
    before = [variable.detach().clone() for variable in encoder.trainable_variables]
    optimiser = torch.optim.SGD(encoder.trainable_variables, lr=0.1)
    outputs = encoder(INPUTS, training=True)
    (outputs["pooled_output"].sum() + outputs["sequence_output"].square().sum()).backward()
    optimiser.step()
    moved = [
        not torch.equal(old, new)
        for old, new in zip(before, encoder.trainable_variables, strict=True)
    ]
    # a key's bias moves no softmax
    assert sum(moved) >= 24


def test_an_identity_in_place_of_the_projection_is_not_trained() -> None:
    config = replace(TINY, embedding_size=TINY.hidden_size)
    weights = random_weights(config)
    name = "encoder.embedding_hidden_mapping_in"
    identity = {
        f"{name}.weight": np.eye(config.hidden_size, dtype=np.float32),
        f"{name}.bias": np.zeros(config.hidden_size, np.float32),
    }
    without = replace(weights, arrays={**weights.arrays, **identity})
    assert len(Encoder(without).trainable_variables) == 23
    assert len(Encoder(weights).trainable_variables) == 25


def test_dropout_acts_where_training_is_said(tmp_path: Path) -> None:
    weights = random_weights(replace(TINY, hidden_dropout_prob=0.5))
    encoder = Encoder(weights)
    still = encoder(INPUTS)["pooled_output"]
    assert torch.equal(encoder(INPUTS, training=False)["pooled_output"], still)
    assert not torch.equal(encoder(INPUTS, training=True)["pooled_output"], still)
    assert torch.equal(encoder(INPUTS)["pooled_output"], still), "a call changes no mode"
    encoder.train()
    assert not torch.equal(encoder(INPUTS)["pooled_output"], still)


def test_text_goes_through_its_own_preprocessor(encoder: Encoder) -> None:
    assert encoder.preprocessor is not None
    inputs = encoder.preprocessor.bert_pack_inputs(
        [encoder.preprocessor.tokenize(["How old are you?"])], seq_length=16
    )
    assert encoder(inputs)["pooled_output"].shape == (1, 32)


def test_without_a_head_there_is_no_mlm_and_without_a_pooler_no_encoder(tmp_path: Path) -> None:
    HUGGINGFACE.write(Checkpoint(random_weights(TINY)), tmp_path / "bare")
    bare = hub.load(tmp_path / "bare")
    assert isinstance(bare, Encoder)
    assert bare.mlm is None
    assert bare.preprocessor is None
    save_tiny(tmp_path / "words", ["masked_lm"])
    with pytest.raises(InputError, match=r"pooled_output.*\[pooler-missing\]"):
        hub.load(tmp_path / "words")


def test_a_vocabulary_alone_is_a_preprocessor(tmp_path: Path) -> None:
    assert isinstance(hub.load(PIECES.parent), Preprocessor)
    (tmp_path / "letter.txt").write_text("Dear")
    with pytest.raises(FormatError, match=r"\[checkpoint-unrecognised\]"):
        hub.load(tmp_path)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"input_word_ids": [[2, 1000, 3]]}, r"\[id-out-of-range\]"),
        ({"input_word_ids": [[2, 5, 3]], "input_type_ids": [[0, 2, 0]]}, "type-id-out-of-range"),
        ({"input_word_ids": [["a"]]}, r"\[text-not-ids\]"),
        ({"input_word_ids": [[2, 3]], "labels": [[1]]}, r"\[unknown-argument\]"),
    ],
    ids=["id", "type", "text", "name"],
)
def test_what_no_module_can_read_is_one_line(
    encoder: Encoder, inputs: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        encoder(inputs)


def test_mlm_needs_positions(encoder: Encoder) -> None:
    assert encoder.mlm is not None
    outputs: Any = encoder.mlm({**INPUTS, "masked_lm_positions": POSITIONS})
    assert outputs["mlm_logits"].shape == (2, 3, 1000)
    with pytest.raises(InputError, match=r"masked_lm_positions.*\[inputs-missing\]"):
        encoder.mlm(INPUTS)
    with pytest.raises(InputError, match=r"\[position-out-of-range\]"):
        encoder.mlm({**INPUTS, "masked_lm_positions": [[6], [0]]})


@pytest.mark.parametrize(
    ("inputs", "name"),
    [
        ({"input_word_ids": [[2, 99_999, 3]]}, "input_word_ids"),
        ([[[2, 99_999, 3]], [[1, 1, 1]], [[0, 0, 0]]], "input_word_ids"),
        ({"token_ids": [[2, 99_999, 3]]}, "token_ids"),
        ({"input_word_ids": [[2, 5, 3]], "input_mask": [[0, 0, 0]]}, "input_mask"),
        ({"input_word_ids": [[2, 5, 3]], "segment_ids": [[0, 0, 7]]}, "segment_ids"),
    ],
)
def test_errors_use_the_callers_names_of_inputs(inputs: Any, name: str, tmp_path: Path) -> None:
    encoder = hub.load(save_tiny(tmp_path / "m", pooler=True))
    with pytest.raises(InputError, match=name) as caught:
        encoder(inputs)
    for foreign in ("input_ids", "attention_mask", "token_type_ids"):
        assert foreign not in str(caught.value)
