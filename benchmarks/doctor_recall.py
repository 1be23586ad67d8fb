"""What the doctor finds in models of every kind that were made wrong: one table.

    python benchmarks/doctor_recall.py

The damages and the program that applies a fix are those of the tests. Half a minute on one core.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.doctor.recall import examine_damage, list_damages, save_kinds


def main() -> None:
    """Print the table, and what was missed."""
    with tempfile.TemporaryDirectory() as name:
        print(f"{'kind':22} {'damages':>8} {'found':>6} {'named':>6} {'fixed':>6}")
        missed = []
        for kind, model in save_kinds(Path(name)).items():
            outcomes = [examine_damage(kind, model, damage) for damage in list_damages(model)]
            sums = [
                sum(outcome.is_found for outcome in outcomes),
                sum(outcome.is_named for outcome in outcomes),
                sum(outcome.is_fixed for outcome in outcomes),
            ]
            print(f"{kind:22} {len(outcomes):8} {sums[0]:6} {sums[1]:6} {sums[2]:6}", flush=True)
            missed += [outcome for outcome in outcomes if not outcome.is_fixed]
        print()
        for outcome in missed:
            part = "fixed" if outcome.is_named else "named" if outcome.is_found else "found"
            print(f"not {part}: {outcome.kind}, {outcome.damage}")


if __name__ == "__main__":
    main()
