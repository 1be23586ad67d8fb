"""A compiled model answers as the torch model does at every real token, and zeros at padding."""

from __future__ import annotations

import inspect
import logging
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tests.support.axes import CONFIG, CONFIGS, SMALL, random_weights
from tests.support.native import needs_native
from tests.support.oracle import transformers_model

from albertkit import AlbertConfig, AlbertForMaskedLM, AlbertModel, compile_for_inference
from albertkit.engine.native.library import ISA_VARIABLE, NO_ISA
from albertkit.engine.processor import Processor
from albertkit.errors import AlbertKitError, InputError
from albertkit.model import compiled as compiled_module
from albertkit.model.compiled_forwards import FORWARDS

ATOL = 1e-5  # float32
B, S, C = 4, 13, 3
PLAIN = replace(CONFIG, id2label={0: "a", 1: "b", 2: "c"})
TWO_LABELS = CONFIG
KINDS = {kind.__name__: kind for kind in FORWARDS}
THEIRS = [name for name in KINDS if hasattr(transformers, name)]
IDS = torch.randint(0, PLAIN.vocab_size, (B, S), generator=torch.Generator().manual_seed(0))
# Padding at the end, two holes, a text of one token, and no padding.
MASK = torch.tensor(
    [[1] * 9 + [0] * 4, [1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0], [1] + [0] * 12, [1] * 13]
)
TYPES = (torch.arange(S) > 6).long().expand(B, S)
GIVEN = {"input_ids": IDS, "attention_mask": MASK, "token_type_ids": TYPES}


def ours(name: str, config: AlbertConfig = PLAIN) -> Any:
    return KINDS[name].from_weights(random_weights(config, KINDS[name].heads, seed=3))


def inputs_of(name: str) -> dict[str, torch.Tensor]:
    """C choices of the same rows for the one class that takes them so."""
    if name != "AlbertForMultipleChoice":
        return GIVEN
    return {key: value[:, None].expand(B, C, S).contiguous() for key, value in GIVEN.items()}


def assert_same(actual: Any, expected: Any, mask: torch.Tensor = MASK) -> None:
    """The same fields; [B, S, …] at real tokens, and zeros elsewhere."""
    assert list(actual.keys()) == list(expected.keys())
    for name in expected:
        mine, other = actual[name], expected[name]
        if other.ndim > 1 and other.shape[:2] == mask.shape:
            real = mask.bool()
            assert not mine[~real].any(), name
            mine, other = mine[real], other[real]
        assert mine.dtype == other.dtype
        torch.testing.assert_close(mine, other, atol=ATOL, rtol=0)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize(
    "axis", ["two_inner_layers", "epsilon_of_the_prediction_head", "four_types"]
)
def test_other_configs_equal_the_torch_model(axis: str) -> None:
    """As they reach the engine from here; tests/engine/test_parity.py has every axis."""
    config = CONFIGS[axis]
    model = ours("AlbertForPreTraining", config)
    outputs = compile_for_inference(model, threads=1)(**GIVEN)
    with torch.no_grad():
        assert_same(outputs, model(**GIVEN))


@pytest.mark.parametrize("name", [name for name in KINDS if name != "AlbertForSpanSearch"])
def test_every_class_of_ours_equals_itself(name: str) -> None:
    model = ours(name)
    outputs = compile_for_inference(model, threads=1)(**inputs_of(name))
    with torch.no_grad():
        expected = model(**inputs_of(name))
    assert type(outputs) is type(expected)
    assert_same(outputs, expected)


@pytest.mark.parametrize("name", THEIRS)
def test_every_class_of_transformers_gives_its_own_outputs(name: str) -> None:
    # Two heads of a fixed width are as wide in transformers as num_labels says.
    fixed = name in {"AlbertForQuestionAnswering", "AlbertForPreTraining"}
    config = TWO_LABELS if fixed else PLAIN
    model: Any = transformers_model(random_weights(config, KINDS[name].heads, seed=3), name)
    outputs = compile_for_inference(model, threads=1)(**inputs_of(name))
    with torch.no_grad():
        expected = model(**inputs_of(name))
    assert type(outputs) is type(expected)
    assert_same(outputs, expected)


def test_the_search_for_spans_finds_the_same_slots() -> None:
    model = ours("AlbertForSpanSearch")
    p_mask = torch.zeros(B, S)
    p_mask[:, 7] = 1
    rows = [0, 1, 3]  # long enough
    asked: dict[str, Any] = {name: value[rows] for name, value in GIVEN.items()}
    asked |= {"p_mask": p_mask[rows], "start_n_top": 4, "end_n_top": 3}
    outputs = compile_for_inference(model, threads=1)(**asked)
    with torch.no_grad():
        assert_same(outputs, model(**asked), mask=torch.ones(0, 0))


def test_a_text_shorter_than_the_search_is_wide_is_filled_up_with_impossible_ones() -> None:
    model = ours("AlbertForSpanSearch")
    mask = (torch.arange(S) < 2).long().expand(B, S)
    outputs = compile_for_inference(model, threads=1)(IDS, mask)
    assert (outputs.start_top_log_probs[:, :2] > -100).all()
    assert (outputs.start_top_log_probs[:, 2:] == -1e30).all()
    assert (outputs.start_top_index[:, 2:] == 0).all()


def test_a_text_behind_padding_is_pooled_at_its_own_first_token() -> None:
    model = ours("AlbertModel")
    mask = torch.tensor([[0] * 5 + [1] * 8])
    outputs = compile_for_inference(model, threads=1)(IDS[:1], mask)
    with torch.no_grad():
        padded = model(IDS[:1], mask)
        alone = model(IDS[:1, 5:], position_ids=torch.arange(5, 13)[None])
    close: dict[str, Any] = {"atol": ATOL, "rtol": 0}
    torch.testing.assert_close(
        outputs.last_hidden_state[:, 5:], padded.last_hidden_state[:, 5:], **close
    )
    torch.testing.assert_close(outputs.pooler_output, alone.pooler_output, **close)


def test_given_positions_are_kept() -> None:
    model = ours("AlbertModel")
    positions = torch.arange(S).flip(0)[None]
    outputs = compile_for_inference(model, threads=1)(**GIVEN, position_ids=positions)
    with torch.no_grad():
        assert_same(outputs, model(**GIVEN, position_ids=positions))


def test_deterministic_a_row_has_the_same_bits_in_any_batch_and_with_any_padding() -> None:
    model = ours("AlbertForMaskedLM")
    compiled = compile_for_inference(model, threads=2, deterministic=True)
    together = compiled(**GIVEN).logits
    for row in range(B):
        real = MASK[row].bool()
        alone = compiled(IDS[row : row + 1, real], token_type_ids=TYPES[row : row + 1, real])
        padded = compiled(IDS[[row, 3, row]], MASK[[row, 3, row]], TYPES[[row, 3, row]]).logits
        # a hole in the mask moves positions, so only rows without one are asked without it
        if row != 1:
            assert torch.equal(alone.logits[0], together[row][real])
        assert torch.equal(padded[0], together[row])
        assert torch.equal(padded[2], together[row])
    with torch.no_grad():
        assert_same(compiled(**GIVEN), model(**GIVEN))


def test_deterministic_given_positions_are_kept() -> None:
    model = ours("AlbertModel")
    positions = torch.arange(S).flip(0)[None]
    compiled = compile_for_inference(model, threads=1, deterministic=True)
    with torch.no_grad():
        assert_same(
            compiled(**GIVEN, position_ids=positions), model(**GIVEN, position_ids=positions)
        )


def test_words_are_predicted_at_given_slots_only_in_any_order_and_twice() -> None:
    model = ours("AlbertForMaskedLM")
    positions = torch.tensor([[8, 0, 0], [7, 4, 6], [0, 0, 0], [12, 1, 9]])
    logits = compile_for_inference(model, threads=1)(**GIVEN, masked_lm_positions=positions).logits
    with torch.no_grad():
        expected = model(**GIVEN, masked_lm_positions=positions).logits
    torch.testing.assert_close(logits, expected, atol=ATOL, rtol=0)
    positions[1, 0] = 1  # a hole
    logits = compile_for_inference(model, threads=1)(**GIVEN, masked_lm_positions=positions).logits
    assert not logits[1, 0].any()
    torch.testing.assert_close(logits[2:], expected[2:], atol=ATOL, rtol=0)


def test_more_texts_than_one_call_of_the_engine_come_back_in_order() -> None:
    model = ours("AlbertForTokenClassification")
    rng = torch.Generator().manual_seed(1)
    ids = torch.randint(0, PLAIN.vocab_size, (120, 40), generator=rng)
    lengths = torch.randint(1, 41, (120, 1), generator=rng)
    mask = (torch.arange(40) < lengths).long()
    outputs = compile_for_inference(model, threads=1)(ids, mask)
    with torch.no_grad():
        assert_same(outputs, model(ids, mask), mask=mask)


def test_a_model_without_a_pooler_has_no_pooled_vector() -> None:
    model = AlbertModel(PLAIN, add_pooling_layer=False).eval()
    assert compile_for_inference(model, threads=1)(IDS).pooler_output is None


def test_it_is_called_as_the_model_is() -> None:
    model = ours("AlbertForMaskedLM")
    compiled = compile_for_inference(model, threads=1)
    assert inspect.signature(compiled) == inspect.signature(model.forward)
    expected = compiled(**GIVEN).logits
    for actual in (
        compiled(IDS, MASK, TYPES, return_dict=False)[0],
        compiled([IDS, MASK, TYPES]).logits,
        compiled({"input_word_ids": IDS, "input_mask": MASK, "input_type_ids": TYPES}).logits,
        compiled(IDS.tolist(), MASK.numpy(), TYPES, output_attentions=False).logits,
    ):
        assert torch.equal(actual, expected)
    assert not expected.requires_grad


def test_parameters_in_float32_are_not_copied() -> None:
    model = ours("AlbertForMaskedLM")
    compiled = compile_for_inference(model, threads=1)
    held = compiled._source.weights.arrays
    for name, value in model.canonical_parameters().items():
        assert np.shares_memory(held[name], value.detach().numpy())


def test_parameters_in_bfloat16_are_computed_with_as_they_are() -> None:
    model = ours("AlbertModel").to(torch.bfloat16)
    outputs = compile_for_inference(model, threads=1)(**GIVEN)
    with torch.no_grad():
        assert_same(outputs, model.float()(**GIVEN))


@needs_native
def test_int8_is_near_the_model_and_measured_at_the_first_call(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # A processor that doesn't say what it can: every one computes int8, if not faster.
    monkeypatch.setattr(compiled_module, "detect_processor", lambda: Processor("?", False, None))
    model = ours("AlbertModel")
    compiled = compile_for_inference(model, precision="int8", threads=1)
    assert compiled.precision == "int8"
    with caplog.at_level(logging.INFO):
        vectors = compiled(IDS, MASK).last_hidden_state[MASK.bool()]
        compiled(IDS, MASK)
    (message,) = caplog.messages
    assert message.startswith("int8: cosine to float32 at least")
    with torch.no_grad():
        exact = model(IDS, MASK).last_hidden_state[MASK.bool()]
    assert torch.cosine_similarity(vectors, exact).min() > 0.99
    assert (vectors - exact).abs().max() > ATOL  # and it is not float32


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "labels": ("AlbertForMaskedLM", {"labels": IDS}, "no losses"),
    "ends": (
        "AlbertForQuestionAnswering",
        {"start_positions": [0] * B, "end_positions": [1] * B},
        "no losses",
    ),
    "attentions": ("AlbertModel", {"output_attentions": True}, "last token vectors"),
    "layers": ("AlbertModel", {"output_hidden_states": True}, "last token vectors"),
    "words": (
        "AlbertModel",
        {"input_ids": None, "inputs_embeds": torch.zeros(B, S, 16)},
        "embeds ids",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_only_the_torch_model_computes_is_refused(case: str) -> None:
    name, more, why = REFUSED[case]
    compiled = compile_for_inference(ours(name), threads=1)
    with pytest.raises(InputError, match=rf"{why}.*call the {name} itself\. \[not-compiled\]"):
        compiled(**{**GIVEN, **more})


def test_inputs_are_checked_as_the_models_are() -> None:
    compiled = compile_for_inference(ours("AlbertModel"), threads=1)
    with pytest.raises(InputError, match=r"input_ids\[0, 0\] is 97.*\[id-out-of-range\]"):
        compiled([[97, 3]])
    with pytest.raises(InputError, match=r"nearest is 'attention_mask'.*\[unknown-argument\]"):
        compiled(IDS, attention_mas=MASK)


def test_a_model_in_training_is_refused_unless_nothing_drops_out() -> None:
    model = AlbertForMaskedLM(AlbertConfig.from_dict({**SMALL, "hidden_dropout_prob": 0.1}))
    with pytest.raises(InputError, match=r"drops out 10%.*model\.eval\(\).*\[model-in-training\]"):
        compile_for_inference(model.train())
    assert (
        compile_for_inference(ours("AlbertModel").train(), threads=1)(IDS).pooler_output is not None
    )


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (torch.nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
        ("albert-base-v2", "builtins.str"),
        (transformers.BertModel(transformers.BertConfig(num_hidden_layers=1)), "BertModel"),
    ],
)
def test_other_models_are_refused(model: Any, says: str) -> None:
    with pytest.raises(InputError, match=rf"{says}.*\[model-not-albert\]"):
        compile_for_inference(model)


def test_a_transformers_model_with_other_parts_is_refused() -> None:
    model: Any = transformers_model(random_weights(PLAIN, ["masked_lm"]), "AlbertForMaskedLM")
    model.predictions.decoder.weight = torch.nn.Parameter(
        model.predictions.decoder.weight.detach() + 1
    )
    with pytest.raises(InputError, match=r"decoder\.weight differs.*\[checkpoint-untied\]"):
        compile_for_inference(model)
    model = transformers_model(random_weights(PLAIN), "AlbertModel")
    model.encoder.adapter = torch.nn.Linear(2, 2)
    with pytest.raises(InputError, match=r"encoder\.adapter\.weight.*\[model-not-albert\]"):
        compile_for_inference(model)


def test_groups_that_transformers_counts_otherwise_are_refused() -> None:
    config = AlbertConfig.from_dict({**SMALL, "num_hidden_layers": 18, "num_hidden_groups": 14})
    model = transformers_model(random_weights(config), "AlbertModel")
    with pytest.raises(InputError, match=r"layer \d+ gets.*\[group-assignment-differs\]"):
        compile_for_inference(model)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"threads": 0}, r"threads is 0.*\[option-invalid\]"),
        ({"threads": "2"}, r"threads is '2'.*\[option-invalid\]"),
        ({"precision": "float16"}, r"precision.*'float16'.*\[option-invalid\]"),
        ({"thread": 1}, r"nearest is 'threads'.*\[unknown-keyword\]"),
    ],
)
def test_options_are_checked(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        compile_for_inference(ours("AlbertModel"), **options)


def test_without_native_engine_and_openvino_torch_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ISA_VARIABLE, NO_ISA)
    model = ours("AlbertForMaskedLM")
    assert compile_for_inference(model).engine == "openvino"
    monkeypatch.setitem(sys.modules, "openvino", None)  # neither found nor imported
    compiled = compile_for_inference(model)
    assert compiled.engine == "torch"
    assert compile_for_inference(model, deterministic=True).engine == "numpy"
    with torch.no_grad():
        assert_same(compiled(**GIVEN), model(**GIVEN))
    with pytest.raises(AlbertKitError, match=r"\[(precision-unsupported|engine-unavailable)\]"):
        compile_for_inference(model, precision="int8")
