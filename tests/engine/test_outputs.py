"""What the model cannot answer is refused by both engines before any compute."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.support.axes import CONFIG, random_encodings, random_weights

from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.packing import pack, plan
from albertkit.engine.protocol import Engine, OutputRequest, PackedBatch
from albertkit.errors import InputError

WEIGHTS = random_weights(CONFIG, ["question_answering"])


@pytest.fixture(scope="module", params=["numpy", "openvino"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return NumpyEngine(WEIGHTS) if request.param == "numpy" else OpenVinoEngine(WEIGHTS, threads=1)


@pytest.mark.parametrize("bad", [CONFIG.vocab_size, 30521, -1])
def test_an_id_outside_the_vocabulary(engine: Engine, bad: int) -> None:
    batch = batch_of(5)
    batch.ids[0, 2] = bad
    with pytest.raises(InputError, match=rf"an id is {bad}, .*0 to 96.*\[id-out-of-range\]"):
        engine.run(batch, OutputRequest(tokens=True))


def test_a_type_id_outside_the_table(engine: Engine) -> None:
    batch = batch_of(5)
    batch.type_ids[0, 2] = 2
    with pytest.raises(InputError, match=r"a type id is 2, .*\[type-id-out-of-range\]"):
        engine.run(batch, OutputRequest(tokens=True))


def test_a_text_with_more_positions_than_the_model(engine: Engine) -> None:
    with pytest.raises(InputError, match=r"a position is 40, .*0 to 39.*\[text-too-long\]"):
        engine.run(batch_of(41), OutputRequest(tokens=True))


@pytest.mark.parametrize(
    "wanted",
    [
        OutputRequest(mlm_tokens=np.array([1])),
        OutputRequest(head="sentence_order"),
        OutputRequest(head="sentiment"),
    ],
)
def test_a_head_that_is_not_there(engine: Engine, wanted: OutputRequest) -> None:
    with pytest.raises(InputError, match=r"its heads are question_answering.*\[head-missing\]"):
        engine.run(batch_of(5), wanted)


def test_pooled_vectors_of_a_model_without_pooler(engine: Engine) -> None:
    with pytest.raises(InputError, match=r"has no pooler.*\[pooler-missing\]"):
        engine.run(batch_of(5), OutputRequest(pooled=True))


def test_a_head_on_pooled_vectors_needs_the_pooler() -> None:
    weights = random_weights(CONFIG, ["sentence_order"], pooler=False)
    with pytest.raises(InputError, match=r"\[pooler-missing\]"):
        NumpyEngine(weights).run(batch_of(5), OutputRequest(head="sentence_order"))


def test_masked_words_are_no_linear_head() -> None:
    with pytest.raises(ValueError, match="mlm_tokens"):
        OutputRequest(head="masked_lm")


def batch_of(length: int) -> PackedBatch:
    encodings = random_encodings(dataclasses.replace(CONFIG, type_vocab_size=2), [length])
    (layout,) = plan(encodings.lengths)
    return pack(encodings, layout)
