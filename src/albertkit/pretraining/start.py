"""Where a word table may start: at another model's vectors of the pieces, made narrow.

A table that begins at random needs millions of tokens to learn which words are alike. A sentence
model has read far more: its vector of each piece, alone, reduced to E directions, is a better
beginning. (Static vectors of this kind alone reach 0.735 Spearman on STS-B's dev set at 16,000
pieces and E = 128, their teacher 0.87.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from albertkit.errors import InputError
from albertkit.spec import FloatArray

SPREAD = 0.04  # standard deviation of the table: about that of trained ALBERT tables
SPECIALS = 5  # <pad> <unk> [CLS] [SEP] [MASK] mean nothing to the other model


def start_table(vectors: npt.NDArray[np.floating], width: int, seed: int = 0) -> FloatArray:
    """The first `width` principal directions of piece vectors [V, D], as a word table [V, E].

    Rows of special pieces are random. Raises InputError [piece-vectors-too-narrow].
    """
    if vectors.ndim != 2 or vectors.shape[1] < width:
        raise InputError(
            "piece-vectors-too-narrow",
            f"the piece vectors have shape {vectors.shape}",
            why=f"a table of width {width} is to be made of them",
            fix=f"Give an array [V, D] with D ≥ {width}",
        )
    centred = vectors.astype(np.float64) - vectors.mean(0, dtype=np.float64)
    directions = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :width]  # [D, E]
    table = centred @ directions
    table *= SPREAD / table.std()
    table[:SPECIALS] = np.random.default_rng(seed).normal(0, SPREAD, (SPECIALS, width))
    return np.asarray(table, np.float32)
