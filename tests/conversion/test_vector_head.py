"""A linear head on text vectors goes along to the formats that have text vectors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.axes import random_weights
from tests.support.tiny_models import PIECES, TINY

from albertkit import TextClassifier, TextEmbedder
from albertkit.checkpoints import HUGGINGFACE, SENTENCE_TRANSFORMERS, Checkpoint, read_checkpoint
from albertkit.conversion import convert
from albertkit.errors import InputError
from albertkit.spec.config_values import ProblemType
from albertkit.spec.pooling_config import Normalize, PoolingConfig
from albertkit.spec.vector_head import VectorHead
from albertkit.tokenization import AlbertTokenizer

TEXTS = ["the king said no", "a war", "of the house and its many gates"]
PAIRS = [(text, TEXTS[0]) for text in TEXTS]


def save_classifier(
    directory: Path,
    problem_type: ProblemType = "single_label_classification",
    *,
    reads_pairs: bool = False,
) -> Path:
    """A directory as a probe is written, with random weights and a temperature."""
    rng = np.random.default_rng(0)
    labels = ("value",) if problem_type == "regression" else ("a", "b", "ç")
    width = TINY.hidden_size * (4 if reads_pairs else 1)
    head = VectorHead(
        rng.normal(size=(len(labels), width)).astype(np.float32),
        rng.normal(size=len(labels)).astype(np.float32),
        labels,
        problem_type,
        reads_pairs,
        temperature=1.5,
    )
    weights = random_weights(TINY)
    config = replace(TINY, id2label=dict(enumerate(labels)), problem_type=problem_type)
    checkpoint = Checkpoint(
        replace(weights, config=config),
        pooling=PoolingConfig(steps=(Normalize(),), max_length=64),
        vector_head=head,
    )
    SENTENCE_TRANSFORMERS.write(checkpoint, directory)
    AlbertTokenizer.from_pretrained(PIECES).write_files(directory)
    return directory


@pytest.mark.parametrize(
    "problem_type", ["single_label_classification", "multi_label_classification", "regression"]
)
def test_an_onnx_file_computes_the_logits(tmp_path: Path, problem_type: ProblemType) -> None:
    import onnxruntime

    source = TextClassifier(save_classifier(tmp_path / "source", problem_type), precision="float32")
    convert(tmp_path / "source", tmp_path / "onnx", to="onnx")
    session = onnxruntime.InferenceSession(tmp_path / "onnx" / "model.onnx")
    assert session.get_outputs()[0].name == "logits"
    inputs: Any = source.tokenizer(TEXTS, padding=True, return_tensors="np")
    wanted = {port.name for port in session.get_inputs()}
    (logits,) = session.run(["logits"], {name: inputs[name].astype(np.int64) for name in wanted})
    np.testing.assert_allclose(logits, source.compute_logits(TEXTS), atol=1e-4)
    copy = TextClassifier(tmp_path / "onnx", precision="float32")
    np.testing.assert_allclose(copy.compute_logits(TEXTS), source.compute_logits(TEXTS), atol=1e-4)
    assert copy.labels == source.labels
    vectors, expected = (
        TextEmbedder(tmp_path / name, precision="float32").encode(TEXTS)
        for name in ("onnx", "source")
    )
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


@pytest.mark.parametrize("target", ["onnx", "onnx-int8", "sentence-transformers"])
def test_a_head_that_reads_pairs_goes_along_with_the_encoder(tmp_path: Path, target: str) -> None:
    save_classifier(tmp_path / "source", reads_pairs=True)
    source = TextClassifier(tmp_path / "source", precision="float32")
    convert(tmp_path / "source", tmp_path / "copy", to=target)
    copy = TextClassifier(tmp_path / "copy", precision="float32")
    limit = 0.2 if target == "onnx-int8" else 1e-4
    np.testing.assert_allclose(copy.compute_logits(PAIRS), source.compute_logits(PAIRS), atol=limit)


def test_the_head_comes_back_from_onnx(tmp_path: Path) -> None:
    save_classifier(tmp_path / "source")
    convert(tmp_path / "source", tmp_path / "onnx", to="onnx")
    convert(tmp_path / "onnx", tmp_path / "back", to="sentence-transformers")
    heads = [read_checkpoint(tmp_path / name).vector_head for name in ("source", "back")]
    assert heads[0] is not None
    assert heads[1] is not None
    np.testing.assert_array_equal(heads[0].weight, heads[1].weight)
    assert heads[0].temperature == heads[1].temperature == 1.5


def test_a_format_without_vectors_refuses_the_head_until_it_is_left_out(tmp_path: Path) -> None:
    save_classifier(tmp_path / "source")
    with pytest.raises(InputError, match=r"classifier.*--without classifier.*onnx.*finetune"):
        convert(tmp_path / "source", tmp_path / "hf", to="huggingface")
    assert not (tmp_path / "hf").exists()
    without = ["vectors", "classifier"]
    convert(tmp_path / "source", tmp_path / "hf", to="huggingface", without=without)
    assert HUGGINGFACE.read(tmp_path / "hf").vector_head is None
