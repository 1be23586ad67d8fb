"""google's head for SQuAD 2: google's numbers, and transformers' XLNet, which has the same head."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import transformers
from tests.support.axes import CONFIG, CONFIG_AXES, random_encodings, random_weights
from tests.support.modules import HERE, Reference, reference
from tests.support.spans import spans_of_texts
from tests.support.tensorflow_parity import ATOL, close, encodings_of, torch_inputs
from transformers.models.xlnet import modeling_xlnet

import albertkit
from albertkit import AlbertConfig
from albertkit.checkpoints.tf1.format import TF1
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.protocol import Engine, OutputRequest, SpanSearch
from albertkit.errors import InputError
from albertkit.model.torch_engine import TorchEngine
from albertkit.spec import Weights, head

K, M = 4, 3  # of the fixture


@pytest.fixture(scope="module")
def weights() -> Weights:
    return TF1.read(HERE / "tf1_tiny_squad2").weights


@pytest.fixture(scope="module")
def wanted() -> Reference:
    return reference("tf1_tiny_squad2", HERE)


def test_the_head_is_found_by_its_variables(weights: Weights) -> None:
    assert weights.heads == ("span_search",)


def test_torch_finds_what_google_does(weights: Weights, wanted: Reference) -> None:
    model = albertkit.AlbertForSpanSearch.from_weights(weights)
    with torch.no_grad():
        outputs = model(**torch_inputs(wanted), p_mask=wanted["p_mask"], start_n_top=K, end_n_top=M)
    for name in ("start_top_log_probs", "end_top_log_probs", "cls_logits"):
        close(outputs[name], wanted[name], ATOL)
    for name in ("start_top_index", "end_top_index"):
        np.testing.assert_array_equal(outputs[name], wanted[name])


@pytest.mark.parametrize("engine", [NumpyEngine, TorchEngine])
def test_engines_find_what_google_does(
    engine: Callable[[Weights], Engine], weights: Weights, wanted: Reference
) -> None:
    closed = wanted["p_mask"][wanted["input_mask"] == 1] > 0  # [T]
    search = SpanSearch(start_n_top=K, end_n_top=M, is_excluded=closed)
    spans = spans_of_texts(engine(weights), encodings_of(wanted), search)
    close(spans.start_log_probs, wanted["start_top_log_probs"], ATOL)
    close(spans.end_log_probs.reshape(-1, K * M), wanted["end_top_log_probs"], ATOL)
    close(spans.no_answer_logit, wanted["cls_logits"], ATOL)
    np.testing.assert_array_equal(spans.start_index, wanted["start_top_index"])
    np.testing.assert_array_equal(spans.end_index.reshape(-1, K * M), wanted["end_top_index"])


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_numpy_and_torch_find_the_same(config: AlbertConfig) -> None:
    made = random_weights(config, ["span_search"])
    texts = random_encodings(config, [9, 14, 1, 6])
    spans = spans_of_texts(NumpyEngine(made), texts, SpanSearch(start_n_top=3, end_n_top=2))
    model = albertkit.AlbertForSpanSearch.from_weights(made)
    for number in range(len(texts)):
        own = slice(texts.offsets[number], texts.offsets[number + 1])
        with torch.no_grad():
            alone = model(
                input_ids=texts.ids[own][None],
                token_type_ids=texts.type_ids[own][None],
                start_n_top=3,
                end_n_top=2,
            )
        there = spans.start_index[number] >= 0
        pairs = spans.end_index[number] >= 0
        close(spans.start_log_probs[number][there], alone.start_top_log_probs[0], ATOL)
        close(spans.end_log_probs[number][pairs], alone.end_top_log_probs[0], ATOL)
        close(spans.no_answer_logit[number : number + 1], alone.cls_logits, ATOL)


def test_a_text_of_one_token_has_one_answer() -> None:
    made = random_weights(CONFIG, ["span_search"])
    texts = random_encodings(CONFIG, [1])
    spans = spans_of_texts(NumpyEngine(made), texts, SpanSearch(start_n_top=2, end_n_top=2))
    assert spans.start_index.tolist() == [[0, -1]]
    assert spans.end_index.tolist() == [[[0, -1], [-1, -1]]]
    assert spans.start_log_probs.tolist() == [[0, -np.inf]]


def xlnet_head(config: AlbertConfig) -> transformers.XLNetConfig:
    return transformers.XLNetConfig(
        d_model=config.hidden_size, n_head=4, layer_norm_eps=config.layer_norm_eps
    )


def test_parameters_are_named_and_shaped_as_in_xlnet() -> None:
    parts = {
        "start_logits": modeling_xlnet.XLNetPoolerStartLogits,
        "end_logits": modeling_xlnet.XLNetPoolerEndLogits,
        "answer_class": modeling_xlnet.XLNetPoolerAnswerClass,
    }
    config = xlnet_head(CONFIG)
    shapes = {
        f"{name}.{key}": tuple(value.shape)
        for name, part in parts.items()
        for key, value in part(config).state_dict().items()
    }
    assert {row.name: row.shape for row in head("span_search").parameters(CONFIG)} == shapes


def test_the_loss_is_that_of_spans_and_half_that_of_their_absence() -> None:
    made = random_weights(CONFIG, ["span_search"])
    model = albertkit.AlbertForSpanSearch.from_weights(made)
    ids = torch.randint(0, CONFIG.vocab_size, (3, 8), generator=torch.Generator().manual_seed(0))
    begins, ends = torch.tensor([2, 0, 5]), torch.tensor([4, 0, 6])
    absent = torch.tensor([0, 1, 0])
    outputs = model(
        input_ids=ids, start_positions=begins, end_positions=ends, is_impossible=absent,
        start_n_top=8, end_n_top=8,
    )  # fmt: skip
    rows = torch.arange(3)
    # every beginning and every end is among the top ones: look the labelled ones up
    first = outputs.start_top_index.argsort(dim=1)[rows, begins]
    begin_log = outputs.start_top_log_probs[rows, first]
    end_index = outputs.end_top_index.view(3, 8, 8)[rows, first].argsort(dim=1)[rows, ends]
    end_log = outputs.end_top_log_probs.view(3, 8, 8)[rows, first, end_index]
    rng = torch.where(absent == 1, outputs.cls_logits, -outputs.cls_logits).sigmoid()
    expected = -(begin_log.mean() + end_log.mean()) / 2 - rng.log().mean() / 2
    torch.testing.assert_close(outputs.loss, expected, rtol=0, atol=1e-5)
    outputs.loss.backward()
    assert all(
        p.grad is not None and p.grad.abs().max() > 0 for p in model.answer_class.parameters()
    )


def test_padding_is_no_answer() -> None:
    made = random_weights(CONFIG, ["span_search"])
    model = albertkit.AlbertForSpanSearch.from_weights(made)
    ids = torch.tensor([[2, 9, 17, 3, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1, 0, 0]])
    with torch.no_grad():
        padded = model(input_ids=ids, attention_mask=mask, start_n_top=4, end_n_top=4)
        alone = model(input_ids=ids[:, :4], start_n_top=4, end_n_top=4)
    assert padded.start_top_index.tolist() == alone.start_top_index.tolist()
    close(padded.end_top_log_probs, alone.end_top_log_probs.numpy(), ATOL)
    close(padded.cls_logits, alone.cls_logits.numpy(), ATOL)


def test_a_mask_of_another_shape_is_refused() -> None:
    model = albertkit.AlbertForSpanSearch(CONFIG)
    with pytest.raises(InputError, match=r"p_mask has the shape \[1, 3\]"):
        model(input_ids=[[2, 9, 17, 3]], p_mask=[[0, 0, 1]])


def test_spans_are_asked_for_by_how_widely_to_search() -> None:
    with pytest.raises(ValueError, match="span_search is requested by mlm_tokens or spans"):
        OutputRequest(head="span_search")


def test_a_model_without_the_head_says_so() -> None:
    engine = NumpyEngine(random_weights(CONFIG))
    with pytest.raises(InputError, match=r"no span_search head.*\[head-missing\]"):
        spans_of_texts(
            engine, random_encodings(CONFIG, [4]), SpanSearch(start_n_top=1, end_n_top=1)
        )
