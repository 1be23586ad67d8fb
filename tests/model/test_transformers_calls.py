"""Calls that transformers' pages and recipes make on a model, held against transformers itself."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tests.support.axes import CONFIG, random_weights
from tests.support.oracle import transformers_model
from torch import Tensor

import albertkit
from albertkit import (
    AlbertConfig,
    AlbertForMaskedLM,
    AlbertForSequenceClassification,
    AlbertModel,
    compile_for_inference,
)
from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.errors import InputError
from albertkit.model.compiled_forwards import FORWARDS
from albertkit.model.pretrained import PretrainedAlbert

IDS = torch.tensor([[2, 17, 3, 9, 3], [2, 5, 90, 3, 0]])
CLASSES = {cls.__name__: cls for cls in FORWARDS}


def save(directory: Path, *heads: str, **settings: Any) -> Path:
    config = AlbertConfig.from_dict({**CONFIG.to_dict(), **settings})
    HUGGINGFACE.write(Checkpoint(random_weights(config, heads)), directory)
    return directory


def forward(model: Any) -> Tensor:
    ids = IDS[:, None] if "MultipleChoice" in type(model).__name__ else IDS
    with torch.no_grad():
        output: Tensor = model(input_ids=ids)[0]
    return output


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    return save(tmp_path / "model", "masked_lm")


def test_dtype_auto_is_the_saved_models(directory: Path, tmp_path: Path) -> None:
    theirs = transformers.AlbertModel.from_pretrained(directory, dtype=torch.bfloat16)
    theirs.save_pretrained(tmp_path / "half")
    directory = tmp_path / "half"
    assert AlbertModel.from_pretrained(directory).dtype == torch.float32
    assert AlbertModel.from_pretrained(directory, dtype="auto").dtype == torch.bfloat16
    half = AlbertModel.from_pretrained(directory, torch_dtype=torch.float16)
    assert half.dtype == torch.float16
    with pytest.raises(InputError, match=r"old name of dtype.*\[model-argument-invalid\]"):
        AlbertModel.from_pretrained(directory, dtype="float32", torch_dtype="float16")


@pytest.mark.parametrize("device_map", ["auto", "cpu", {"": "cpu"}])
def test_a_device_map_is_one_device(directory: Path, device_map: Any) -> None:
    expected = "cuda" if device_map == "auto" and torch.cuda.is_available() else "cpu"
    model = AlbertModel.from_pretrained(directory, device_map=device_map)
    assert model.device.type == expected


def test_a_device_map_of_two_devices_is_refused(directory: Path) -> None:
    with pytest.raises(InputError, match=r"names 2 devices.*\[model-argument-invalid\]"):
        AlbertModel.from_pretrained(directory, device_map={"albert": "cpu", "predictions": 0})


def test_a_config_replaces_the_directorys(directory: Path) -> None:
    config = AlbertConfig.from_dict({**CONFIG.to_dict(), "layer_norm_eps": 0.5})
    model = AlbertModel.from_pretrained(directory, config=config)
    assert model.config == config
    assert not torch.allclose(forward(model), forward(AlbertModel.from_pretrained(directory)))


def test_a_new_head_is_described_at_opening(directory: Path) -> None:
    options: dict[str, Any] = {
        "id2label": {0: "bad", 1: "good", 2: "fair"},
        "problem_type": "multi_label_classification",
        "classifier_dropout_prob": 0.25,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.2,
    }
    ours = AlbertForSequenceClassification.from_pretrained(directory, **options)
    theirs = transformers.AlbertForSequenceClassification.from_pretrained(directory, **options)
    for name in options:
        assert getattr(ours.config, name) == getattr(theirs.config, name), name
    rates = [
        sorted(part.p for part in model.modules() if isinstance(part, torch.nn.Dropout))
        for model in (ours, theirs)
    ]
    assert rates[0][-1] == rates[1][-1] == 0.25
    by_name = {"bad": 0, "good": 1}
    model = AlbertForSequenceClassification.from_pretrained(directory, label2id=by_name)
    assert model.config.label2id == by_name


def test_loading_info_is_transformers(directory: Path) -> None:
    loaded: Any = AlbertForSequenceClassification.from_pretrained(
        directory, num_labels=3, output_loading_info=True
    )
    model, info = loaded
    assert isinstance(model, AlbertForSequenceClassification)
    assert {"classifier.weight", "classifier.bias"} <= set(info["missing_keys"])
    assert "predictions.bias" in info["unexpected_keys"]
    assert info["mismatched_keys"] == info["error_msgs"] == []


@pytest.mark.parametrize("name", ["AlbertForMaskedLM", "AlbertForPreTraining"])
def test_transformers_state_dicts_load_strictly(name: str) -> None:
    theirs = transformers_model(random_weights(CONFIG, CLASSES[name].heads, seed=3), name)
    ours = CLASSES[name](CONFIG).eval()
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(forward(ours), forward(theirs), atol=1e-5, rtol=0)
    untied = dict(theirs.state_dict())
    untied["predictions.decoder.weight"] = untied["predictions.decoder.weight"] + 1
    with pytest.raises(InputError, match=r"decoder\.weight differs.*\[checkpoint-untied\]"):
        ours.load_state_dict(untied)


@pytest.mark.parametrize("size", [90, 97, 120])
def test_a_vocabulary_is_resized_as_in_transformers(size: int) -> None:
    weights = random_weights(CONFIG, ["masked_lm"])
    ours, theirs = (
        AlbertForMaskedLM.from_weights(weights),
        transformers_model(weights, "AlbertForMaskedLM"),
    )
    embeddings = ours.resize_token_embeddings(size)
    theirs.resize_token_embeddings(size)  # type: ignore[operator]  # of transformers
    assert embeddings is ours.get_input_embeddings()
    assert embeddings.num_embeddings == ours.config.vocab_size == size
    assert ours.albert.config.vocab_size == size
    kept = min(size, CONFIG.vocab_size)
    ids = IDS.clamp(max=kept - 1)
    with torch.no_grad():
        actual, expected = ours(ids).logits, theirs(ids).logits
    assert actual.shape == expected.shape
    torch.testing.assert_close(actual[..., :kept], expected[..., :kept], atol=1e-5, rtol=0)
    ours.weights().table()  # the parameters fit the config


def test_checkpointed_gradients_are_the_same() -> None:
    torch.manual_seed(0)
    config = AlbertConfig.from_dict({**CONFIG.to_dict(), "num_hidden_groups": 2})
    model = AlbertForMaskedLM(config).train()

    def gradients() -> list[Tensor]:
        model.zero_grad()
        model(IDS, labels=IDS).loss.backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    plain = gradients()
    layer = model.albert.encoder.albert_layer_groups[0]
    calls = []
    layer.register_forward_pre_hook(lambda *_: calls.append(1))
    model.gradient_checkpointing_enable()
    assert model.is_gradient_checkpointing
    checkpointed = gradients()
    recomputed = len(calls)
    for actual, expected in zip(checkpointed, plain, strict=True):
        torch.testing.assert_close(actual, expected)
    assert len(model(IDS, output_hidden_states=True).hidden_states) == 4
    model.gradient_checkpointing_disable()
    calls.clear()
    gradients()
    assert recomputed == 2 * len(calls)


@pytest.mark.parametrize("name", CLASSES)
def test_models_are_copied_and_pickled(name: str) -> None:
    torch.manual_seed(0)
    model = CLASSES[name](CONFIG).eval()
    saved = io.BytesIO()
    torch.save(model, saved)
    saved.seek(0)
    copies: list[PretrainedAlbert] = [
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),  # noqa: S301 - our own
        torch.load(saved, weights_only=False),
    ]
    for one in copies:
        torch.testing.assert_close(forward(one), forward(model), atol=0, rtol=0)
        assert one.config == model.config
    average = torch.optim.swa_utils.AveragedModel(model)
    average.update_parameters(model)
    torch.testing.assert_close(forward(average.module), forward(model))


def test_compiled_models_are_copied_and_pickled() -> None:
    compiled = compile_for_inference(AlbertForMaskedLM(CONFIG).eval(), threads=1)
    for one in (copy.deepcopy(compiled), pickle.loads(pickle.dumps(compiled))):  # noqa: S301
        torch.testing.assert_close(one(IDS).logits, compiled(IDS).logits, atol=1e-6, rtol=0)


def test_a_model_is_quantized_by_torch() -> None:
    model = AlbertForSequenceClassification.from_weights(
        random_weights(CONFIG, ["sequence_classification"])
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch moves this function to torchao
        quantized = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, torch.qint8)
    torch.testing.assert_close(forward(quantized), forward(model), atol=0.2, rtol=0)


def test_the_classes_have_the_names_of_transformers() -> None:
    ours = {name for name in CLASSES if name != "AlbertForSpanSearch"}
    assert all(hasattr(transformers, name) and hasattr(albertkit, name) for name in ours)
