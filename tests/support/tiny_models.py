"""Directories of tiny models with random weights and a real vocabulary of 1,000 pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from albertkit.checkpoints import HUGGINGFACE, SENTENCE_TRANSFORMERS, Checkpoint
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tokenization import AlbertTokenizer
from tests.support.axes import CONFIG, random_weights

PIECES = Path(__file__).parents[1] / "fixtures" / "tiny_sp1000.model"
TINY = replace(CONFIG, vocab_size=1000)


def contents(paths: Iterable[Path]) -> dict[str, bytes]:
    """The files by name, as a Checkpoint holds them."""
    return {path.name: path.read_bytes() for path in paths}


def save_tiny(
    directory: Path, heads: Sequence[str] = (), *, seed: int = 0, pooler: bool | None = None
) -> Path:
    """A Hugging Face directory, with the tokenizer's files as we write them."""
    HUGGINGFACE.write(Checkpoint(random_weights(TINY, heads, seed, pooler)), directory)
    AlbertTokenizer.from_pretrained(PIECES).save_pretrained(directory)
    return directory


def save_tiny_vectors(
    directory: Path, plan: PoolingConfig, *, seed: int = 0, pooler: bool | None = None
) -> Path:
    """A sentence-transformers directory."""
    weights = random_weights(TINY, seed=seed, pooler=pooler)
    SENTENCE_TRANSFORMERS.write(Checkpoint(weights, pooling=plan), directory)
    AlbertTokenizer.from_pretrained(PIECES).save_pretrained(directory)
    return directory
