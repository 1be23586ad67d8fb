"""The extremes of what products meet: of real slots only, for each use of a shared matrix."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.axes import CONFIG, CONFIG_AXES, random_encodings, random_weights

from albertkit.engine.int8.calibration import (
    MAX_TEXTS,
    MIN_TEXTS,
    draw_sample,
    measure_product_inputs,
)
from albertkit.errors import InputError
from albertkit.graph.encoder import emit_embeddings
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec import AlbertConfig
from albertkit.tokenization.encodings import select

QUERY = "encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight"


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_each_matrix_of_the_layers_has_extremes_for_each_of_its_uses(config: AlbertConfig) -> None:
    weights = random_weights(config)
    extremes = dict(measure_product_inputs(weights, random_encodings(config, [9, 4, 7])))
    groups = [config.group_of(repetition) for repetition in range(config.num_hidden_layers)]
    for row in weights.table():
        if row.group is not None and len(row.shape) == 2:
            uses = extremes.pop(row.name)
            assert len(uses) == groups.count(row.group)
            assert all(use.low.shape == use.high.shape == row.shape[1:] for use in uses)
            assert all(np.all(use.low <= 0) and np.all(use.high >= 0) for use in uses)
    assert not extremes


def test_extremes_are_those_of_the_texts_however_they_are_packed() -> None:
    weights = random_weights(CONFIG)
    texts = random_encodings(CONFIG, [40, 3, 17, 9, 2, 30])  # some rows have empty slots
    (first, *_) = measure_product_inputs(weights, texts)[QUERY]
    emit = NumpyEmitter(CONFIG, weights.arrays)
    entering = []
    for text in texts:
        places = np.arange(len(text), dtype=np.int32)
        entering.append(emit_embeddings(emit, text.ids, text.type_ids, places))  # [S, H]
    values = np.concatenate(entering)
    np.testing.assert_allclose(first.low, np.minimum(values.min(0), 0), atol=1e-5)
    np.testing.assert_allclose(first.high, np.maximum(values.max(0), 0), atol=1e-5)


def test_every_fourth_text_is_held_out_and_none_is_in_both() -> None:
    lengths = [2 + number % 30 for number in range(1000)]
    sample = draw_sample(random_encodings(CONFIG, lengths))
    assert len(sample.fitted) + len(sample.held) == MAX_TEXTS
    assert len(sample.held) == MAX_TEXTS // 4
    fitted = {text.ids.tobytes() for text in sample.fitted if len(text) > 8}
    assert not fitted & {text.ids.tobytes() for text in sample.held if len(text) > 8}
    # from the first to the last, so that a sorted list gives short and long ones
    assert min(sample.held.lengths) < 5
    assert max(sample.held.lengths) > 27


def test_of_long_texts_fewer_are_taken() -> None:
    sample = draw_sample(random_encodings(CONFIG, [400] * 500))
    assert len(sample.fitted) + len(sample.held) == MIN_TEXTS


def test_too_few_texts_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"63 different texts.*as calibration.*\[calibration-missing\]"
    ):
        draw_sample(random_encodings(CONFIG, [9] * 63))


def test_a_repeated_text_is_one_text() -> None:
    texts = random_encodings(CONFIG, [9] * 64)
    sample = draw_sample(select(texts, [*range(64), *range(64)]))
    assert len(sample.fitted) + len(sample.held) == 64
    with pytest.raises(
        InputError, match=r"there is one text to calibrate.*\[calibration-missing\]"
    ):
        draw_sample(select(texts, [7] * 100))
