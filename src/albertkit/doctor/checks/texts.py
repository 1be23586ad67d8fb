"""The user's own texts: how many are too long, and how much of them the vocabulary knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from albertkit.doctor.catalogue import find_symptom
from albertkit.doctor.examined import ExaminedModel
from albertkit.errors import Diagnostic

LARGE_SHARE = 0.05  # of pieces that are unknown
MASKS = ("<mask>", "[mask]", "[Mask]")
SPECIALS = ("[CLS]", "[SEP]")


def check_texts(model: ExaminedModel, texts: Sequence[str]) -> Iterator[Diagnostic]:
    """Tokenize the texts, and count."""
    tokenizer, loaded = model.tokenizer, model.loaded
    if tokenizer is None or loaded is None or not texts:
        return
    encodings = tokenizer.encode_batch(list(texts), max_length=loaded.max_length)
    truncated = np.flatnonzero(encodings.dropped)
    if len(truncated):
        share = len(truncated) / len(texts)
        yield find_symptom("texts-truncated").diagnose(
            f"text {truncated[0] + 1}",
            level="warning" if share > LARGE_SHARE else "note",
            evidence=f"{len(truncated):,} of {len(texts):,} texts, {encodings.dropped.sum():,} "
            "tokens lost",
            share=f"{share:.1%}",
            length=loaded.max_length,
        )
    unknown = encodings.ids == tokenizer.unk_token_id
    if unknown.mean() > LARGE_SHARE:
        first = int(np.searchsorted(encodings.offsets, np.flatnonzero(unknown)[0], side="right"))
        yield find_symptom("texts-unknown").diagnose(
            f"text {first}",
            evidence=f"{unknown.sum():,} of {len(unknown):,} pieces",
            share=f"{unknown.mean():.1%}",
        )
    for code, words in (("mask-misspelt", MASKS), ("special-tokens-in-text", SPECIALS)):
        for number, text in enumerate(texts, 1):
            word = next((word for word in words if word in text), None)
            if word is not None:
                yield find_symptom(code).diagnose(
                    f"text {number}", level="note", evidence=text[:60], mask=word
                )
                break
