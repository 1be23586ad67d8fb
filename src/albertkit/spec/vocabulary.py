"""Do a tokenizer and a model belong together, as far as their sizes tell?"""

from __future__ import annotations

from albertkit.errors import Diagnostic, InputError

# Word tables are padded to a multiple of some power of two, for speed: 128 is the largest seen.
PADDED_TO = 128
BERT_PIECES = 30_522
BERTS = f"{BERT_PIECES} is the size of bert-base-uncased's vocabulary"


def check_pieces(pieces: int, rows: int, *, where: str = "") -> Diagnostic | None:
    """Compare a tokenizer's number of pieces with the rows of a model's word table.

    Returns a note where the table has a few rows more, as padded tables do.
    Raises InputError [vocabulary-mismatch] where they cannot belong together.
    """
    if pieces == rows:
        return None
    what = f"the tokenizer has {pieces:,} pieces, the model's word table {rows:,} rows"
    if pieces < rows < pieces + PADDED_TO:
        return Diagnostic(
            "vocabulary-mismatch",
            "note",
            what,
            why=f"{rows - pieces} rows belong to no piece, as in a padded table",
            where=where,
        )
    raise InputError(
        "vocabulary-mismatch",
        what,
        why=_why(pieces, rows),
        fix="Use the tokenizer saved beside this model",
        where=where,
    )


def _why(pieces: int, rows: int) -> str:
    if pieces == BERT_PIECES:
        return BERTS
    if pieces > rows:
        return "its last pieces have no row"
    return "most of the model's rows would have no piece"
