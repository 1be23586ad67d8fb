"""Few-shot tuning by pairs: how they are drawn, the loss, and what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
from tests.finetuning.test_finetune import ROWS
from tests.support.tiny_models import save_tiny_vectors

from albertkit import TextEmbedder, finetune
from albertkit.finetuning import FinetuneOptions, FinetuneSession
from albertkit.finetuning import session as session_module
from albertkit.finetuning.contrastive import BATCH_PAIRS, PairData, _make_model, tune_pairs
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.spec.pooling_config import Normalize, PoolingConfig

TRAIN = Examples(
    "classification", ROWS["text"][:24], None, ROWS["label"][:24], np.arange(1, 25), "t"
)
LABELS = LabelSet.of(TRAIN)


@pytest.fixture
def embedder(tmp_path: Path) -> TextEmbedder:
    pooling = PoolingConfig(steps=(Normalize(),))
    return TextEmbedder(save_tiny_vectors(tmp_path / "vectors", pooling), precision="float32")


def make_data(embedder: TextEmbedder, seed: int = 0) -> PairData:
    ids = LABELS.ids(TRAIN)
    members = [np.flatnonzero(ids == label) for label in (0, 1)]
    return PairData(embedder.tokenizer.encode_batch(TRAIN.first), members, 4, seed)


def test_pairs_are_half_of_equal_labels_and_a_function_of_their_number(
    embedder: TextEmbedder,
) -> None:
    data = make_data(embedder)
    ids = LABELS.ids(TRAIN)
    rows, targets = data.draw(np.random.default_rng(0))
    assert targets.sum() == BATCH_PAIRS / 2
    assert ((ids[rows[0]] == ids[rows[1]]) == (targets > 0)).all()
    assert (rows[0] != rows[1]).all()
    first, again, other = (make_data(embedder, seed).block(1, 0, 0.0)[2] for seed in (0, 0, 1))
    assert first.encodings.ids.tolist() == again.encodings.ids.tolist()
    assert first.encodings.ids.tolist() != other.encodings.ids.tolist()
    alone = replace(data, members=[np.array([0]), np.array([1])])
    assert alone.draw(np.random.default_rng(0))[1].sum() == 0


def test_the_loss_is_that_of_sentence_transformers(embedder: TextEmbedder) -> None:
    data = make_data(embedder)
    rows, targets = data.draw(np.random.default_rng((data.seed, 0, 1)))
    packed = _make_model(embedder)
    with torch.no_grad():
        own = packed(data.block(0, 0, 0.0)[1]).loss
    peer = SentenceTransformer(str(embedder.model.path), device="cpu")
    loss = CosineSimilarityLoss(peer)
    features = [peer.tokenize([TRAIN.first[n] for n in side]) for side in rows.tolist()]
    with torch.no_grad():
        expected = loss(features, torch.from_numpy(targets))
    torch.testing.assert_close(own, expected, rtol=1e-4, atol=1e-5)


def test_training_separates_the_labels(embedder: TextEmbedder, tmp_path: Path) -> None:
    lines: list[Mapping[str, Any]] = []
    before = embedder.encode(TRAIN.first)
    tuned = tune_pairs(
        embedder,
        LABELS,
        TRAIN,
        directory=tmp_path / "run",
        steps=30,
        device="cpu",
        report=lines.append,
    )
    assert isinstance(tuned, TextEmbedder)
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < losses[0]
    np.testing.assert_array_equal(embedder.encode(TRAIN.first), before)
    assert np.abs(tuned.encode(TRAIN.first) - before).max() > 1e-3


def test_what_is_not_trained_is_said(embedder: TextEmbedder, tmp_path: Path) -> None:
    pairs = replace(TRAIN, second=TRAIN.first)
    assert "single texts" in str(tune_pairs(embedder, LABELS, pairs, directory=tmp_path))
    alike = replace(TRAIN, labels=[TRAIN.labels[0]] * len(TRAIN))
    assert "have one label" in str(tune_pairs(embedder, LABELS, alike, directory=tmp_path))
    late = tune_pairs(embedder, LABELS, TRAIN, directory=tmp_path / "run", seconds=1e-9)
    assert "it would take" in str(late)
    embedder.model = embedder.model.with_pooling(PoolingConfig(pooling="max"))
    assert "max" in str(tune_pairs(embedder, LABELS, TRAIN, directory=tmp_path))


def test_few_rows_of_each_label_let_it_take_part(
    embedder: TextEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    session = FinetuneSession.open(ROWS, None, FinetuneOptions())
    assert session._usual_contenders()[-1] == "contrastive"
    monkeypatch.setattr(session_module, "FEW_OF_LABEL", 50)
    assert session._usual_contenders()[-1] == "probe"
    tuned = finetune(
        {name: cells[:24] for name, cells in ROWS.items()},
        valid={name: cells[24:40] for name, cells in ROWS.items()},
        model=embedder.model.path,
        contenders=["contrastive"],
        output=tmp_path / "out",
    )
    assert tuned.report.contender == "contrastive"
    assert tuned.results[0].size > 0
