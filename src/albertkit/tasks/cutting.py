"""Texts → encodings no longer than the model reads; what is cut off is counted and said once."""

from __future__ import annotations

import logging
from typing import Literal, get_args

import numpy as np

from albertkit.errors import Finding, InputError
from albertkit.runtime import Loaded
from albertkit.tasks.texts import Texts
from albertkit.text import Encodings

LOGGER = logging.getLogger(__name__)

WhenTooLong = Literal["error", "warn", "off"]
WHEN_TOO_LONG: tuple[WhenTooLong, ...] = get_args(WhenTooLong)


def encode_within(
    loaded: Loaded, texts: Texts, max_length: int, truncation: WhenTooLong
) -> Encodings:
    """The ids of all texts, each at most `max_length`, specials included.

    Raises InputError [text-too-long] for truncation "error".
    """
    encodings = loaded.tokenizer.encode_batch(texts.first, texts.second, max_length=max_length)
    long = np.flatnonzero(encodings.dropped)
    if not len(long):
        return encodings
    longest = int((encodings.lengths + encodings.dropped)[long].max())
    if truncation == "error":
        raise InputError(
            "text-too-long",
            f"{len(long)} of {len(texts)} texts are too long, the first is number {long[0]}",
            why=f"the longest has {longest} ids, the model reads {max_length}",
            fix='Cut it into parts, or ask for truncation="warn"',
        )
    if truncation == "warn":
        lost = int(encodings.dropped.sum())
        LOGGER.warning(
            Finding(
                "text-truncated",
                "warning",
                f"{len(long)} of {len(texts)} texts were cut to {max_length} ids, {lost} ids lost",
                why=f"the longest has {longest}",
                fix="Cut long texts into parts to keep all of them",
            ).line()
        )
    return encodings
