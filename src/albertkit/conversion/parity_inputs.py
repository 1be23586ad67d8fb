"""The inputs of a parity check: eight fixed texts, or seeded ids if there is no tokenizer.

The inputs are the same at every call. Lengths differ and two texts are pairs, so that padding,
positions and type ids are all part of the check.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from albertkit.spec import AlbertConfig
from albertkit.tokenization import AlbertTokenizer, Encodings
from albertkit.tokenization.encodings import concat

TEXTS = (
    "The capital of France is Paris.",
    "Water boils.",
    "In 2001, the café's menu had 1,000 (one thousand) dishes.",
    "Plants create energy through a process known as photosynthesis.",
    "A",
    "He said: “It’s well-known, isn't it?” – and left...",
)
SENTENCE_PAIRS = (
    ("How old are you?", "What is your age?"),
    ("The dog runs.", "Mathematics is the science of numbers, shapes and their relations."),
)
INPUTS_SEED = 20260
LENGTHS = (9, 2, 24, 12, 3, 17, 6, 14)  # of the seeded rows, in ids


@dataclass(frozen=True, slots=True)
class ParityInputs:
    """N encodings that both sides compute.

    Attributes:
        encodings: the ids.
        description: what they are, in words.
    """

    encodings: Encodings
    description: str


def make_parity_inputs(config: AlbertConfig, tokenizer: AlbertTokenizer | None) -> ParityInputs:
    """Return the eight inputs for a model of this config.

    Args:
        config: limits lengths, ids and type ids.
        tokenizer: makes ids from texts. None: ids are random, with a fixed seed.
    """
    if tokenizer is None:
        return ParityInputs(_draw_encodings(config), f"{len(LENGTHS)} rows of seeded ids")
    longest = config.max_position_embeddings
    first, second = (list(side) for side in zip(*SENTENCE_PAIRS, strict=True))
    singles = tokenizer.encode_batch(list(TEXTS), max_length=longest)
    pairs = tokenizer.encode_batch(first, second, max_length=longest)
    both = concat([singles, pairs])
    types = np.minimum(both.type_ids, config.type_vocab_size - 1)  # some models have one type
    encodings = Encodings(both.ids, types, both.offsets, both.dropped)
    return ParityInputs(encodings, f"{len(encodings)} texts")


def _draw_encodings(config: AlbertConfig) -> Encodings:
    rng = np.random.default_rng(INPUTS_SEED)
    lengths = np.minimum(LENGTHS, config.max_position_embeddings)
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    count = int(offsets[-1])
    return Encodings(
        ids=rng.integers(0, config.vocab_size, count, dtype=np.int32),
        type_ids=rng.integers(0, config.type_vocab_size, count, dtype=np.int32),
        offsets=offsets,
        dropped=np.zeros(len(lengths), np.int64),
    )
