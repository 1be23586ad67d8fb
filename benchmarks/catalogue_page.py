"""docs/models.md: its tables, made of the catalogue.

python benchmarks/catalogue_page.py [--write]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

from albertkit.sources.catalogue import NOT_STATED, CatalogueModel, Purpose, find_models

PAGE = Path(__file__).parents[1] / "docs" / "models.md"
HEAD = """| model | language | parameters | MB | speed | licence | published scores | note |
|---|---|---:|---:|---:|---|---|---|"""


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    made = fill_tables(page)
    if "--write" in sys.argv:
        PAGE.write_text(made, encoding="utf-8")
    else:
        print(made)


def fill_tables(page: str) -> str:
    """The page with a table between each pair of marks."""
    for purpose in get_args(Purpose):
        start, end = f"<!-- {purpose} -->\n", f"<!-- /{purpose} -->"
        before, _, rest = page.partition(start)
        after = rest.partition(end)[2]
        page = f"{before}{start}{make_table(purpose)}\n{end}{after}"
    return page


def make_table(purpose: Purpose) -> str:
    return "\n".join([HEAD, *map(make_row, find_models(purpose))])


def make_row(model: CatalogueModel) -> str:
    scores = f"{model.scores} ({model.source})" if model.scores else NOT_STATED
    size = NOT_STATED if model.size is None else f"{model.size}"
    cells = (
        f"`{model.name}`",
        " ".join(model.languages),
        model.short_parameters,
        size,
        model.short_speed,
        model.licence or NOT_STATED,
        scores,
        model.note or "",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
