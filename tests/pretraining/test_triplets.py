"""A table of triplets becomes numbers of texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from albertkit.errors import InputError
from albertkit.pretraining.triplets import read_triplets

TEXTS = ["A man sleeps.", "A person sleeps.", "A man runs."]
HEADER = "anchor\tpositive\tnegative\n"


def test_texts_become_numbers_and_a_row_may_have_no_negative(tmp_path: Path) -> None:
    path = tmp_path / "triplets.tsv"
    path.write_text(f"{HEADER}{TEXTS[0]}\t{TEXTS[1]}\t{TEXTS[2]}\n{TEXTS[1]}\t{TEXTS[0]}\t\n")
    assert read_triplets(str(path), TEXTS).tolist() == [[0, 1, 2], [1, 0, -1]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{HEADER}{TEXTS[0]}\tA dog.\t\n", r"positive of row 1.*\[distillation-data-mismatch\]"),
        (f"{HEADER}\t{TEXTS[0]}\t\n", r"anchor of row 1.*\[distillation-data-mismatch\]"),
        (f"anchor\tpositive\n{TEXTS[0]}\t{TEXTS[1]}\n", r"column 'negative'.*\[column-missing\]"),
    ],
)
def test_what_is_not_among_the_texts_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "triplets.tsv"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_triplets(str(path), TEXTS)
