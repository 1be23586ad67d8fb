"""The page docs/doctor-examples.md: what the doctor says of real code, messages and data.

    python -m tests.doctor.transcripts > docs/doctor-examples.md

The code is that of five web pages about ALBERT and BERT, in tests/doctor/web_pages.py. The messages
in tests/doctor/transcripts are what the libraries printed for the scripts of the same name. A test
compares the page.
"""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from albertkit.doctor import examine
from albertkit.doctor.render import render
from tests.doctor.web_pages import PAGES

MESSAGES = Path(__file__).with_name("transcripts")
HEAD = """# What the doctor says

Five scripts from web pages, three error messages and a table of examples, and what
`albertkit doctor` says of each at 80 columns. The page is made by
`python -m tests.doctor.transcripts`, and a test compares it.

"""
LIBRARIES = {
    "tensorflow_hub": "TensorFlow Hub 0.16, TensorFlow 2.20",
    "transformers": "transformers 5.23, torch 2.13",
    "onnxruntime": "ONNX Runtime 1.31",
}
WIDTH = 80


def make_page() -> str:
    """The page."""
    parts = [HEAD, "## Code\n"]
    for title, (name, source, _) in PAGES.items():
        code = source.strip()
        parts += [f"### {title}\n", f"```text\n{code}\n```\n", _transcribe(name, f"{code}\n")]
    parts.append("## Error messages\n")
    for name, title in LIBRARIES.items():
        script = (MESSAGES / f"{name}.txt").read_text(encoding="utf-8")
        message = (MESSAGES / f"{name}.log").read_text(encoding="utf-8")
        parts += [f"### {title}\n", f"```text\n{script.strip()}\n```\n", "It ends with:\n"]
        parts.append(f"```text\n{_cut_frames(message)}\n```\n")
        parts.append(_transcribe(f"{name}.log", message))
    table = make_table()
    parts += ["## A table of examples\n", f"{len(table.splitlines()) - 1} rows:\n"]
    parts += [f"```text\n{_shorten(table, 5)}\n```\n", _transcribe("reviews.csv", table)]
    return "\n".join(parts)


def make_table() -> str:
    """Reviews: a wrong label in another spelling, a contradiction, a repeated row, a gap."""
    rng = random.Random(0)
    words = {
        "good": ["clean", "lovely", "quiet", "warm", "cheap", "friendly", "fresh", "bright"],
        "bad": ["dirty", "boring", "loud", "cold", "expensive", "rude", "stale", "dark"],
    }
    things = ["room", "soup", "evening", "waiter", "view", "train", "concert", "garden", "market"]
    ends = ["on Monday", "in spring", "by the sea", "near the station", "for two nights", "again"]
    rows = []
    for number in range(120):
        label = "good" if number % 2 else "bad"
        first, second = rng.sample(things, 2)
        one, two = rng.sample(words[label], 2)
        rows.append([f"The {first} was {one}, the {second} {two} {rng.choice(ends)}", label])
    rows[10][1] = "Good"
    rows[20] = [rows[19][0], "bad" if rows[19][1] == "good" else "good"]
    rows[30] = list(rows[29])
    rows[40][1] = ""
    return "text,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows)


def _transcribe(name: str, text: str) -> str:
    """A command and what it prints."""
    with _directory():
        Path(name).write_text(text, encoding="utf-8")
        shown = render(examine(name), "table", WIDTH)
    return f"```text\n$ albertkit doctor {name}\n{shown}\n```\n"


@contextlib.contextmanager
def _directory() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        yield


def _shorten(text: str, most: int) -> str:
    """The first lines of a text."""
    lines = text.rstrip().splitlines()
    return "\n".join([*lines[:most], *(["…"] if len(lines) > most else [])])


def _cut_frames(message: str) -> str:
    """What a traceback says after its frames."""
    lines = message.splitlines()
    first = next(n for n, line in enumerate(lines) if n and not line.startswith(" "))
    return _shorten("\n".join(lines[first:]), 8)


if __name__ == "__main__":
    sys.stdout.write(make_page())
