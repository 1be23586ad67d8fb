"""A job of `albertkit embed` killed and taken up again and again: are its bytes the same?

Each trial kills the job (SIGKILL, as the system does when memory is short) at a random moment,
as often as it takes; then all files must equal those of an uninterrupted run.

    python benchmarks/kill_trials.py --trials 50
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORDS = ("the", "a", "rain", "harbour", "winter", "bread", "seven", "of", "cold")
COMMAND = "from albertkit.cli.start import main; main()"


def job(lines: Path, directory: Path, options: list[str]) -> subprocess.Popen[bytes]:
    """Start the command, which goes on where it was killed."""
    words = ["embed", "--input", str(lines), "--output", f"{directory}/", "--resume", *options]
    return subprocess.Popen([sys.executable, "-c", COMMAND, *words], stderr=subprocess.PIPE)


def wait_for_end(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end; stop everything where it is not a good one."""
    _, output = process.communicate()
    if process.returncode:
        sys.exit(f"the job ended with {process.returncode}: {output.decode()}")


def run_with_kills(
    lines: Path, directory: Path, options: list[str], rng: random.Random, seconds: float
) -> int:
    """Run a job to its end, and count how often it was killed before."""
    kills = 0
    while True:
        process = job(lines, directory, options)
        try:
            process.wait(rng.uniform(0.1, 1.1 * seconds))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            continue
        wait_for_end(process)
        return kills


def bytes_in(directory: Path) -> dict[str, bytes]:
    """Every file of a directory, hidden ones too: a temporary file left behind is a difference."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--texts", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("options", nargs="*", help="more options of albertkit embed, after --")
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    options = ["--shard-rows", str(max(1, asked.texts // 10)), *asked.options]
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder, "lines.txt")
        lines.write_text(
            "".join(
                f"{number} {' '.join(rng.choices(WORDS, k=rng.randint(2, 12)))}\n"
                for number in range(asked.texts)
            )
        )
        began = time.monotonic()
        wait_for_end(job(lines, Path(folder, "whole"), options))
        seconds = time.monotonic() - began
        whole = bytes_in(Path(folder, "whole"))
        kills = 0
        for trial in range(asked.trials):
            directory = Path(folder, f"trial-{trial}")
            while not (own := run_with_kills(lines, directory, options, rng, seconds)):
                shutil.rmtree(directory)  # the job ended before the first kill
            kills += own
            if bytes_in(directory) != whole:
                sys.exit(f"trial {trial}: the files differ")
        print(f"{asked.trials} trials, {kills} kills, {len(whole)} files: all bytes the same")


if __name__ == "__main__":
    main()
