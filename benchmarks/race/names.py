"""The names of the jobs, which contestants, jobs and tables share."""

from __future__ import annotations

from typing import Final

LISTS: Final = ("long", "list", "requests", "sentences")
SINGLES: Final = {"one-8": 8, "one-32": 32, "one-128": 128, "one-512": 512}  # ids of the text
JOBS: Final = (*LISTS, *SINGLES)
