"""Models from directories and back; what the directory lacks is new, and said."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tests.support.axes import CONFIG, random_weights

import albertkit
from albertkit import AlbertConfig, AlbertForMaskedLM, AlbertForSequenceClassification, AlbertModel
from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.errors import FormatError, InputError, ResourceError
from albertkit.spec import HEADS, Weights

IDS = torch.tensor([[2, 17, 3, 9, 3]])
CHOICES = IDS[None].expand(1, 3, -1)
CLASSES = ["AlbertModel", *(spec.architecture for spec in HEADS if spec.architecture)]


def save_random(path: Path, *heads: str, pooler: bool | None = None) -> Weights:
    weights = random_weights(CONFIG, heads, pooler=pooler)
    HUGGINGFACE.write(Checkpoint(weights), path)
    return weights


def numbers(model: Any) -> list[torch.Tensor]:
    ids = CHOICES if "MultipleChoice" in type(model).__name__ else IDS
    with torch.no_grad():
        return [value for value in model(input_ids=ids).values() if value is not None]


@pytest.mark.parametrize("name", CLASSES)
def test_what_we_save_opens_in_transformers_with_the_same_numbers(
    name: str, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    ours = getattr(albertkit, name)(CONFIG).eval()
    ours.save_pretrained(tmp_path / "m")
    theirs, report = getattr(transformers, name).from_pretrained(
        tmp_path / "m", output_loading_info=True
    )
    assert not any(report.values()), report
    torch.testing.assert_close(numbers(ours), numbers(theirs), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", CLASSES)
def test_what_transformers_saves_opens_here_with_the_same_numbers(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = getattr(transformers, name)(
        transformers.AlbertConfig.from_dict(CONFIG.to_dict())
    ).eval()
    theirs.save_pretrained(tmp_path / "m")
    with caplog.at_level(logging.INFO, "albertkit"):
        ours = getattr(albertkit, name).from_pretrained(tmp_path / "m")
    assert caplog.text == ""
    assert not ours.training
    torch.testing.assert_close(numbers(ours), numbers(theirs), atol=1e-5, rtol=0)


def test_a_missing_head_is_new_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_random(tmp_path / "m", pooler=False)
    model = AlbertForSequenceClassification.from_pretrained(tmp_path / "m", num_labels=5)
    assert "has no pooler, classifier: these parts are new" in caplog.text
    assert model.config.num_labels == 5
    assert model(IDS).logits.shape == (1, 5)
    assert float(model.classifier.bias.detach().abs().max()) == 0
    assert 0 < float(model.classifier.weight.detach().abs().max()) <= 2 * CONFIG.initializer_range


def test_a_new_masked_word_head_begins_with_a_bias_of_zero(tmp_path: Path) -> None:
    save_random(tmp_path / "m")
    model = AlbertForMaskedLM.from_pretrained(tmp_path / "m")
    assert float(model.predictions.bias.detach().abs().max()) == 0
    assert torch.isfinite(model(IDS).logits).all()


def test_a_head_of_another_width_is_replaced_on_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights = save_random(tmp_path / "m", "sequence_classification")
    kept = AlbertForSequenceClassification.from_pretrained(tmp_path / "m", num_labels=2)
    np.testing.assert_array_equal(
        kept.weights().arrays["classifier.weight"], weights.arrays["classifier.weight"]
    )
    assert caplog.text == ""
    fresh = AlbertForSequenceClassification.from_pretrained(tmp_path / "m", num_labels=3)
    assert fresh(IDS).logits.shape == (1, 3)
    assert "has no classifier" in caplog.text
    with pytest.raises(InputError, match=r"num_labels is 0.*\[model-argument-invalid\]"):
        AlbertForSequenceClassification.from_pretrained(tmp_path / "m", num_labels=0)


def test_a_directory_without_pooler_gives_a_model_without_one(tmp_path: Path) -> None:
    save_random(tmp_path / "m", "masked_lm")
    model = AlbertModel.from_pretrained(tmp_path / "m")
    assert model.pooler is None
    assert model(IDS).pooler_output is None


def test_weights_go_through_a_model_unchanged(tmp_path: Path) -> None:
    weights = random_weights(CONFIG, ["masked_lm", "sentence_order"])
    model = albertkit.AlbertForPreTraining.from_weights(weights)
    back = model.weights()
    assert back.heads == weights.heads
    assert back.config == weights.config
    assert set(back.arrays) == {row.name for row in model.table().stored}
    for name, array in weights.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array)


def test_the_weights_given_are_not_the_models_own() -> None:
    weights = random_weights(CONFIG)
    before = weights.arrays["pooler.bias"].copy()
    model = AlbertModel.from_weights(weights)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    np.testing.assert_array_equal(weights.arrays["pooler.bias"], before)


@pytest.mark.parametrize("dtype", ["bfloat16", torch.bfloat16, "float16"])
def test_a_model_can_be_opened_in_half_precision(dtype: Any, tmp_path: Path) -> None:
    save_random(tmp_path / "m", "masked_lm")
    half = AlbertForMaskedLM.from_pretrained(tmp_path / "m", dtype=dtype)
    assert half.dtype in (torch.bfloat16, torch.float16)
    full = AlbertForMaskedLM.from_pretrained(tmp_path / "m")
    # bfloat16 keeps 8 bits: a few per cent of logits of size one
    torch.testing.assert_close(half(IDS).logits.float(), full(IDS).logits, atol=0.1, rtol=0.05)


def test_half_precision_is_saved_on_request(tmp_path: Path) -> None:
    save_random(tmp_path / "m")
    model = AlbertModel.from_pretrained(tmp_path / "m")
    model.save_pretrained(tmp_path / "half", dtype="float16")
    # stored in 16 bits, computed in 32: so it is here, and so transformers will do it
    assert json.loads((tmp_path / "half" / "config.json").read_text())["dtype"] == "float32"
    opened = transformers.AlbertModel.from_pretrained(tmp_path / "half")
    assert opened.dtype == torch.float32
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("m", "half")]
    assert sizes[1] < 0.6 * sizes[0]


def test_the_tokenizers_files_go_along(tmp_path: Path) -> None:
    save_random(tmp_path / "m")
    pieces = (Path(__file__).parent.parent / "fixtures" / "tiny_sp1000.model").read_bytes()
    (tmp_path / "m" / "spiece.model").write_bytes(pieces)
    AlbertModel.from_pretrained(tmp_path / "m").save_pretrained(tmp_path / "copy")
    assert (tmp_path / "copy" / "spiece.model").read_bytes() == pieces
    assert (tmp_path / "copy" / "tokenizer.json").is_file()


def test_trained_weights_are_not_lost_for_a_vocabulary_that_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_random(tmp_path / "m")
    (tmp_path / "m" / "spiece.model").write_bytes(b"pieces")
    AlbertModel.from_pretrained(tmp_path / "m").save_pretrained(tmp_path / "copy")
    assert (tmp_path / "copy" / "spiece.model").read_bytes() == b"pieces"
    assert "copied as they are" in caplog.text


def test_a_model_saves_over_its_own_directory(tmp_path: Path) -> None:
    save_random(tmp_path / "m")
    model = AlbertModel.from_pretrained(tmp_path / "m")
    assert model.pooler is not None
    with torch.no_grad():
        model.pooler.bias.fill_(0.25)
    model.save_pretrained(tmp_path / "m")
    again = AlbertModel.from_pretrained(tmp_path / "m")
    assert again.pooler is not None
    assert float(again.pooler.bias.detach().min()) == 0.25


@pytest.mark.parametrize(
    "argument",
    [
        {"dtype": "float8"},
        {"dtype": torch.int64},
        {"device": "toaster"},
        {"attn_implementation": "flash_attention_2"},
    ],
)
def test_an_unknown_way_of_opening_is_refused(argument: dict[str, Any], tmp_path: Path) -> None:
    save_random(tmp_path / "m")
    with pytest.raises(InputError, match=r"\[model-argument-invalid\]"):
        AlbertModel.from_pretrained(tmp_path / "m", **argument)


def test_weights_of_another_config_are_refused() -> None:
    weights = random_weights(CONFIG)
    other = AlbertConfig.from_dict({**CONFIG.to_dict(), "intermediate_size": 64})
    with pytest.raises(FormatError, match=r"\[checkpoint-without-encoder\]"):
        AlbertModel.from_weights(Weights(other, (), weights.arrays))


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\[unknown-model\]"):
        AlbertModel.from_pretrained(tmp_path / "nowhere")


def test_saving_where_no_file_can_be_made_is_a_failed_write() -> None:
    model = AlbertModel(AlbertConfig(vocab_size=9, hidden_size=8, num_attention_heads=2))
    with pytest.raises(ResourceError, match=r"\[write-failed\]"):
        model.save_pretrained(Path("/proc/m"))
