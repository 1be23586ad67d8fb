"""Seconds of whole processes, from nothing to their end, compared with `python -c "import torch"`.

    python benchmarks/cold_start.py [--rounds 10]

The programs are started in turn (A B C, A B C); a first round, not counted, brings files into the
system's cache. The text is embedded by the model inside the package. The package is compiled
first, as pip does where it installs one, and did with the peers: a checkout whose files changed
would be compiled at each start (0.1 s and more).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from race.processes import EMBED, IMPORT_TORCH
from race.referee import busy_seconds
from race.results import Ran, commit, results_here, today

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "albertkit"
TEXT = "Plants create energy through a process known as photosynthesis."
SENTENCE_TRANSFORMERS = """
import sys
from sentence_transformers import SentenceTransformer
SentenceTransformer(sys.argv[1], device="cpu").encode(sys.argv[2])
"""


def programs(ours: Path, peers: Path) -> dict[str, list[str]]:
    """What is run, by what a person would type."""
    python, albertkit = str(ours), str(ours.with_name("albertkit"))
    model = str(PACKAGE / "builtin" / "small-en-vectors")
    return {
        "python -c pass": [python, "-c", "pass"],
        'python -c "import albertkit"': [python, "-c", "import albertkit"],
        "albertkit --help": [albertkit, "--help"],
        EMBED: [albertkit, "embed", TEXT],
        IMPORT_TORCH: [str(peers), "-c", "import torch"],
        "sentence-transformers, one text": [
            str(peers), "-c", SENTENCE_TRANSFORMERS, model, TEXT,
        ],
    }  # fmt: skip


def main() -> None:
    asked = arguments()
    results = results_here(asked.results)
    values = programs(asked.ours, asked.peers)
    subprocess.run([str(asked.ours), "-m", "compileall", "-q", str(PACKAGE)], check=True)
    ran = Ran("whole processes, files in the system's cache", calls=1, texts=1, tokens=0)
    for name, command in values.items():
        subprocess.run(command, check=True, capture_output=True)
        print(f"warm: {name}", flush=True)
    for _ in range(asked.rounds):
        taken = {}
        before, own = busy_seconds(), sum(os.times()[:4])
        for name, command in values.items():
            begun = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            taken[name] = time.perf_counter() - begun
        others = busy_seconds() - before - (sum(os.times()[:4]) - own)
        share = others / sum(taken.values()) / (os.cpu_count() or 1)
        ran.others = max(ran.others, min(1.0, share))
        ran.rounds.append(taken)
    ran.commit, ran.day = commit(), today()
    results.processes = ran
    results.save(asked.results)
    for name in values:
        print(f"{name:34}{ran.middle(name):8.3f} s")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "bench" / "results.json")
    parser.add_argument("--ours", type=Path, default=Path(sys.executable), metavar="PYTHON")
    parser.add_argument(
        "--peers", type=Path, default=ROOT / ".venvs" / "peers" / "bin" / "python", metavar="PYTHON"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
