"""Initial weights from piece vectors, and from another ALBERT of other depth or groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from albertkit.errors import FormatError, InputError
from albertkit.pretraining.initialization import (
    TABLE_STD,
    align_to_teacher,
    compute_principal_directions,
    initialize_from,
)
from albertkit.pretraining.losses import PackedPretraining
from albertkit.spec import AlbertConfig
from tests.support.axes import random_weights

CONFIG = AlbertConfig(
    vocab_size=60,
    embedding_size=8,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=24,
)
LAYER = "encoder.albert_layer_groups.{}.albert_layers.0.ffn.weight"


def test_similar_pieces_stay_similar() -> None:
    rng = np.random.default_rng(0)
    special = [0, 3, 7]
    plane = rng.normal(size=(50, 8)) @ rng.normal(size=(8, 32))
    table, projection = align_to_teacher(plane, 8, special)
    assert (table.shape, projection.shape) == ((50, 8), (32, 8))
    assert table.std() == pytest.approx(TABLE_STD, rel=0.2)
    ordinary = np.setdiff1d(np.arange(50), special)
    centred = (plane - plane.mean(0))[ordinary]
    expected = centred @ centred.T
    result = table[ordinary] @ table[ordinary].T
    assert np.corrcoef(expected.ravel(), result.ravel())[0, 1] > 0.9999  # 8 directions hold all
    random_rows = table[special] @ table[ordinary].T / np.linalg.norm(table[special])
    assert abs(random_rows).mean() < 0.5 * TABLE_STD * np.sqrt(8)


def test_cosines_survive_the_first_directions() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(60, 6)) @ rng.normal(size=(6, 40)) + 1
    rotated = vectors @ compute_principal_directions(vectors, 7)
    np.testing.assert_allclose(rotated @ rotated.T, vectors @ vectors.T, rtol=1e-9)


def test_vectors_narrower_than_asked_are_refused() -> None:
    with pytest.raises(InputError, match="piece-vectors-too-narrow"):
        compute_principal_directions(np.zeros((10, 4)), 8)


@pytest.mark.parametrize("heads", [(), ("sequence_classification",), ("masked_lm",)])
def test_all_weights_that_both_models_have_are_taken(heads: tuple[str, ...]) -> None:
    weights = random_weights(CONFIG, heads, seed=1)
    parameters = PackedPretraining(CONFIG).canonical_parameters()
    initialize_from(parameters, CONFIG, weights)
    taken = parameters.keys() & weights.arrays.keys()
    assert len(taken) >= 23
    for name in taken:
        np.testing.assert_array_equal(parameters[name].detach().numpy(), weights.arrays[name])


def test_a_new_masked_lm_head_points_back_to_the_word_table() -> None:
    parameters = PackedPretraining(CONFIG).canonical_parameters()
    initialize_from(parameters, CONFIG, random_weights(CONFIG, (), seed=1))
    table = parameters["embeddings.word_embeddings.weight"]
    vectors = table @ parameters["encoder.embedding_hidden_mapping_in.weight"].T
    back = vectors @ parameters["predictions.dense.weight"].T
    torch.testing.assert_close(back, table, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("old", "new", "sources"),
    [(1, 4, (0, 0, 0, 0)), (4, 1, (0,)), (4, 2, (0, 2)), (2, 4, (0, 0, 1, 1))],
)
def test_groups_are_copied_and_joined(old: int, new: int, sources: tuple[int, ...]) -> None:
    theirs = replace(CONFIG, num_hidden_layers=4, num_hidden_groups=old)
    ours = replace(CONFIG, num_hidden_layers=8, num_hidden_groups=new)
    weights = random_weights(theirs, ("masked_lm", "sentence_order"), seed=2)
    parameters = PackedPretraining(ours).canonical_parameters()
    initialize_from(parameters, ours, weights)
    for group, source in enumerate(sources):
        np.testing.assert_array_equal(
            parameters[LAYER.format(group)].detach().numpy(), weights.arrays[LAYER.format(source)]
        )


def test_one_shared_layer_in_four_groups_computes_the_same() -> None:
    theirs = replace(CONFIG, num_hidden_layers=4)
    ours = replace(theirs, num_hidden_groups=4)
    weights = random_weights(theirs, ("masked_lm", "sentence_order"), seed=3)
    results = []
    for config in (theirs, ours):
        model = PackedPretraining(config)
        initialize_from(model.canonical_parameters(), config, weights)
        ids = torch.arange(5, 25)[None]
        with torch.no_grad():
            results.append(model.albert.token_vectors(ids, ids * 0, ids - 5, None))
    torch.testing.assert_close(results[0], results[1], atol=0, rtol=0)


@pytest.mark.parametrize(
    "changed", [{"hidden_size": 32}, {"vocab_size": 61}, {"inner_group_num": 2}]
)
def test_another_size_is_refused(changed: dict[str, int]) -> None:
    config = replace(CONFIG, **changed)  # type: ignore[arg-type]  # all are whole numbers
    parameters = PackedPretraining(CONFIG).canonical_parameters()
    with pytest.raises(InputError, match="initialization-mismatch"):
        initialize_from(parameters, CONFIG, random_weights(config, (), seed=1))


def test_a_broken_checkpoint_is_refused() -> None:
    weights = random_weights(CONFIG, (), seed=1)
    broken = replace(weights, config=replace(CONFIG, hidden_size=32))
    with pytest.raises(FormatError, match="checkpoint-shape-mismatch"):
        initialize_from(PackedPretraining(CONFIG).canonical_parameters(), CONFIG, broken)
