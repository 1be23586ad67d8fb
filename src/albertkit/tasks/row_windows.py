"""Rows in the windows in which their texts are encoded, the columns beside them kept in step.

In: RowBatches of any size. Out: windows that depend on the texts alone, and not on how the rows
were read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from albertkit.tables import InvalidRow, RowBatch
from albertkit.tables.batch import concat_batches
from albertkit.tables.table import Column
from albertkit.tasks.inputs import Texts
from albertkit.tasks.stream import Filling


class RowWindows:
    """Iterate `texts`; after each window's answers ask for its `columns`.

    leave_out: is given the rows without text as they are read.
    """

    def __init__(
        self, batches: Iterable[RowBatch], leave_out: Callable[[Sequence[InvalidRow]], object]
    ) -> None:
        self._batches = batches
        self._leave_out = leave_out
        self._waiting: deque[dict[str, Column]] = deque()

    def texts(self) -> Iterator[Texts]:
        """The texts, window by window, called by the numbers of their rows."""
        for window, numbers in self._windows():
            texts = list(window.texts)
            self._waiting.append(dict(window.kept) or {"text": texts})
            yield Texts(texts, None, False, numbers)

    def columns(self) -> dict[str, Column]:
        """What travels along with the next window's answers: the kept columns, or the texts."""
        return self._waiting.popleft()

    def _windows(self) -> Iterator[tuple[RowBatch, Sequence[int]]]:
        held: list[RowBatch] = []
        numbers: list[int] = []
        filling = Filling()
        for batch in self._batches:
            self._leave_out(batch.invalid)
            own = batch.numbers
            begin = 0
            for end, text in enumerate(batch.texts, 1):
                if filling.full_with(len(text)):
                    yield (
                        concat_batches([*held, _part(batch, begin, end)]),
                        [*numbers, *own[begin:end]],
                    )
                    held, numbers, begin = [], [], end
            if begin < len(batch.texts):
                held.append(_part(batch, begin, len(batch.texts)))
                numbers += own[begin:]
        if held:
            yield concat_batches(held), numbers


def _part(batch: RowBatch, begin: int, end: int) -> RowBatch:
    """Some of the texts and their columns."""
    kept = {name: column[begin:end] for name, column in batch.kept.items()}
    return RowBatch(batch.texts[begin:end], kept, batch.first)
