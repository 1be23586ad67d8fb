"""docs/models.md shows the catalogue as it is."""

from __future__ import annotations

from albertkit.sources.catalogue import find_models
from catalogue_page import PAGE, fill_tables


def test_the_page_has_the_tables_of_the_catalogue() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert fill_tables(page) == page, "run python benchmarks/catalogue_page.py --write"
    assert [model.name for model in find_models() if f"| `{model.name}` | " not in page] == []
