"""Compare what tokenizers make of a text: google's, Hugging Face's, TF Hub's, the model's own.

In: texts and a vocabulary. Out: one TokenizerView for each set of rules. The rules are policies of
the same vocabulary, so a difference is one of normalization or cutting, never of the pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from albertkit.arrays import Int64Array
from albertkit.sources import DEFAULT_FETCH_OPTIONS, FetchOptions, resolve_location
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.normalization import normalize

POLICIES = ("reference", "huggingface", "tfhub")
OWN = "the model's own"


@dataclass(frozen=True, slots=True)
class TokenizerView:
    """What one set of rules makes of a text.

    Attributes:
        name: the policy, or "the model's own".
        pieces: with the special tokens.
        ids: one for each piece.
        offsets: [start, end) of each piece in the text, in characters; (0, 0) of special tokens.
        normalized: the text as it is cut into pieces.
        differs: whether the ids are others than those of the first view.
    """

    name: str
    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    normalized: str
    differs: bool


def open_tokenizers(
    location: str | Path, fetch_options: FetchOptions = DEFAULT_FETCH_OPTIONS
) -> dict[str, AlbertTokenizer]:
    """Open one vocabulary under each policy; the model's own rules come first.

    Args:
        location: a model or vocabulary, a built-in model's name, or a name on a hub.
        fetch_options: for a hub.

    Raises:
        AlbertKitError: the errors of opening a tokenizer.
    """
    path = resolve_location(str(location), fetch_options, parts="tokenizer")
    own = AlbertTokenizer.from_path(path)
    tokenizers = {f"{OWN} ({own.policy.name})": own}
    for name in POLICIES:
        if name != own.policy.name:
            tokenizers[name] = AlbertTokenizer.from_path(path, policy=name)
    return tokenizers


def compare_text(tokenizers: dict[str, AlbertTokenizer], text: str) -> list[TokenizerView]:
    """What each tokenizer makes of a text; the first one is what the others are compared with."""
    views: list[TokenizerView] = []
    for name, tokenizer in tokenizers.items():
        encodings = tokenizer.encode_batch([text], max_length=512, offset_mapping=True)
        ids = tuple(int(number) for number in encodings.ids)
        views.append(
            TokenizerView(
                name,
                tuple(tokenizer.convert_ids_to_tokens(list(ids))),
                ids,
                _list_pairs(encodings.offset_mapping),
                normalize(text, tokenizer.policy),
                bool(views) and ids != views[0].ids,
            )
        )
    return views


def count_differences(
    tokenizers: dict[str, AlbertTokenizer], texts: Sequence[str]
) -> dict[str, list[int]]:
    """For each set of rules, the numbers (from 1) of the texts with other ids than the first."""
    encoded = {
        name: [encoding.ids.tolist() for encoding in tokenizer.encode_batch(texts, max_length=512)]
        for name, tokenizer in tokenizers.items()
    }
    first = next(iter(encoded.values()))
    return {
        name: [n for n, (ids, own) in enumerate(zip(rows, first, strict=True), 1) if ids != own]
        for name, rows in encoded.items()
    }


def _list_pairs(mapping: Int64Array | None) -> tuple[tuple[int, int], ...]:
    """Offsets [T, 2] as pairs."""
    return () if mapping is None else tuple((int(start), int(end)) for start, end in mapping)
