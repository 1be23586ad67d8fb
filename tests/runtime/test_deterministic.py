"""deterministic=True from end to end: text in, the same bits out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.native import needs_native
from tests.support.tiny_models import save_tiny, save_tiny_vectors

from albertkit import FillMask, TextEmbedder, load
from albertkit.errors import InputError
from albertkit.runtime import LoadOptions
from albertkit.spec.pooling_config import Dense, Normalize, PoolingConfig
from albertkit.tasks.embed_job import EmbedJob
from albertkit.tasks.jobs.run_job import run_job, start_job

TEXTS = ["a glass of water", "How old are you?", "the", "", "my phone is not good at all " * 3]
CHANCE = np.random.default_rng(3)
PLAN = PoolingConfig(
    steps=(
        Dense(
            CHANCE.normal(0, 0.3, (12, 32)).astype(np.float32),
            CHANCE.normal(0, 0.3, 12).astype(np.float32),
            "tanh",
        ),
        Normalize(),
    )
)


def test_a_text_has_the_same_bits_alone_and_in_any_list(tmp_path: Path) -> None:
    path = save_tiny_vectors(tmp_path / "vectors", PLAN)
    embedder = TextEmbedder(path, deterministic=True)
    alone = np.stack([embedder.encode(text) for text in TEXTS])
    for order in ([3, 1, 4, 0, 2], [2, 0, 0, 4], [1] * 40):
        vectors = embedder.encode([TEXTS[number] for number in order], batch_size=2)
        np.testing.assert_array_equal(vectors, alone[order])
    usual = TextEmbedder(path).encode(TEXTS)
    np.testing.assert_allclose(alone, usual, rtol=0, atol=1e-5)  # float32
    embedder.close()


def test_words_have_the_same_scores_alone_and_in_any_list(tmp_path: Path) -> None:
    fill = FillMask(save_tiny(tmp_path / "model", ["masked_lm"]), deterministic=True)
    texts = ["a [MASK] of water", "[MASK] old are you?", "the [MASK]", f"my {'phone ' * 9}[MASK]"]
    alone = [fill(text) for text in texts]
    for order in ([2, 0, 3, 1], [1, 1], [3] * 20):
        assert fill([texts[number] for number in order]) == [alone[number] for number in order]
    fill.close()


def test_a_job_gives_the_bits_that_a_text_alone_has(tmp_path: Path) -> None:
    path = save_tiny_vectors(tmp_path / "vectors", PLAN)
    lines = [text for text in TEXTS if text] * 5
    (tmp_path / "lines.txt").write_text("\n".join(lines), encoding="utf-8")
    job = EmbedJob(
        (str(tmp_path / "lines.txt"),),
        model=str(path),
        shard_rows=7,
        load=LoadOptions(deterministic=True),
    )
    with start_job(job, tmp_path / "out", shard_format="npy") as open_job:
        run_job(open_job)
    parts = sorted((tmp_path / "out").glob("part-*.npy"))
    assert len(parts) == 3
    embedder = TextEmbedder(path, deterministic=True)
    alone = np.stack([embedder.encode(line) for line in lines])
    np.testing.assert_array_equal(np.concatenate([np.load(part) for part in parts]), alone)


@pytest.mark.usefixtures("without_native")
def test_it_is_openvino_from_the_first_text_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openvino  # noqa: F401 - the plain half lacks it

    loaded = load(save_tiny(tmp_path / "m"), deterministic=True)
    assert loaded.engine_for(loaded.tokenizer.encode_batch(["the"])).name == "openvino"
    loaded.close()
    monkeypatch.setitem(sys.modules, "openvino", None)
    loaded = load(tmp_path / "m", deterministic=True)
    assert loaded.engine_for(loaded.tokenizer.encode_batch(["the"])).name == "numpy"


@needs_native
def test_it_is_the_native_engine_if_that_was_built(tmp_path: Path) -> None:
    loaded = load(save_tiny(tmp_path / "m"), deterministic=True)
    assert loaded.engine_for(loaded.tokenizer.encode_batch(["the"])).name == "native"
    loaded.close()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"engine": "torch"}, "option-invalid"),
        ({"device": "cuda"}, "option-invalid"),
    ],
)
def test_what_cannot_promise_it_is_refused_before_the_model_is_looked_for(
    options: dict[str, Any], code: str
) -> None:
    with pytest.raises(InputError, match=rf"deterministic.*\[{code}\]"):
        load("/nowhere", deterministic=True, **options)
