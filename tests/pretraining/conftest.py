"""A small corpus of made-up ids, for the tests of pretraining data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from albertkit.pretraining.shards import Shard, write_shard

VOCABULARY = 300


def number_words(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Ids of texts made of numbers: the numbers themselves."""
    rows = [[int(word.strip(".")) for word in text.split()] for text in texts]
    starts = np.cumsum([0, *map(len, rows)])
    return np.array([i for row in rows for i in row], np.int32), starts


@pytest.fixture(scope="session")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Shard:
    """40 documents of 1 to 12 sentences of 5 to 14 ids; id 299 occurs nowhere."""
    rng = np.random.default_rng(7)
    corpus = [
        [
            " ".join(str(i) for i in rng.integers(5, VOCABULARY - 1, rng.integers(5, 15))) + "."
            for _ in range(rng.integers(1, 13))
        ]
        for _ in range(40)
    ]
    place = tmp_path_factory.mktemp("corpus") / "shard"
    return write_shard(Path(place), corpus, number_words, vocab_size=VOCABULARY)
