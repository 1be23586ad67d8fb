"""The engine that reads ONNX files gives what the numpy engine gives, whichever head is asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from albertkit.checkpoints import Stored
from albertkit.checkpoints.onnx import MODEL, ONNX
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.onnx_engine import OnnxEngine
from albertkit.engine.packing import Layout, pack
from albertkit.engine.protocol import PackedBatch, Wanted, given
from albertkit.errors import InputError
from albertkit.spec import HEADS, AlbertConfig, FloatArray, Weights
from axes import SMALL, random_encodings, random_weights

CONFIG = AlbertConfig(**SMALL)  # type: ignore[arg-type]  # plain data
LENGTHS = (40, 3, 17, 9, 2)
LAYOUT = Layout(width=40, rows=((0,), (2, 1, 3, 4)))  # texts beside each other, out of order
LINEAR = [spec.name for spec in HEADS if spec.name != "masked_lm"]


def engine_of(weights: Weights, place: Path) -> OnnxEngine:
    ONNX.write(Stored(weights), place)
    return OnnxEngine(weights, place / MODEL, threads=1)


def batch() -> PackedBatch:
    return pack(random_encodings(CONFIG, LENGTHS), LAYOUT)


def assert_close(found: FloatArray | None, expected: FloatArray | None) -> None:
    assert given(found).dtype == np.float32
    np.testing.assert_allclose(given(found), given(expected), rtol=0, atol=1e-5)


def test_vectors_and_words_of_packed_texts_equal_the_numpy_engines(tmp_path: Path) -> None:
    weights = random_weights(CONFIG, ["masked_lm"], pooler=True)
    wanted = Wanted(tokens=True, pooled=True, mlm_at=np.array([3, 40, 41, 70]))
    found = engine_of(weights, tmp_path / "m").run(batch(), wanted)
    expected = NumpyEngine(weights).run(batch(), wanted)
    assert_close(found.tokens, expected.tokens)
    assert_close(found.pooled, expected.pooled)
    assert_close(found.mlm_logits, expected.mlm_logits)
    assert found.head_logits is None


@pytest.mark.parametrize("name", LINEAR)
def test_logits_of_every_head_equal_the_numpy_engines(name: str, tmp_path: Path) -> None:
    weights = random_weights(CONFIG, [name])
    found = engine_of(weights, tmp_path / "m").run(batch(), Wanted(head=name))
    assert_close(
        found.head_logits, NumpyEngine(weights).run(batch(), Wanted(head=name)).head_logits
    )


def test_what_the_model_does_not_have_is_refused_before_it_is_asked(tmp_path: Path) -> None:
    engine = engine_of(random_weights(CONFIG, pooler=False), tmp_path / "m")
    with pytest.raises(InputError, match=r"\[pooler-missing\]"):
        engine.run(batch(), Wanted(pooled=True))
