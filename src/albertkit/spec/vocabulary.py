"""Check that a tokenizer and a model have fitting sizes."""

from __future__ import annotations

from albertkit.errors import Diagnostic, InputError

# Word embeddings are padded to a multiple of a power of two, for speed: 128 is the largest seen.
PADDED_TO = 128
BERT_PIECES = 30_522
BERTS = f"{BERT_PIECES} is the size of bert-base-uncased's vocabulary"


def check_pieces(pieces: int, rows: int, *, where: str = "") -> Diagnostic | None:
    """Compare a tokenizer's number of pieces with the rows of a model's word embeddings.

    Args:
        pieces: of the tokenizer.
        rows: of the word embeddings.
        where: the model, in messages.

    Returns:
        A note if the embeddings have a few rows more, as padded ones do; None if the sizes agree.

    Raises:
        InputError: [vocabulary-mismatch] if the two cannot belong together.
    """
    if pieces == rows:
        return None
    what = f"the tokenizer has {pieces:,} pieces, the model's word embeddings {rows:,} rows"
    if pieces < rows < pieces + PADDED_TO:
        return Diagnostic(
            "vocabulary-mismatch",
            "note",
            what,
            why=f"{rows - pieces} rows belong to no piece, as in padded embeddings",
            where=where,
        )
    raise InputError(
        "vocabulary-mismatch",
        what,
        why=_why(pieces, rows),
        fix="Use the tokenizer that was saved with this model",
        where=where,
    )


def _why(pieces: int, rows: int) -> str:
    if pieces == BERT_PIECES:
        return BERTS
    if pieces > rows:
        return "its last pieces have no row"
    return "most of the model's rows would have no piece"
