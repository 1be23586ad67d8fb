"""Texts without a character beside spaces: they keep their place, get an answer, and are told of.

So answers and texts stay side by side. The empty half of a pair says something, and is no matter.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from albertkit.errors import Diagnostic
from albertkit.tasks.counted import counted
from albertkit.tasks.inputs import Texts

LOGGER = logging.getLogger(__name__)


@dataclass(slots=True)
class EmptyTexts:
    """Those of one call, which may come in several windows; first: the number of the first."""

    texts: int = 0
    empty: int = 0
    first: int = 0

    def seen_in(self, windows: Iterable[Texts]) -> Iterator[Texts]:
        """The windows as they are, their empty texts counted."""
        for window in windows:
            self.see(window)
            yield window

    def see(self, texts: Texts) -> None:
        """Count the empty ones among the next texts."""
        if texts.second is None:
            found = [n for n, text in enumerate(texts.first) if not text or text.isspace()]
            if found and not self.empty:
                self.first = texts.number(found[0], self.texts)
            self.empty += len(found)
        self.texts += len(texts)

    def add(self, more: EmptyTexts) -> None:
        """Count those of a later part too, whose numbers go on."""
        if more.empty and not self.empty:
            self.first = more.first
        self.texts += more.texts
        self.empty += more.empty

    def tell(self) -> None:
        """Warn, where there were any."""
        if not self.empty:
            return
        which = f"the first is number {self.first}" if self.empty > 1 else f"number {self.first}"
        LOGGER.warning(
            Diagnostic(
                "text-empty",
                "warning",
                f"{counted(self.empty, self.texts, 'is', 'are')} empty"
                + (f", {which}" if self.texts > 1 else ""),
                why="they get an answer too, so that answers and texts stay side by side",
                fix="Leave them out, or their answers",
            ).line()
        )
