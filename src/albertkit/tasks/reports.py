"""Texts → encodings no longer than the model reads; what is cut off is counted and said once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from albertkit.errors import Diagnostic, InputError
from albertkit.runtime import LoadedModel
from albertkit.tasks.counted import counted
from albertkit.tasks.inputs import Texts
from albertkit.tokenization import Encodings

LOGGER = logging.getLogger(__name__)

WhenTooLong = Literal["error", "warn", "off"]
WHEN_TOO_LONG: tuple[WhenTooLong, ...] = get_args(WhenTooLong)


@dataclass(slots=True)
class TruncationReport:
    """What was cut off the texts of one call, which may come in several windows.

    max_length: of a text in ids, specials included. texts: how many were seen; cut: how many were
    too long, and how many ids they lost; longest: ids of the longest.
    """

    max_length: int
    when_too_long: WhenTooLong
    texts: int = 0
    cut: int = 0
    lost: int = 0
    longest: int = 0

    def encode(self, loaded: LoadedModel, texts: Texts) -> Encodings:
        """The ids of the next texts, cut; raises InputError [text-too-long] for "error"."""
        encodings = loaded.tokenizer.encode_batch(
            texts.first, texts.second, max_length=self.max_length
        )
        long = np.flatnonzero(encodings.dropped)
        if len(long):
            longest = int((encodings.lengths + encodings.dropped)[long].max())
            if self.when_too_long == "error":
                raise self._too_long(texts, long, longest)
            self.cut += len(long)
            self.lost += int(encodings.dropped.sum())
            self.longest = max(self.longest, longest)
        self.texts += len(texts)
        return encodings

    def add(self, more: TruncationReport) -> None:
        """Count those of a later part too."""
        self.texts += more.texts
        self.cut += more.cut
        self.lost += more.lost
        self.longest = max(self.longest, more.longest)

    def tell(self) -> None:
        """Warn of what was cut, where that is asked for."""
        if self.cut and self.when_too_long == "warn":
            LOGGER.warning(
                Diagnostic(
                    "text-truncated",
                    "warning",
                    f"{counted(self.cut, self.texts, 'was', 'were')} cut to {self.max_length} ids, "
                    f"{self.lost} ids lost",
                    why=f"the longest has {self.longest}"
                    if self.cut > 1
                    else f"it has {self.longest}",
                    fix="Cut long texts into parts to keep all of them",
                ).line()
            )

    def _too_long(self, texts: Texts, long: np.ndarray, longest: int) -> InputError:
        which = f"number {texts.number(int(long[0]), self.texts)}"
        return InputError(
            "text-too-long",
            f"{counted(len(long), len(texts), 'is', 'are')} too long, "
            f"{'the first is ' if len(long) > 1 else ''}{which}",
            why=f"{'the longest' if len(long) > 1 else 'it'} has {longest} ids, "
            f"the model reads {self.max_length}",
            fix='Cut it into parts, or ask for the truncation "warn"',
        )


def encode_within(
    loaded: LoadedModel, texts: Texts, max_length: int, when_too_long: WhenTooLong
) -> Encodings:
    """The ids of all texts of a call at once, each at most `max_length`; tells what was cut."""
    cuts = TruncationReport(max_length, when_too_long)
    encodings = cuts.encode(loaded, texts)
    cuts.tell()
    return encodings
