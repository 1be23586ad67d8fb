"""Pieces against rows."""

from __future__ import annotations

import pytest

from albertkit.checkpoints.agreement import check_pieces
from albertkit.errors import InputError


def test_equal_sizes_say_nothing() -> None:
    assert check_pieces(30_000, 30_000) is None


def test_a_padded_table_is_a_note() -> None:
    note = check_pieces(30_000, 30_080)
    assert note is not None
    assert note.severity == "note"
    assert "80 rows belong to no piece" in note.line()


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [(30_522, "bert-base-uncased"), (30_001, "have no row"), (5, "no piece")],
)
def test_a_foreign_tokenizer_is_refused(pieces: int, reason: str) -> None:
    with pytest.raises(InputError, match=rf"x: .*{reason}.*\[vocabulary-mismatch\]"):
        check_pieces(pieces, 30_000, where="x")
