"""Seconds of whole processes → Markdown: how soon a first vector is there."""

from __future__ import annotations

from typing import Final

from race.cells import NOT_YET, markdown, spread
from race.results import Results

EMBED: Final = 'albertkit embed "text"'
IMPORT_TORCH: Final = 'python -c "import torch"'  # what whole processes are held against


def table(results: Results) -> str:
    """Seconds of whole processes."""
    ran = results.processes
    if ran is None:
        return NOT_YET
    rows = []
    for name in ran.rounds[0]:
        ratio = ran.ratio(name, IMPORT_TORCH)
        values = [each[name] for each in ran.rounds]
        part = f"{1 / ratio.middle:.2f}" if ratio else ""
        rows.append([f"`{name}`", f"{ran.middle(name):.3f}", spread(values), part])
    return markdown(["whole process", "seconds", "range", "of `import torch`"], rows)


def sentence(results: Results) -> str:
    """How soon a fresh process gives its first vector."""
    ran = results.processes
    ratio = ran.ratio(EMBED, IMPORT_TORCH) if ran else None
    if ran is None or ratio is None:
        return NOT_YET
    return (
        f"`{EMBED}` takes {ran.middle(EMBED):.2f} s as a whole process, {1 / ratio.middle:.2f} of "
        f"the time of `{IMPORT_TORCH}`."
    )
