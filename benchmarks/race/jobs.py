"""What the contestants are asked: lists of texts, in calls.

`long` and `sentences` stand for a list of thousands that its owner encodes at one go: batches of
32 texts of like length, of which every n-th is asked. So padding is that of the long list, and a
round takes seconds. How long the list is decides a ratio more than any kernel does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from albertkit.tokenization import AlbertTokenizer
from mix import draw_lengths
from race.names import SINGLES
from race.texts import Words

BATCH = 32  # what peers pad together: sentence-transformers' default
LISTED = 4000  # texts of the long lists
SHORT = 160  # texts of the short list
REQUEST = 16

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each job one round takes, for the shapes' speeds differ by a factor of fifty.

    every: of the batches of a long list the n-th is asked. requests: calls. ids: of all calls
    with one text, of each length.
    """

    every: int
    requests: int
    ids: int


SIZES: Mapping[str, Size] = MappingProxyType(
    {
        "base": Size(every=25, requests=2, ids=512),
        "small": Size(every=16, requests=6, ids=2048),
        "small-en-vectors": Size(every=8, requests=12, ids=4096),
    }
)


QUICK_SIZES: Mapping[str, Size] = MappingProxyType(
    {
        "base": Size(every=40, requests=1, ids=256),
        "small": Size(every=40, requests=2, ids=512),
        "small-en-vectors": Size(every=20, requests=4, ids=1024),
    }
)


@dataclass(frozen=True, slots=True)
class Job:
    """calls: each a list of texts. tokens: ids of all, specials included. description: in words."""

    calls: list[list[str]]
    tokens: int
    description: str


def jobs_of(words: Words, tokenizer: AlbertTokenizer, size: Size, longest: int) -> dict[str, Job]:
    """All jobs of a shape, the same for the same words; no text is longer than the model reads."""

    def within(lengths: list[int]) -> list[int]:
        return [min(length, longest) for length in lengths]

    def job(calls: list[list[str]], output: str) -> Job:
        texts = [text for call in calls for text in call]
        values = tokenizer.encode_batch(texts)
        return Job(calls, int(values.lengths.sum()), output)

    mixed = within(draw_lengths(LISTED, seed=5))
    plain = draw_lengths(LISTED, seed=7, kinds=("sentences",))
    batches = f"every {size.every}th batch of {LISTED:,} texts"
    few = size.requests * REQUEST
    short = within(draw_lengths(SHORT, seed=6))
    asked = within(draw_lengths(few, seed=8))
    values = {
        "long": job([words.texts(thin_batches(mixed, size.every), seed=5)], batches),
        "list": job([words.texts(short, seed=6)], f"one call of {SHORT}"),
        "requests": job(
            in_calls(words.texts(asked, seed=8), REQUEST),
            f"{size.requests} calls of {REQUEST}",
        ),
        "sentences": job([words.texts(thin_batches(plain, size.every), seed=7)], batches),
    }
    for name, length in SINGLES.items():
        if length > longest:
            continue
        count = max(2, min(64, size.ids // length))
        text = words.texts([length], seed=9)[0]
        values[name] = job([[text]] * count, f"{count} calls of one text")
    return values


def thin_batches(lengths: list[int], every: int) -> list[int]:
    """Every n-th batch of the list sorted by length: sorted again, it gives the same batches."""
    ordered = sorted(lengths, reverse=True)
    return [
        length
        for number, batch in enumerate(in_calls(ordered, BATCH))
        if number % every == every // 2
        for length in batch
    ]


def in_calls(items: list[Item], count: int) -> list[list[Item]]:
    return [items[start : start + count] for start in range(0, len(items), count)]
