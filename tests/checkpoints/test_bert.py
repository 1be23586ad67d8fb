"""transformers is the oracle: its BERT with random weights gives the numbers our engines do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tests.support.axes import random_encodings

from albertkit import AlbertModel, AlbertTokenizer, FillMask, TextEmbedder
from albertkit.checkpoints import HUGGINGFACE, format_of, read_checkpoint
from albertkit.checkpoints.bert.format import BERT
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.packing import pack, plan
from albertkit.engine.protocol import OutputRequest
from albertkit.errors import FormatError, InputError

WORDS = Path(__file__).parents[1] / "fixtures" / "tiny_vocab.txt"
SMALL = {
    "vocab_size": 800,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
}
CLASSES: list[tuple[str, tuple[str, ...], bool]] = [
    ("BertModel", (), True),
    ("BertForPreTraining", ("masked_lm",), True),
    ("BertForMaskedLM", ("masked_lm",), False),
    ("BertForSequenceClassification", ("sequence_classification",), True),
    ("BertForTokenClassification", ("token_classification",), False),
    ("BertForQuestionAnswering", ("question_answering",), False),
    ("BertForMultipleChoice", ("multiple_choice",), True),
]
BY_NAME = [pytest.param(*row, id=row[0]) for row in CLASSES]


def save_theirs(name: str, path: Path, **changes: Any) -> Any:
    """A model of transformers with random weights: no bias is zero, no norm's scale is one."""
    torch.manual_seed(0)
    model = getattr(transformers, name)(transformers.BertConfig(**{**SMALL, **changes}))
    for parameter_name, parameter in model.named_parameters():
        around = 1.0 if parameter_name.endswith("LayerNorm.weight") else 0.0
        parameter.data.normal_(around, 0.2)
    model.save_pretrained(path)
    return model.eval()


def answers(model: Any, ids: np.ndarray, types: np.ndarray) -> Any:
    with torch.no_grad():
        return model(
            input_ids=torch.tensor(ids[None]).long(),
            token_type_ids=torch.tensor(types[None]).long(),
        )


@pytest.mark.parametrize(
    "changes",
    [{}, {"hidden_act": "relu"}, {"hidden_act": "gelu_new"}, {"layer_norm_eps": 1e-6}],
    ids=str,
)
@pytest.mark.parametrize("engine", [NumpyEngine, OpenVinoEngine])
def test_vectors_and_logits_equal_those_of_transformers(
    changes: dict[str, Any], engine: Any, tmp_path: Path
) -> None:
    model = save_theirs("BertForPreTraining", tmp_path / "m", **changes)
    weights = read_checkpoint(tmp_path / "m").weights
    asked = random_encodings(weights.config, [17])
    (layout,) = plan(asked.lengths)
    wanted = OutputRequest(tokens=True, pooled=True, mlm_tokens=np.arange(17))
    outputs = engine(weights).run(pack(asked, layout), wanted)
    oracle = answers(model, asked.ids, asked.type_ids)
    bare = answers(model.bert, asked.ids, asked.type_ids)
    np.testing.assert_allclose(outputs.tokens, bare.last_hidden_state[0], atol=1e-5)
    np.testing.assert_allclose(outputs.pooled, bare.pooler_output, atol=1e-5)
    np.testing.assert_allclose(outputs.mlm_logits, oracle.prediction_logits[0], atol=5e-5)


@pytest.mark.parametrize(("name", "heads", "pooler"), BY_NAME)
def test_heads_are_found_and_torch_gives_the_same_logits(
    name: str, heads: tuple[str, ...], pooler: bool, tmp_path: Path
) -> None:
    save_theirs(name, tmp_path / "m")
    stored = read_checkpoint(tmp_path / "m")
    assert (stored.weights.heads, stored.weights.has_pooler) == (heads, pooler)
    notes = [note.line() for note in stored.notes]
    if name == "BertForPreTraining":
        assert len(notes) == 1
        assert "cls.seq_relationship.weight is left out" in notes[0]
    else:
        assert notes == []


def test_a_bert_becomes_an_albert_of_transformers_with_the_same_vectors(tmp_path: Path) -> None:
    model = save_theirs(
        "BertForSequenceClassification", tmp_path / "m", id2label={0: "a", 1: "b", 2: "c"}
    )
    HUGGINGFACE.write(read_checkpoint(tmp_path / "m"), tmp_path / "a")
    albert = transformers.AlbertForSequenceClassification.from_pretrained(tmp_path / "a").eval()
    asked = random_encodings(read_checkpoint(tmp_path / "a").weights.config, [9])
    np.testing.assert_allclose(
        answers(albert, asked.ids, asked.type_ids).logits,
        answers(model, asked.ids, asked.type_ids).logits,
        atol=1e-5,
    )
    ours = AlbertModel.from_pretrained(tmp_path / "m")
    np.testing.assert_allclose(
        answers(ours, asked.ids, asked.type_ids).last_hidden_state,
        answers(model.bert, asked.ids, asked.type_ids).last_hidden_state,
        atol=1e-5,
    )


def test_files_of_2019_are_read(tmp_path: Path) -> None:
    """Norms by TensorFlow's names, a decoder of its own keys, no model_type, torch's older file."""
    save_theirs("BertForMaskedLM", tmp_path / "m")
    before = dict(read_checkpoint(tmp_path / "m").weights.arrays)
    tensors = dict(load_file(tmp_path / "m" / "model.safetensors"))
    (tmp_path / "m" / "model.safetensors").unlink()
    for name in [name for name in tensors if "LayerNorm" in name]:
        older = name.replace("weight", "gamma").replace("bias", "beta")
        tensors[older] = tensors.pop(name)
    tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"]
    tensors["bert.embeddings.position_ids"] = torch.arange(40)[None]
    torch.save(tensors, tmp_path / "m" / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    del config["model_type"]
    (tmp_path / "m" / "config.json").write_text(json.dumps(config))
    stored = read_checkpoint(tmp_path / "m")
    assert stored.notes == ()
    for name, array in before.items():
        np.testing.assert_array_equal(stored.weights.arrays[name], array)


def test_fields_that_a_config_leaves_out_are_berts(tmp_path: Path) -> None:
    save_theirs("BertModel", tmp_path / "m")
    (tmp_path / "m" / "config.json").write_text(json.dumps({"model_type": "bert", **SMALL}))
    config = read_checkpoint(tmp_path / "m").weights.config
    assert (config.activation, config.hidden_dropout_prob) == ("gelu_erf", 0.1)
    assert (config.embedding_size, config.num_hidden_groups, config.inner_group_num) == (32, 3, 1)


@pytest.mark.parametrize(
    ("field", "value"), [("position_embedding_type", "relative_key"), ("is_decoder", True)]
)
def test_a_bert_of_another_arithmetic_is_refused(field: str, value: object, tmp_path: Path) -> None:
    save_theirs("BertModel", tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    (tmp_path / "m" / "config.json").write_text(json.dumps({**config, field: value}))
    with pytest.raises(FormatError, match=rf"{field} is {value!r}.*\[config-not-albert\]"):
        read_checkpoint(tmp_path / "m")


def test_a_missing_tensor_is_named_in_both_namings(tmp_path: Path) -> None:
    save_theirs("BertModel", tmp_path / "m")
    tensors = dict(load_file(tmp_path / "m" / "model.safetensors"))
    del tensors["encoder.layer.1.intermediate.dense.bias"]
    save_file(tensors, tmp_path / "m" / "model.safetensors")
    both = r"encoder.layer.1.intermediate.dense.bias \(encoder.albert_layer_groups.1"
    with pytest.raises(FormatError, match=rf"{both}.*\[checkpoint-without-encoder\]"):
        read_checkpoint(tmp_path / "m")


def test_nothing_is_written_as_a_bert(tmp_path: Path) -> None:
    save_theirs("BertModel", tmp_path / "m")
    with pytest.raises(InputError, match=r"Write huggingface.*\[unsupported-by-format\]"):
        BERT.write(read_checkpoint(tmp_path / "m"), tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_bert_with_its_vocabulary_answers_about_text(tmp_path: Path) -> None:
    save_theirs("BertForMaskedLM", tmp_path / "m")
    (tmp_path / "m" / "vocab.txt").write_bytes(WORDS.read_bytes())
    checkpoint_format, evidence = format_of(tmp_path / "m")
    assert (checkpoint_format.name, evidence) == (
        "bert",
        "config.json of bert and model.safetensors",
    )
    assert FillMask(tmp_path / "m")("a [MASK]", top_k=1)
    oracle = transformers.BertTokenizer.from_pretrained(tmp_path / "m")
    texts = ["Hello, world!", "Ünïcode 漢字 [MASK]"]
    ours = AlbertTokenizer.from_pretrained(tmp_path / "m")
    assert ours(texts)["input_ids"] == oracle(texts)["input_ids"]


def test_a_sentence_transformer_on_bert_gives_its_vectors(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    save_theirs("BertModel", tmp_path / "m")
    (tmp_path / "m" / "vocab.txt").write_bytes(WORDS.read_bytes())
    oracle = SentenceTransformer(
        modules=[Transformer(str(tmp_path / "m")), Pooling(32), Normalize()]
    )
    oracle.save(str(tmp_path / "s"))
    texts = ["Hello, world!", "a second text"]
    np.testing.assert_allclose(
        TextEmbedder(tmp_path / "s").encode(texts), oracle.encode(texts), atol=1e-5
    )
