"""How full the rows are, and what planning costs, for lists of the ragged mix of many lengths.

    python benchmarks/packing.py

The last column is the simpler form that lost: each text in rows of its own width only. Below it,
paragraphs alone by how finely rows wider than WIDE are cut: WIDTH_STEP is not at all.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter
from unittest.mock import patch

from albertkit.engine import packing
from albertkit.engine.packing import CUT, NARROWEST_ROW, WIDTH_STEP, Layout, plan
from mix import draw_lengths


def main() -> None:
    print(
        f"{'texts':>6}{'filled':>9}{'worst':>8}{'calls':>8}{'µs a text':>11}{'own width only':>16}"
    )
    for count in (1, 4, 16, 64, 160, 500, 4000):
        lists = [draw_lengths(count, seed) for seed in range(20)]
        begin = time.perf_counter()
        plans = [plan(lengths) for lengths in lists]
        spent = (time.perf_counter() - begin) / count / len(lists)
        filled = list(map(share_filled, lists, plans))
        calls = statistics.mean(map(len, plans))
        separate = statistics.mean(map(fraction_without_packing, lists))
        print(
            f"{count:>6}{statistics.mean(filled):>9.1%}{min(filled):>8.1%}{calls:>8.1f}"
            f"{spent * 1e6:>11.1f}{separate:>16.1%}"
        )
    paragraphs = [draw_lengths(64, seed, kinds=["paragraphs"]) for seed in range(20)]
    for step in (8, CUT, WIDTH_STEP):
        with patch.object(packing, "CUT", step):
            filled = list(map(share_filled, paragraphs, map(plan, paragraphs)))
        print(f"64 paragraphs, rows cut in steps of {step:2}:{statistics.mean(filled):7.1%}")


def share_filled(lengths: list[int], layouts: list[Layout]) -> float:
    return sum(lengths) / sum(layout.slots for layout in layouts)


def fraction_without_packing(lengths: list[int]) -> float:
    """The share filled where a row takes only texts of its own width, end to end as they come."""
    widths = [max(NARROWEST_ROW, math.ceil(length / WIDTH_STEP) * WIDTH_STEP) for length in lengths]
    slots = 0
    for width in Counter(widths):
        own = [length for length, fits in zip(lengths, widths, strict=True) if fits == width]
        rows, left = 0, 0
        for length in own:
            if length > left:
                rows, left = rows + 1, width
            left -= length
        slots += rows * width
    return sum(lengths) / slots


if __name__ == "__main__":
    main()
