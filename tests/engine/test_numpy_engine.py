"""The numpy engine is the quick start: what it must not import, and what it must not write to."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from tests.support.axes import CONFIG, random_encodings, random_weights

from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.packing import compute_text_vectors

ONE_VECTOR = """
import sys
import numpy as np
from albertkit.engine.packing import compute_text_vectors
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.spec import AlbertConfig, Weights, parameter_table
from albertkit.tokenization.encodings import Encodings
config = AlbertConfig(vocab_size=9, embedding_size=4, hidden_size=8, num_hidden_layers=2,
                      num_attention_heads=2, intermediate_size=8)
arrays = {row.name: np.ones(row.shape, np.float32) for row in parameter_table(config).stored}
ids = np.array([2, 5, 3], np.int32)
text = Encodings(ids, 0 * ids, np.array([0, 3]), np.array([0]))
assert compute_text_vectors(NumpyEngine(Weights(config, (), arrays)), text, "mean").shape == (1, 8)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_a_vector_needs_neither_openvino_nor_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ONE_VECTOR], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"openvino", "torch", "transformers"}


def test_weights_and_batch_stay_as_they_are() -> None:
    weights = random_weights(CONFIG)
    before = {name: array.copy() for name, array in weights.arrays.items()}
    texts = random_encodings(CONFIG, [7, 3])
    first = compute_text_vectors(NumpyEngine(weights), texts, "mean")
    for name, array in weights.arrays.items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
    np.testing.assert_array_equal(compute_text_vectors(NumpyEngine(weights), texts, "mean"), first)
