"""What `encode` gives for an iterator of texts: an iterator of answers, in the same order."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

import numpy.typing as npt

from albertkit.tasks.options import EncodeOptions
from albertkit.tasks.vector_types import VectorCast


class AnswerStream(Iterator[Any]):
    """Computes a window of texts when its first answer is asked for.

    windows: of float32 vectors [N, D] each, which still get their type, or of other answers.
    """

    def __init__(self, windows: Generator[Any], options: EncodeOptions, cast: VectorCast) -> None:
        self._cast = cast
        # a generator that knows this object would keep itself alive when this is dropped
        self._answers = _each(windows, options, cast)

    def __iter__(self) -> AnswerStream:
        return self

    def __next__(self) -> Any:
        return next(self._answers)

    @property
    def ranges(self) -> npt.NDArray[Any] | None:
        """[2, D] what int8 and uint8 vectors are set against; None before the first answer."""
        return self._cast.ranges

    def close(self) -> None:
        """Read no more of the texts; the thread that tokenises them ends."""
        self._answers.close()


def _each(windows: Generator[Any], options: EncodeOptions, cast: VectorCast) -> Generator[Any]:
    with closing(windows):
        for window in windows:
            if options.output_value == "sentence_embedding":
                yield from map(options.as_asked, cast.of(window))
            else:
                yield from window
