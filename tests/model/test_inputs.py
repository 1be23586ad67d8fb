"""What bad inputs get: one line with a code, before any compute; and all six dialects."""

from __future__ import annotations

import logging
from collections import UserDict
from typing import Any

import numpy as np
import pytest
import torch
from tests.support.axes import CONFIG, random_weights

from albertkit import (
    AlbertConfig,
    AlbertForMaskedLM,
    AlbertForMultipleChoice,
    AlbertForPreTraining,
    AlbertForQuestionAnswering,
    AlbertForSequenceClassification,
    AlbertForTokenClassification,
    AlbertModel,
)
from albertkit.errors import InputError
from albertkit.model import call_adapter as door
from albertkit.spec.presets import preset

IDS = torch.tensor([[2, 17, 3, 9, 3], [2, 40, 3, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
TYPES = torch.tensor([[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]])


@pytest.fixture(scope="module")
def model() -> AlbertModel:
    return AlbertModel.from_weights(random_weights(CONFIG))


@pytest.fixture(scope="module")
def expected(model: AlbertModel) -> torch.Tensor:
    return model(IDS, MASK, TYPES).last_hidden_state


DIALECTS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "hugging face": ([], {"input_ids": IDS, "attention_mask": MASK, "token_type_ids": TYPES}),
    "hugging face, by position": ([IDS, MASK, TYPES], {}),
    "tf hub v2": ([{"input_word_ids": IDS, "input_mask": MASK, "input_type_ids": TYPES}], {}),
    "tf hub v1": ([[IDS, MASK, TYPES]], {}),
    "google's tf1": ([], {"input_ids": IDS, "input_mask": MASK, "segment_ids": TYPES}),
    "the article": ([], {"input_word_ids": IDS, "input_mask": MASK, "segment_ids": TYPES}),
    "keras hub": ([{"token_ids": IDS, "padding_mask": MASK.bool(), "segment_ids": TYPES}], {}),
    "a mixture": ([IDS], {"input_mask": MASK, "segment_ids": TYPES}),
    "a dict as inputs": (
        [],
        {"inputs": {"input_word_ids": IDS, "mask": MASK, "types": None, "type_ids": TYPES}},
    ),
    "a whole encoding": ([UserDict(input_ids=IDS, attention_mask=MASK, token_type_ids=TYPES)], {}),
    "numpy int32": (
        [],
        {
            "input_ids": IDS.numpy().astype(np.int32),
            "attention_mask": MASK.numpy(),
            "token_type_ids": TYPES.numpy().astype(np.int32),
        },
    ),
    "lists": ([IDS.tolist(), MASK.tolist(), TYPES.tolist()], {}),
    "float mask": ([IDS, MASK.float(), TYPES], {}),
    "numpy, of another byte order": ([IDS.numpy().astype(">i4"), MASK.numpy(), TYPES.numpy()], {}),
    "numpy, strides backwards": (
        [IDS.numpy()[:, ::-1].copy()[:, ::-1], MASK.numpy(), TYPES.numpy()],
        {},
    ),
}
del DIALECTS["a dict as inputs"][1]["inputs"]["types"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_all_dialects_and_forms_give_the_same_vectors(
    dialect: str, model: AlbertModel, expected: torch.Tensor
) -> None:
    given, named = DIALECTS[dialect]
    torch.testing.assert_close(model(*given, **named).last_hidden_state, expected)


def test_renamed_inputs_are_logged_once(
    model: AlbertModel, caplog: pytest.LogCaptureFixture
) -> None:
    door._log_renamed.cache_clear()
    with caplog.at_level(logging.WARNING):
        model(IDS, input_mask=MASK)
        model(IDS, input_mask=MASK)
    assert [record.getMessage() for record in caplog.records] == [
        "inputs renamed: input_mask → attention_mask"
    ]


def bad(code: str, *parts: str, **named: Any) -> Any:
    return pytest.param(code, parts, named, id=f"{code}: {', '.join(named)}"[:70])


BAD = [
    bad("inputs-missing", "neither"),
    bad("inputs-missing", "neither", attention_mask=MASK),
    bad("argument-given-twice", "both", input_ids=IDS, inputs_embeds=torch.ones(2, 5, 16)),
    bad("argument-given-twice", "as token_ids", input_ids=IDS, token_ids=IDS),
    bad("unknown-argument", "'attention_mask'", input_ids=IDS, atention_mask=MASK),
    bad("unknown-argument", "'nonsense'", input_ids=IDS, nonsense=1),
    bad("unknown-argument", "labels", input_ids=IDS, labels=IDS),
    bad("ids-not-integers", "torch.float32", input_ids=IDS.float()),
    bad("ids-not-integers", "torch.bool", input_ids=IDS.bool()),
    bad("ids-not-integers", "token_type_ids", input_ids=IDS, token_type_ids=TYPES.float()),
    bad("ids-not-integers", "position_ids", input_ids=IDS, position_ids=TYPES.float()),
    bad("id-out-of-range", "input_ids[0, 1] is 97", "0 to 96", input_ids=torch.tensor([[2, 97]])),
    bad("id-out-of-range", "input_ids[0, 0] is -1", input_ids=torch.tensor([[-1, 97]])),
    bad(
        "type-id-out-of-range",
        "[1, 4] is 2",
        input_ids=IDS,
        token_type_ids=IDS.clamp(0, 0) + 2 * torch.tensor([[0, 0, 0, 0, 0], [0, 0, 0, 0, 1]]),
    ),
    bad("inputs-rank", "[5]", "[None]", input_ids=IDS[0]),
    bad("inputs-rank", "[1, 2, 5]", input_ids=IDS[None]),
    bad("inputs-empty", "[0, 5]", input_ids=IDS[:0]),
    bad("inputs-empty", "[2, 0]", input_ids=IDS[:, :0]),
    bad("inputs-empty", "inputs_embeds", inputs_embeds=torch.ones(2, 0, 16)),
    bad("inputs-ragged", "padding=True", input_ids=[[2, 3], [2, 5, 3]]),
    bad("inputs-not-numbers", "is a set", input_ids={2, 5, 3}),
    bad("inputs-not-numbers", "holds something else than numbers", input_ids=[[2, None, 3]]),
    bad("text-not-ids", "input_ids is text", input_ids="How old are you?"),
    bad("text-not-ids", "input_ids is text", input_ids=[["How"], ["old"]]),
    bad("text-not-ids", "input_ids is text", input_ids=np.array(["How", "old"])),
    bad("text-too-long", "41 ids long", "40 positions", input_ids=torch.ones(1, 41).long()),
    bad("inputs-shape", "attention_mask", "[2, 5]", input_ids=IDS, attention_mask=MASK[:, :4]),
    bad("inputs-shape", "token_type_ids", input_ids=IDS, token_type_ids=TYPES[:1]),
    bad("inputs-shape", "position_ids", input_ids=IDS, position_ids=torch.arange(4)[None]),
    bad("inputs-shape", "16]: the embedding_size", "32", inputs_embeds=torch.ones(2, 5, 32)),
    bad("position-out-of-range", "is 40", input_ids=IDS, position_ids=torch.full((2, 5), 40)),
    bad("mask-values", "holds 2", input_ids=IDS, attention_mask=MASK * 2),
    bad("mask-values", "holds 0.5", input_ids=IDS, attention_mask=MASK * 0.5),
    bad(
        "mask-hides-everything",
        "row 1",
        input_ids=IDS,
        attention_mask=torch.tensor([[1, 1, 1, 1, 1], [0, 0, 0, 0, 0]]),
    ),
    bad(
        "mask-and-types-swapped",
        "by position",
        input_ids=IDS,
        attention_mask=TYPES,
        token_type_ids=MASK,
    ),
]


@pytest.mark.parametrize(("code", "parts", "named"), BAD)
def test_bad_inputs_get_one_line_that_names_them(
    model: AlbertModel, code: str, parts: tuple[str, ...], named: dict[str, Any]
) -> None:
    with pytest.raises(InputError) as caught:
        model(**named)
    line = str(caught.value)
    assert line.endswith(f"[{code}]")
    assert "\n" not in line
    for part in parts:
        assert part in line


def test_an_id_of_berts_vocabulary_is_named_as_such() -> None:
    config = AlbertConfig.from_dict({**CONFIG.to_dict(), "vocab_size": 30000})
    with pytest.raises(InputError, match=r"is 30521, this model has ids 0 to 29999; .*bert-base"):
        AlbertModel(config)(input_ids=torch.tensor([[2, 30521]]))
    assert preset("base").vocab_size == 30000


def test_too_many_positional_inputs_are_counted(model: AlbertModel) -> None:
    with pytest.raises(InputError, match=r"9 inputs are given by position.*\[unknown-argument\]"):
        model(IDS, MASK, TYPES, *[None] * 6)
    with pytest.raises(InputError, match=r"a list of 4 arrays.*\[unknown-argument\]"):
        model([IDS, MASK, TYPES, TYPES])


def test_nothing_is_computed_before_the_checks(model: AlbertModel) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the embeddings ran")

    handle = model.embeddings.register_forward_pre_hook(never)
    with pytest.raises(InputError):
        model(input_ids=torch.tensor([[2, 97]]))
    handle.remove()


LABELS: list[Any] = [
    (AlbertForMaskedLM, {"labels": IDS[:, :4]}, "inputs-shape"),
    (AlbertForMaskedLM, {"labels": IDS.float()}, "ids-not-integers"),
    (AlbertForMaskedLM, {"labels": IDS + 60}, "label-out-of-range"),
    (AlbertForMaskedLM, {"labels": torch.full((2, 5), -1)}, "label-out-of-range"),
    (AlbertForMaskedLM, {"masked_lm_positions": torch.tensor([[5], [0]])}, "position-out-of-range"),
    (AlbertForMaskedLM, {"masked_lm_positions": torch.tensor([[1]])}, "inputs-shape"),
    (AlbertForMaskedLM, {"masked_lm_positions": torch.tensor([1, 1])}, "inputs-rank"),
    (AlbertForMaskedLM, {"masked_lm_labels": IDS}, "unknown-argument"),
    (AlbertForPreTraining, {"sentence_order_label": torch.tensor([0, 2])}, "label-out-of-range"),
    (AlbertForPreTraining, {"next_sentence_label": torch.tensor([0, 1])}, "unknown-argument"),
    (AlbertForSequenceClassification, {"labels": torch.tensor([0, 2])}, "label-out-of-range"),
    (AlbertForSequenceClassification, {"labels": torch.tensor([0])}, "inputs-shape"),
    (AlbertForSequenceClassification, {"labels": torch.tensor([0.5, 1])}, "inputs-shape"),
    (AlbertForTokenClassification, {"labels": torch.tensor([0, 1])}, "inputs-shape"),
    (AlbertForQuestionAnswering, {"start_positions": torch.tensor([0.5, 1])}, "ids-not-integers"),
    (AlbertForQuestionAnswering, {"end_positions": torch.tensor([1])}, "inputs-shape"),
]


@pytest.mark.parametrize(("kind", "named", "code"), LABELS)
def test_bad_labels_are_refused_before_any_compute(
    kind: Any, named: dict[str, Any], code: str
) -> None:
    with pytest.raises(InputError, match=rf"\[{code}\]"):
        kind(CONFIG)(IDS, MASK, TYPES, **named)


def test_float_class_labels_are_refused_with_the_three_ways_out() -> None:
    model = AlbertForSequenceClassification(CONFIG)
    with pytest.raises(InputError, match=r"labels\.long\(\); for regression set num_labels=1"):
        model(IDS, labels=torch.tensor([0.0, 1.0]))


def test_choices_need_an_axis_of_their_own() -> None:
    with pytest.raises(InputError, match=r"\[batch, choices, length\].*\[inputs-rank\]"):
        AlbertForMultipleChoice(CONFIG)(IDS)
    with pytest.raises(InputError, match=r"\[inputs-missing\]"):
        AlbertForMultipleChoice(CONFIG)()


def test_one_label_of_two_gives_no_loss_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    output = AlbertForPreTraining(CONFIG)(IDS, labels=IDS)
    assert output.loss is None
    assert "needs both" in caplog.text
