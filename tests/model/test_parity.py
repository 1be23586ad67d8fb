"""All classes against transformers, on every axis of the config: numbers, losses, gradients.

1e-5 is what two float32 programs differ by in the order of their sums, on vectors of size one.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.support.axes import CONFIG, CONFIG_AXES, random_weights
from tests.support.oracle import transformers_model

import albertkit
from albertkit import AlbertConfig
from albertkit.spec import HEADS

ATOL = 1e-5
B, S, C = 3, 11, 4
LENGTHS = (11, 7, 3)
CLASSES = {
    "AlbertModel": (),
    "AlbertForPreTraining": ("masked_lm", "sentence_order"),
    **{
        spec.architecture: (spec.name,)
        for spec in HEADS
        if spec.architecture and spec.name != "sentence_order"
    },
}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(config: AlbertConfig, *, choices: int = 1) -> dict[str, torch.Tensor]:
    """Pairs of texts, right-padded; with id 0 inside, which is nothing special."""
    rows = B * choices
    ids = torch.randint(0, config.vocab_size, (rows, S), generator=rng())
    mask = torch.tensor([[int(s < LENGTHS[r % B]) for s in range(S)] for r in range(rows)])
    types = torch.tensor([[int(LENGTHS[r % B] // 2 < s) for s in range(S)] for r in range(rows)])
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types * mask}
    if choices == 1:
        return given
    return {name: value.view(B, choices, S) for name, value in given.items()}


def labels(name: str, config: AlbertConfig) -> dict[str, torch.Tensor]:
    """Labels of every kind that a class takes, some of them -100."""
    words = torch.randint(0, config.vocab_size, (B, S), generator=rng(1))
    words[torch.rand(B, S, generator=rng(2)) < 0.7] = -100
    tags = torch.randint(0, config.num_labels, (B, S), generator=rng(1))
    tags[:, 5:] = -100
    return {
        "AlbertModel": {},
        "AlbertForPreTraining": {
            "labels": words,
            "sentence_order_label": torch.tensor([0, 1, 1]),
        },
        "AlbertForMaskedLM": {"labels": words},
        "AlbertForSequenceClassification": {"labels": torch.tensor([1, 0, 1])},
        "AlbertForTokenClassification": {"labels": tags},
        "AlbertForQuestionAnswering": {
            "start_positions": torch.tensor([0, 20, -3]),
            "end_positions": torch.tensor([4, 2, 11]),
        },
        "AlbertForMultipleChoice": {"labels": torch.tensor([0, 3, 2])},
    }[name]


def both(name: str, config: AlbertConfig, attention: str = "sdpa") -> tuple[Any, Any]:
    """Our model and transformers', in eval, with the same weights."""
    weights = random_weights(config, CLASSES[name], seed=3)
    ours = getattr(albertkit, name).from_weights(weights, attn_implementation=attention)
    theirs: Any = transformers_model(weights, name)
    theirs.set_attn_implementation("eager")  # the only one that returns attentions
    return ours, theirs


def close(ours: Any, theirs: Any, where: str) -> None:
    torch.testing.assert_close(ours, theirs, atol=ATOL, rtol=0, msg=lambda m: f"{where}: {m}")


def assert_same_outputs(ours: Any, theirs: Any) -> None:
    assert list(ours.keys()) == list(theirs.keys())
    for name in ours:
        if isinstance(ours[name], tuple):
            assert len(ours[name]) == len(theirs[name])
            for number, (mine, other) in enumerate(zip(ours[name], theirs[name], strict=True)):
                close(mine, other, f"{name}[{number}]")
        else:
            close(ours[name], theirs[name], name)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("config", CONFIG_AXES)
def test_every_hidden_state_and_attention_equals_transformers(
    config: AlbertConfig, attention: str
) -> None:
    ours, theirs = both("AlbertModel", config, attention)
    asked = {"output_hidden_states": True, "output_attentions": True}
    with torch.no_grad():
        mine, other = ours(**batch(config), **asked), theirs(**batch(config), **asked)
        plain = ours(**batch(config))
    assert len(mine.hidden_states) == 1 + config.num_hidden_layers * config.inner_group_num
    assert_same_outputs(mine, other)
    real = batch(config)["attention_mask"].bool()
    close(plain.last_hidden_state[real], other.last_hidden_state[real], "without the trace")
    close(plain.pooler_output, other.pooler_output, "pooled, without the trace")


@pytest.mark.parametrize("config", CONFIG_AXES)
@pytest.mark.parametrize("name", [name for name in CLASSES if name != "AlbertModel"])
def test_logits_losses_and_gradients_of_every_head_equal_transformers(
    name: str, config: AlbertConfig
) -> None:
    ours, theirs = both(name, config)
    given = batch(config, choices=C if name == "AlbertForMultipleChoice" else 1)
    asked = {"output_hidden_states": True, **labels(name, config)}
    mine, other = ours(**given, **asked), theirs(**given, **asked)
    assert_same_outputs(mine, other)
    mine.loss.backward()
    other.loss.backward()
    expected = dict(theirs.named_parameters())
    for parameter, value in ours.named_parameters():
        gradient = expected[parameter].grad
        if parameter.endswith("word_embeddings.weight"):
            # padding_idx keeps row 0 from what the lookup gives it: transformers' own effect
            close(value.grad[1:], gradient[1:], parameter)
        elif gradient is None:  # a group that no layer uses
            assert value.grad is None
        else:
            close(value.grad, gradient, parameter)


def test_row_zero_of_the_word_table_learns_like_any_other() -> None:
    ours, theirs = both("AlbertModel", CONFIG)
    theirs.embeddings.word_embeddings.padding_idx = None
    for model in (ours, theirs):
        output = model(input_ids=torch.tensor([[2, 0, 5, 0, 3]])).last_hidden_state
        (output * torch.linspace(-1, 1, output.numel()).view_as(output)).sum().backward()
    rows = ours.embeddings.word_embeddings.weight.grad
    assert rows[0].abs().max() > 1e-3
    close(rows, theirs.embeddings.word_embeddings.weight.grad, "row 0")


@pytest.mark.parametrize(
    ("problem_type", "classes", "given"),
    [
        (None, 1, torch.tensor([0.5, 2.0, -1.0])),
        (None, 1, torch.tensor([[0.5], [2.0], [-1.0]])),
        (None, 3, torch.tensor([2, 0, 1])),
        (None, 3, torch.tensor([2, 0, 1], dtype=torch.int32).long()),
        (None, 3, torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 1, 1]])),
        ("regression", 3, torch.tensor([[1.0, 0, 1], [0, 0.5, 0], [1, 1, 1]])),
        ("single_label_classification", 3, torch.tensor([[2], [0], [1]])),
        ("multi_label_classification", 3, torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 1, 1]])),
    ],
)
def test_each_problem_type_has_transformers_loss(
    problem_type: str | None, classes: int, given: torch.Tensor
) -> None:
    config = AlbertConfig.from_dict(
        {**CONFIG.to_dict(), "num_labels": classes, "problem_type": problem_type}
    )
    ours, theirs = both("AlbertForSequenceClassification", config)
    inputs = batch(config)
    assert_same_outputs(ours(**inputs, labels=given), theirs(**inputs, labels=given))


def test_whole_numbers_serve_as_labels_of_several_classes_and_of_regression() -> None:
    config = AlbertConfig.from_dict(
        {**CONFIG.to_dict(), "num_labels": 3, "problem_type": "multi_label_classification"}
    )
    ours, _ = both("AlbertForSequenceClassification", config)
    whole = torch.tensor([[1, 0, 1], [0, 0, 0], [1, 1, 1]])
    inputs = batch(config)
    assert ours(**inputs, labels=whole).loss == ours(**inputs, labels=whole.float()).loss


@pytest.mark.parametrize("name", ["AlbertForPreTraining", "AlbertForMaskedLM"])
def test_word_logits_at_given_positions_are_those_of_all_positions(name: str) -> None:
    ours, _ = both(name, CONFIG)
    positions = torch.tensor([[1, 4], [0, 0], [2, 10]])
    words = torch.tensor([[5, -100], [7, -100], [1, 96]])
    every = torch.full((B, S), -100)
    every[torch.arange(B)[:, None], positions] = words
    every[1, 0] = 7  # position 0 stands twice there, once without a label
    order = {"sentence_order_label": torch.tensor([0, 1, 1])} if "Pre" in name else {}
    some = ours(**batch(CONFIG), masked_lm_positions=positions, labels=words, **order)
    full = ours(**batch(CONFIG), labels=every, **order)
    logits = some[1]
    assert logits.shape == (B, 2, CONFIG.vocab_size)
    close(logits, full[1][torch.arange(B)[:, None], positions], "logits")
    close(some.loss, full.loss, "loss")


def test_embedded_words_stand_in_place_of_ids() -> None:
    ours, theirs = both("AlbertModel", CONFIG)
    given = batch(CONFIG)
    words = torch.randn(B, S, CONFIG.embedding_size, generator=rng())
    given.pop("input_ids")
    with torch.no_grad():
        mine = ours(**given, inputs_embeds=words, output_hidden_states=True)
        other = theirs(**given, inputs_embeds=words, output_hidden_states=True)
    assert_same_outputs(mine, other)


def test_embedded_choices_stand_in_place_of_ids() -> None:
    ours, theirs = both("AlbertForMultipleChoice", CONFIG)
    words = torch.randn(B, C, S, CONFIG.embedding_size, generator=rng())
    assert_same_outputs(ours(inputs_embeds=words), theirs(inputs_embeds=words))


def test_given_positions_equal_transformers() -> None:
    ours, theirs = both("AlbertModel", CONFIG)
    positions = torch.arange(S).flip(0)[None]
    given = batch(CONFIG)
    assert_same_outputs(
        ours(**given, position_ids=positions, output_attentions=True),
        theirs(**given, position_ids=positions, output_attentions=True),
    )


def test_a_text_padded_or_alone_has_the_same_vectors() -> None:
    ours, _ = both("AlbertModel", CONFIG)
    given = batch(CONFIG)
    padded = ours(**given).last_hidden_state[1, : LENGTHS[1]]
    alone = ours(**{name: value[1:2, : LENGTHS[1]] for name, value in given.items()})
    close(padded, alone.last_hidden_state[0], "padding")


def test_dropout_stands_where_googles_code_has_it() -> None:
    config = AlbertConfig.from_dict({**CONFIG.to_dict(), "hidden_dropout_prob": 0.5})
    model: Any = albertkit.AlbertModel(config)
    layer = model.encoder.albert_layer_groups[0].albert_layers[0]
    seen: list[str] = []
    for name, part in model.named_modules():
        if isinstance(part, torch.nn.Dropout) and part.p:
            part.register_forward_hook(lambda *_, name=name: seen.append(name.split(".")[-1]))
    model.train()(input_ids=torch.tensor([[2, 5, 3]]))
    assert seen == ["dropout", *["output_dropout", "dropout"] * config.num_hidden_layers]
    assert layer.dropout.p == 0.5  # after the feed-forward network: transformers leaves it out
