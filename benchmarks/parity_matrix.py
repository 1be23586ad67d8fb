"""The figures of docs/formats.md: a model into each format that is written, and back.

    python benchmarks/parity_matrix.py [MODEL] [--to tfhub …]

Prints a row for each: the largest difference of the answers on eight texts there, and after the
way back to a Hugging Face directory, with how many tensors are bit-identical to the first. What a
format has no place for is left out, and named. `tfhub` needs `albertkit[tensorflow]`.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path

from albertkit import convert
from albertkit.checkpoints import TARGETS
from albertkit.conversion.differences import compare_weights
from albertkit.conversion.parity import format_difference
from albertkit.errors import AlbertKitError, InputError

LEAVES_OUT = re.compile(r"--without (\w+)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="small-en")
    parser.add_argument("--to", action="append", help="formats; default: all that are written")
    asked = parser.parse_args()
    print("| into | max diff there | and back | bit-identical tensors | left out |")
    print("|---|---|---|---|---|")
    for target in asked.to or [each.name for each in TARGETS]:
        try:
            print(row(asked.model, target))
        except AlbertKitError as error:
            print(f"| `{target}` | refused: {error.diagnostic.what} | – | – | – |")


def row(model: str, target: str) -> str:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        there, back = Path(folder) / "there", Path(folder) / "back"
        without: list[str] = []
        while True:  # a format refuses one part at a time
            try:
                first = convert(model, there, to=target, without=without)
                break
            except InputError as error:
                named = LEAVES_OUT.findall(error.diagnostic.fix)
                if not named:
                    raise
                without += named
        second = convert(there, back, to="huggingface")
        kept = first.source.weights
        same = compare_weights(kept, second.source.weights)
        largest = [format_difference(step.parity.largest) for step in (first, second)]
        return (
            f"| `{target}` | {largest[0]} | {largest[1]} | "
            f"{same.identical} of {len(kept.table().stored)} | {', '.join(without) or '–'} |"
        )


if __name__ == "__main__":
    main()
