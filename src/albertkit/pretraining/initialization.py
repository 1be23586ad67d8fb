"""Where a student may start: at the teacher's vectors of the pieces, made narrow.

A table that begins at random needs millions of tokens to learn which words are alike. A sentence
model has read far more: its vector of each piece, alone, reduced to E directions, is a better
beginning. (Static vectors of this kind alone reach 0.735 Spearman on STS-B's dev set at 16,000
pieces and E = 128, their teacher 0.87.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray
from albertkit.errors import InputError

SPREAD = 0.04  # standard deviation of the table: about that of trained ALBERT tables
SPECIALS = 5  # <pad> <unk> [CLS] [SEP] [MASK] mean nothing to the other model


def aligned_start(
    vectors: npt.NDArray[np.floating], width: int, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """A word table [V, E] and the projection [H, E] that turns it back to the vectors [V, H].

    So begins a student whose token vectors already point where the pieces' vectors point.
    """
    narrow, turn = _narrowed(vectors, width)
    projection = turn * np.sqrt(len(turn) / width)  # an H-wide vector of about unit values
    return _scaled(narrow, seed), np.asarray(projection, np.float32)


def directions(vectors: npt.NDArray[np.floating], width: int) -> npt.NDArray[np.float64]:
    """The `width` directions [D, width] that hold most of vectors [N, D], not centred.

    Cosines between vectors survive this best, because the origin stays where it is.
    """
    if vectors.ndim != 2 or vectors.shape[1] < width:
        raise InputError(
            "piece-vectors-too-narrow",
            f"the vectors have shape {vectors.shape}",
            why=f"{width} directions are to be found in them",
            fix=f"Give an array of at least {width} columns",
        )
    wide = vectors.astype(np.float64)
    found = np.linalg.eigh(wide.T @ wide)[1][:, ::-1][:, :width]
    return np.asarray(found, np.float64)


def _narrowed(
    vectors: npt.NDArray[np.floating], width: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Centred vectors in their first directions [V, E], and the directions [D, E]."""
    centred = vectors.astype(np.float64) - vectors.mean(0, dtype=np.float64)
    turn = directions(centred, width)
    return np.asarray(centred @ turn, np.float64), turn


def _scaled(table: npt.NDArray[np.float64], seed: int) -> FloatArray:
    table = table * (SPREAD / table.std())
    table[:SPECIALS] = np.random.default_rng(seed).normal(0, SPREAD, (SPECIALS, table.shape[1]))
    return np.asarray(table, np.float32)
