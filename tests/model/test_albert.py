"""What transformers is not an oracle for: packed rows, the group rule, how weights begin."""

from __future__ import annotations

import pytest
import torch
from tests.support.axes import CONFIG, CONFIG_AXES, random_weights

from albertkit import AlbertConfig, AlbertForPreTraining, AlbertModel
from albertkit.model.albert import Attention
from albertkit.model.packed_attention import make_packed_mask


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("config", CONFIG_AXES)
def test_texts_packed_into_a_row_have_the_vectors_they_have_alone(
    config: AlbertConfig, attention: Attention
) -> None:
    model = AlbertModel.from_weights(random_weights(config), attn_implementation=attention)
    texts = [torch.tensor([2, 9, 40, 3]), torch.tensor([2, 3]), torch.tensor([2, 50, 51, 52, 3])]
    lengths = [len(text) for text in texts]
    empty = torch.zeros(2, dtype=torch.long)
    ids = torch.cat([*texts, empty])[None]  # [1, W]
    positions = torch.cat([*(torch.arange(n) for n in lengths), empty])[None]
    segment_ids = torch.cat([*(torch.full((n,), i) for i, n in enumerate(lengths)), empty - 1])[
        None
    ]
    with torch.no_grad():
        types = torch.zeros_like(ids)
        row = model.token_vectors(ids, types, positions, make_packed_mask(segment_ids))[0]
        alone = torch.cat([model(text[None]).last_hidden_state[0] for text in texts])
    torch.testing.assert_close(row[: sum(lengths)], alone, atol=1e-5, rtol=0)
    assert torch.isfinite(row).all()


@pytest.mark.parametrize(("layers", "groups"), [(18, 14), (22, 22)])
def test_layers_take_the_group_that_whole_numbers_say(layers: int, groups: int) -> None:
    config = AlbertConfig.from_dict(
        {**CONFIG.to_dict(), "num_hidden_layers": layers, "num_hidden_groups": groups}
    )
    model = AlbertModel(config)
    taken: list[int] = []
    for number, group in enumerate(model.encoder.albert_layer_groups):
        group.register_forward_hook(lambda *_, number=number: taken.append(number))
    model(input_ids=[[2, 3]])
    assert taken == [layer * groups // layers for layer in range(layers)]


def test_weights_begin_as_in_googles_code() -> None:
    torch.manual_seed(0)
    model = AlbertForPreTraining(CONFIG)
    for name, value in model.canonical_parameters().items():
        if name.endswith("bias"):
            assert float(value.detach().abs().max()) == 0, name
        elif "norm" in name.lower():
            assert bool((value == 1).all()), name
        else:
            # cut at two spreads, which leaves 0.88 of the spread
            assert float(value.detach().abs().max()) <= 2 * CONFIG.initializer_range, name
            assert abs(float(value.detach().std()) / CONFIG.initializer_range - 0.88) < 0.15, name


def test_a_model_without_pooler_cannot_pool() -> None:
    with pytest.raises(TypeError, match="without a pooler"):
        AlbertModel(CONFIG, add_pooling_layer=False).pool(torch.zeros(1, 32))


def test_a_trained_step_lowers_the_loss() -> None:
    torch.manual_seed(0)
    model = AlbertForPreTraining(CONFIG).train()
    batch = {
        "input_ids": torch.randint(5, 97, (4, 8)),
        "labels": torch.randint(5, 97, (4, 8)),
        "sentence_order_label": torch.tensor([0, 1, 0, 1]),
    }
    losses = []
    for _ in range(3):
        loss = model(**batch).loss
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter.sub_(0.1 * parameter.grad)
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)
