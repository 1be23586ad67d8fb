"""A million short lines through `albertkit embed` with the built-in model: is its memory flat?

Two runs: a pipe into the command and its output thrown away, as

    yes text | head -1000000 | albertkit embed > /dev/null

would be, and a job in shards, which is taken up where an earlier run of this command was broken
off. Resident memory is looked at every second, from /proc; the peak behind the warm-up is held
against what the warm-up left. Figures go to a JSON file as they come; `--table` shows a file's.

    python benchmarks/million_lines.py --lines 1000000 --folder million --figures million.json
    python benchmarks/million_lines.py --figures million.json --table
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from race.memory import peak_megabytes, resident_megabytes

COMMAND = "from albertkit.cli.start import main; main()"
WARM = 0.1  # of the run, in which buffers, caches and compiled shapes come to their size
FLAT = 1.10  # the peak behind the warm-up may be so many times the peak in it
WORDS = """
the of and to a in is it rain winter harbour bread seven cold question old boat town people
write never under music river long small answer learn house night first station paper green
"""


def lines(count: int) -> Iterator[str]:
    """Short lines of 3 to 12 words, the same in each run."""
    rng, words = random.Random(0), WORDS.split()
    for _ in range(count):
        yield " ".join(rng.choices(words, k=rng.randint(3, 12))) + "\n"


def watch_memory(process: subprocess.Popen[bytes]) -> tuple[list[float], list[float]]:
    """Resident megabytes and the peak so far, second by second, until the end."""
    sizes, peaks = [], []
    while process.poll() is None:
        sizes.append(resident_megabytes(process.pid))
        peaks.append(peak_megabytes(process.pid))
        time.sleep(1)
    if process.returncode:
        sys.exit(f"the command ended with {process.returncode}")
    return sizes, peaks


def figures(
    name: str, memory: tuple[list[float], list[float]], seconds: float, count: int
) -> dict[str, object]:
    """What one run shows."""
    sizes, peaks = memory
    before, after = max(peaks[: max(1, round(len(peaks) * WARM))]), max(peaks)
    return {
        "run": name,
        "lines": count,
        "seconds": round(seconds, 1),
        "lines_a_second": round(count / seconds, 1),
        "warm_up_peak_mb": round(before, 1),
        "later_peak_mb": round(after, 1),
        "flat": after <= before * FLAT,
        "every_minute_mb": [round(size, 1) for size in sizes[::60]],
    }


def run_pipe(count: int) -> dict[str, object]:
    command = [sys.executable, "-c", COMMAND, "embed"]
    feed = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
    feed += f"from million_lines import lines; sys.stdout.writelines(lines({count}))"
    began = time.monotonic()
    source = subprocess.Popen([sys.executable, "-c", feed], stdout=subprocess.PIPE)
    process = subprocess.Popen(command, stdin=source.stdout, stdout=subprocess.DEVNULL)
    memory = watch_memory(process)
    return figures("pipe", memory, time.monotonic() - began, count)


def in_shards(count: int, folder: Path) -> dict[str, object]:
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"lines-{count}.txt"
    if not source.exists():
        with source.open("w") as file:
            file.writelines(lines(count))
    out = folder / f"out-{count}"
    there = len(list(out.glob("part-*"))) if out.exists() else 0
    words = ["embed", "--input", str(source), "--output", f"{out}/", "--vectors", "float16"]
    words += ["--shard-rows", "20000", "--resume"]
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", COMMAND, *words])
    memory = watch_memory(process)
    done = count - 20_000 * there
    return figures("shards", memory, time.monotonic() - began, max(done, 0))


def table(values: list[dict[str, Any]]) -> str:
    """The runs as the page shows them."""
    head = "| run | lines | lines a second | peak of the first tenth | peak after it |"
    rows = (
        f"| {run['run']} | {run['lines']:,} | {run['lines_a_second']:,.0f} "
        f"| {run['warm_up_peak_mb']:.0f} MB | {run['later_peak_mb']:.0f} MB |"
        for run in values
    )
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("million"), help="of the job")
    parser.add_argument("--figures", type=Path, required=True, help="a JSON file")
    parser.add_argument("--runs", nargs="+", default=["pipe", "shards"])
    parser.add_argument("--table", action="store_true", help="measure nothing")
    asked = parser.parse_args()
    values = json.loads(asked.figures.read_text()) if asked.figures.exists() else []
    if asked.table:
        print(table(values))
        return
    for name in asked.runs:
        if any(each["run"] == name and each["lines"] == asked.lines for each in values):
            continue  # an earlier call of this command has it
        run = run_pipe(asked.lines) if name == "pipe" else in_shards(asked.lines, asked.folder)
        print(json.dumps({key: value for key, value in run.items() if key != "every_minute_mb"}))
        values.append(run)
        asked.figures.write_text(json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()
