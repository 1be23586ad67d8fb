"""Small corpora for tests of training: words are numbers, and each number is its own id."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from albertkit.pretraining.shards import CorpusShard, write_shard
from albertkit.tokenization import AlbertTokenizer

VOCABULARY = 300
USUAL = {0: "[PAD]", 1: "[UNK]", 2: "[CLS]", 3: "[SEP]", 4: "[MASK]"}
FOREIGN = {3: "[PAD]", 0: "[UNK]", 1: "[CLS]", 2: "[SEP]", 298: "[MASK]"}  # id 4 is a word


def number_tokenizer(directory: Path, special: dict[int, str] = USUAL) -> AlbertTokenizer:
    """A tokenizer in which the word "17" has id 17.

    Args:
        directory: where its vocab.txt is written.
        special: id → name of the special pieces.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lines = [special.get(number, str(number)) for number in range(VOCABULARY)]
    (directory / "vocab.txt").write_text("\n".join(lines) + "\n")
    return AlbertTokenizer.from_pretrained(directory / "vocab.txt")


def number_documents(count: int = 40, seed: int = 7) -> list[list[str]]:
    """Documents of 2 to 12 sentences, each of 8 to 14 numbers from 5 to 290."""
    rng = np.random.default_rng(seed)
    return [
        [
            " ".join(str(n) for n in rng.integers(5, 291, rng.integers(8, 15)))
            for _ in range(rng.integers(2, 13))
        ]
        for _ in range(count)
    ]


def number_shard(directory: Path, special: dict[int, str] = USUAL) -> CorpusShard:
    """A shard of `number_documents`."""
    return write_shard(
        directory / "shard", number_documents(), number_tokenizer(directory, special)
    )
