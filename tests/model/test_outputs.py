"""Outputs by name, by number, and as tuples."""

from __future__ import annotations

import pytest
import torch
from tests.support.axes import CONFIG, random_weights

from albertkit import AlbertForMaskedLM, AlbertForSequenceClassification, AlbertModel
from albertkit.errors import InputError

IDS = torch.tensor([[2, 17, 3]])


@pytest.fixture(scope="module")
def words() -> AlbertForMaskedLM:
    return AlbertForMaskedLM.from_weights(random_weights(CONFIG, ["masked_lm"]))


def test_a_field_has_a_name_a_key_and_a_number(words: AlbertForMaskedLM) -> None:
    output = words(IDS)
    assert output.logits is output["logits"]
    assert output.logits is output[0]
    assert output[:1] == (output.logits,)
    assert output.loss is None
    assert "loss" not in output
    assert list(output) == ["logits"] == list(output.keys())
    assert len(output) == 1
    assert dict(**output)["logits"] is output.logits
    assert [value.shape for value in output.values()] == [(1, 3, 97)]
    with pytest.raises(KeyError):
        output["loss"]


def test_fields_keep_their_order_with_a_loss(words: AlbertForMaskedLM) -> None:
    output = words(IDS, labels=IDS, output_hidden_states=True, output_attentions=True)
    assert [name for name, _ in output.items()] == ["loss", "logits", "hidden_states", "attentions"]
    loss, logits, states, attentions = output.to_tuple()
    assert loss is output.loss
    assert logits is output.logits
    assert len(states) == 1 + len(attentions)


def test_return_dict_false_gives_the_tuple(words: AlbertForMaskedLM) -> None:
    (logits,) = words(IDS, return_dict=False)
    torch.testing.assert_close(logits, words(IDS).logits)


@pytest.mark.parametrize("asked", [2, [0, 2], "all"])
@pytest.mark.parametrize("name", ["output_hidden_states", "output_attentions"])
def test_all_repetitions_are_returned_or_none(
    words: AlbertForMaskedLM, name: str, asked: object
) -> None:
    """transformers 5 takes numbers of layers: to return all instead would be another layer."""
    with pytest.raises(InputError, match=rf"{name} is .*model-argument-invalid"):
        words(IDS, **{name: asked})
    assert words(IDS, **{name: None}).to_tuple()[1:] == ()


def test_a_model_without_pooler_has_no_pooled_output() -> None:
    model = AlbertModel.from_weights(random_weights(CONFIG, pooler=False))
    assert model(IDS).pooler_output is None
    assert model(IDS).keys() == {"last_hidden_state"}


def test_data_parallel_gathers_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """With torch's own walk over the outputs; only its copy between GPUs is replaced."""
    from torch.nn.parallel import scatter_gather

    class OnCpu:
        @staticmethod
        def apply(device: object, dim: int, *tensors: torch.Tensor) -> torch.Tensor:
            return torch.cat(tensors, dim) if tensors[0].dim() else torch.stack(tensors)

    monkeypatch.setattr(scatter_gather, "Gather", OnCpu)
    ids, labels = torch.tensor([[2, 5, 3], [2, 9, 3]]), torch.tensor([1, 0])
    model = AlbertForSequenceClassification.from_weights(
        random_weights(CONFIG, ["sequence_classification"])
    )
    parts = [
        model(ids[row : row + 1], labels=labels[row : row + 1], output_hidden_states=True)
        for row in range(2)
    ]
    whole = scatter_gather.gather(parts, torch.device("cpu"))
    expected = model(ids, labels=labels, output_hidden_states=True)
    assert type(whole) is type(expected)
    torch.testing.assert_close(whole.logits, expected.logits)
    torch.testing.assert_close(whole["hidden_states"], expected.hidden_states)
    torch.testing.assert_close(whole.loss.mean(), expected.loss)
    assert list(whole) == list(expected)
