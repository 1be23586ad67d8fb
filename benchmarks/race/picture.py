"""Results → an SVG of bars: tokens a second of each contestant, at jobs side by side.

Drawn line for line, so that the same results give the same file; its colours follow the reader's
light or dark page.
"""

from __future__ import annotations

from html import escape
from typing import Final

from race.field import FIELD
from race.results import Part
from race.tables import SAID

JOBS: Final = ("long", "list", "requests")
NAMES, PANEL, BAR, GAP = 180, 210, 16, 8  # pixels: the names' column, a job's, a bar, between
HEAD = 46
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.head { font-weight: 600 } .figure { fill: #59636e }
.ours { fill: #0969da } .peer { fill: #afb8c1 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .figure { fill: #9198a1 } .ours { fill: #4493f8 } .peer { fill: #545d68 }
}
"""


def bars(part: Part) -> str:
    """One row a contestant that ran, fastest at the short list first."""
    jobs = [job for job in JOBS if job in part.jobs]
    ran = [
        each
        for each in FIELD
        if each.side != "ceiling" and all(part.jobs[job].middle(each.name) for job in jobs)
    ]
    speeds = {
        (each.name, job): part.jobs[job].tokens / (part.jobs[job].middle(each.name) or 1)
        for each in ran
        for job in jobs
    }
    ran.sort(key=lambda each: -speeds[each.name, "list" if "list" in jobs else jobs[0]])
    wide, high = NAMES + PANEL * len(jobs), HEAD + (BAR + GAP) * len(ran)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" role="img">',
        f"<title>Tokens a second, {part.shape}, {part.threads} threads</title>",
        f"<style>{STYLE}</style>",
    ]
    for column, job in enumerate(jobs):
        left = NAMES + PANEL * column
        lines.append(f'<text class="head" x="{left}" y="14">{escape(SAID[job])}, tokens/s</text>')
        lines.append(f'<text class="figure" x="{left}" y="30">{part.jobs[job].description}</text>')
        longest = max(speeds[each.name, job] for each in ran)
        for row, each in enumerate(ran):
            top = HEAD + (BAR + GAP) * row
            length = (PANEL - 80) * speeds[each.name, job] / longest
            middle = top + BAR - 4
            kind = "ours" if each.side == "ours" else "peer"
            lines.append(
                f'<rect class="{kind}" x="{left}" y="{top}" width="{length:.1f}" height="{BAR}"/>'
                f'<text class="figure" x="{left + length + 5:.1f}" y="{middle}">'
                f"{speeds[each.name, job]:,.0f}</text>"
            )
    for row, each in enumerate(ran):
        name = each.shown.replace("**", "").removesuffix(", sorted and padded")
        middle = HEAD + (BAR + GAP) * row + BAR - 4
        lines.append(f'<text x="{NAMES - 8}" y="{middle}" text-anchor="end">{escape(name)}</text>')
    return "\n".join([*lines, "</svg>", ""])
