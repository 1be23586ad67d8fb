"""Write the measured figures into the pages, or refuse pages that say others.

    python benchmarks/figures.py           rewrite the text between the markers
    python benchmarks/figures.py --check   say which pages differ, exit 1

A block of figures is the text between `<!-- figures: NAME -->` and `<!-- /figures -->`. It comes
from benchmarks/results.json, which `make bench RESULTS=benchmarks/results.json` and
where_time_goes.py measure.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

from race import processes, reasons, tables
from race.cells import NOT_YET
from race.picture import bars
from race.results import OF_PAGES, Part, Results, read_results

ROOT = Path(__file__).parents[1]
PAGES = tuple(ROOT / page for page in ("README.md", "docs/performance.md", "docs/measurements.md"))
PICTURE = ROOT / "docs" / "speed.svg"
DRAWN = "base/2"  # the part that the picture shows
BLOCK = re.compile(r"(<!-- figures: (.+?) -->\n)(.*?)(<!-- /figures -->)", re.DOTALL)
OF_A_PART: dict[str, Callable[[Part], str]] = {
    "lists": tables.lists,
    "singles": tables.singles,
    "against": tables.against,
}
OF_ALL: dict[str, Callable[[Results], str]] = {
    "machine": tables.machine,
    "libraries": tables.libraries,
    "processes": processes.table,
    "start": processes.sentence,
    "profiles": reasons.profiles,
    "summary": tables.summary,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--results", type=Path, default=OF_PAGES)
    asked = parser.parse_args()
    differing = [
        path for path, text in make_pages(results_of(asked.results)) if not holds(path, text)
    ]
    for path, text in make_pages(results_of(asked.results)):
        if path in differing and not asked.check:
            path.write_text(text, encoding="utf-8")
    for path in differing:
        output = "differs from" if asked.check else "rewritten from"
        print(f"{path.relative_to(ROOT)} {output} {asked.results.name}")
    sys.exit(1 if asked.check and differing else 0)


def results_of(path: Path) -> Results:
    """Those of the file; where none were measured yet, none."""
    return read_results(path) if path.exists() else Results({})


def make_pages(results: Results) -> list[tuple[Path, str]]:
    """Each page and the picture, as the results want them."""
    values = [(page, fill_page(page.read_text(encoding="utf-8"), results)) for page in PAGES]
    if DRAWN in results.parts:
        values.append((PICTURE, bars(results.parts[DRAWN])))
    return values


def fill_page(page: str, results: Results) -> str:
    return BLOCK.sub(lambda block: f"{block[1]}{figures(block[2], results)}\n{block[4]}", page)


def figures(name: str, results: Results) -> str:
    """The text of the block of this name: "KIND", or "KIND of SHAPE/THREADS"."""
    kind, _, of = name.partition(" of ")
    if not of:
        return OF_ALL[kind](results)
    return OF_A_PART[kind](results.parts[of]) if of in results.parts else NOT_YET


def holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    main()
