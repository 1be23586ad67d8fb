"""docs/tables.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from albertkit.tables import OUTPUT_FORMATS
from albertkit.tables.chunk import LONGEST_ROW
from albertkit.tables.formats import FORMAT_SUFFIXES
from albertkit.tables.writers.shards import SHARD_FORMATS

PAGE = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")
READ, _, WRITTEN = PAGE.partition("## Invalid rows")


def endings_in(text: str) -> set[str]:
    return set(re.findall(r"`(\.\w+(?:\.gz)?)`", text))


def test_the_page_names_every_format_and_no_other() -> None:
    assert endings_in(READ) - {"."} == set(FORMAT_SUFFIXES) - {".txt"}
    tables, _, shards = WRITTEN.partition("The directory of a job")
    assert endings_in(tables) == set(OUTPUT_FORMATS)
    assert endings_in(shards) == {f".{kind}" for kind in SHARD_FORMATS}


def test_the_page_says_how_long_a_row_may_be() -> None:
    assert f"at most {LONGEST_ROW:,} bytes" in PAGE
