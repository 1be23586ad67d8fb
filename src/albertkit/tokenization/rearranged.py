"""Encodings made of others: the texts of several, or some of one in the order asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from albertkit.tokenization.encodings import Encodings
from albertkit.tokenization.flat import starts_of, stretches


def joined(parts: Sequence[Encodings]) -> Encodings:
    """The texts of all parts, of one at least; all have offsets (words) or none has."""
    offset_mapping = [part.offset_mapping for part in parts if part.offset_mapping is not None]
    words = [part.words for part in parts if part.words is not None]
    return Encodings(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.type_ids for part in parts]),
        starts_of(np.concatenate([part.lengths for part in parts])),
        np.concatenate([part.dropped for part in parts]),
        np.concatenate(offset_mapping) if offset_mapping else None,
        np.concatenate(words) if words else None,
    )


def chosen(encodings: Encodings, numbers: npt.ArrayLike) -> Encodings:
    """The texts with these numbers [N], one as often as it is named."""
    texts = np.asarray(numbers, np.int64)
    lengths = encodings.lengths[texts]
    at = stretches(encodings.offsets[texts], lengths)  # [T]
    return Encodings(
        encodings.ids[at],
        encodings.type_ids[at],
        starts_of(lengths),
        encodings.dropped[texts],
        None if encodings.offset_mapping is None else encodings.offset_mapping[at],
        None if encodings.words is None else encodings.words[at],
    )
