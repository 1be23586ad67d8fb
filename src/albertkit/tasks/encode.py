"""One call of `encode`: windows of texts → their answers, and its progress bar.

A list and an iterator take the same way, so that a text's answer is the same in both.
"""

from __future__ import annotations

import itertools
import logging
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray
from albertkit.engine.packing import choose_slots, compute_text_vectors, compute_token_vectors
from albertkit.engine.pooling import apply_modules, normalize, pool
from albertkit.engine.protocol import Engine, Outputs
from albertkit.runtime import LoadedModel
from albertkit.spec.pooling_config import Normalize, PoolingConfig
from albertkit.tasks.inputs import Texts, prefetch
from albertkit.tasks.options import EncodeOptions
from albertkit.tasks.reports import EncodeReport
from albertkit.tasks.vector_types import PartVectors, VectorCast, Vectors, compute_width, get_dtype
from albertkit.tokenization import Encodings

if TYPE_CHECKING:
    from albertkit.tokenization.parts import PartCutter, Parts

LOGGER = logging.getLogger(__name__)

INTERVAL = 0.1  # seconds between two drawings of the progress bar


@dataclass(frozen=True, slots=True)
class EncodeCall:
    """Computes the answers of one call.

    Attributes:
        model: What computes.
        pooling: How token vectors become a text's vector.
        prompt: Words before each text.
        prompt_length: How many tokens of each text are not pooled, because they are the prompt's.
        options: What is asked for.
        report: Counts what happens to the texts.
        progress: Called with the number of finished texts.
        convert: Makes of a numpy array what the caller wants to have.
        cutter: Cuts texts into parts. None: texts stay whole.
    """

    model: LoadedModel
    pooling: PoolingConfig
    prompt: str
    options: EncodeOptions
    report: EncodeReport
    progress: ProgressLine | None = None
    convert: Callable[[Vectors], Any] | None = None
    prompt_length: int = 0
    cutter: PartCutter | None = None

    def run(self, windows: Iterator[Texts], *, is_live: bool = False) -> Generator[Any]:
        """The answers of `answers`; at the end the progress line ends and warnings are logged."""
        try:
            yield from self.answers(windows, is_live=is_live)
        finally:
            if self.progress is not None:
                self.progress.close()
            self.report.log()

    def answers(self, windows: Iterator[Texts], *, is_live: bool = False) -> Generator[Any]:
        """The answers, window by window.

        Args:
            windows: Texts; taken on the caller's thread.
            is_live: As in `prefetch`.

        Yields:
            Vectors [N, D] float32 of a window, a PartVectors if parts have rows of their own, or a
            list of the other outputs that are asked for.
        """
        for encodings, parts, numbers in prefetch(windows, self._tokenize, is_live=is_live):
            engine = self.model.engine_for(encodings)
            slots = min(choose_slots(engine), self.options.batch_size * self.report.max_length)
            if self.options.output_value == "sentence_embedding":
                vectors = compute_text_vectors(
                    engine,
                    encodings,
                    self.pooling.pooling,
                    prompt_length=self.prompt_length,
                    slots=slots,
                    progress=self._count_texts(parts),
                )
                vectors = self._finish(vectors, parts, numbers)
                yield vectors if parts is None else self._answer_parts(vectors, parts)
            else:
                yield self._token_outputs(engine, encodings, slots)

    @property
    def gives_parts(self) -> bool:
        """Whether the answers are vectors of parts, PartVectors."""
        return self.cutter is not None and self.options.parts == "rows"

    def no_vectors(self) -> Vectors | PartVectors:
        """[0, D] of the type and width that the vectors will have."""
        width = replace(self.pooling, truncate_dim=None).width(self.model.config.hidden_size)
        width = min(width, self.options.truncate_dim or width)
        precision = self.options.precision
        vectors = np.empty((0, compute_width(precision, width)), get_dtype(precision))
        if not self.gives_parts:
            return vectors
        from albertkit.tokenization.parts import make_parts

        return PartVectors(vectors, make_parts([], []))

    def _tokenize(self, texts: Texts) -> tuple[Encodings, Parts | None, Sequence[int] | None]:
        """The ids of a window, its parts and numbers; of a pair the first text has the prompt."""
        if self.cutter is not None:
            if texts.second is not None:
                from albertkit.tasks.part_vectors import refuse_pairs

                raise refuse_pairs()
            parts, encodings = self.cutter.cut(texts.first)
            self.report.count(self.model.tokenizer, texts, encodings, parts)
            return encodings, parts, texts.numbers
        if self.options.markdown:
            from albertkit.tokenization.markdown import strip_markdown

            plain = [strip_markdown(text).text for text in texts.first]
            second = texts.second and [strip_markdown(text).text for text in texts.second]
            texts = Texts(plain, second, texts.is_one, texts.numbers)
        if self.prompt or self.pooling.lower_case:
            format_text = self.pooling.as_read
            first = [format_text(text, self.prompt) for text in texts.first]
            second = texts.second and [format_text(text, "") for text in texts.second]
            texts = Texts(first, second, texts.is_one, texts.numbers)
        return self.report.tokenize(self.model.tokenizer, texts), None, texts.numbers

    def _count_texts(self, parts: Parts | None) -> Callable[[int], None] | None:
        """What the engine calls with a number of finished texts, or parts of a window's texts."""
        if parts is None or self.progress is None:
            return self.progress
        done = counted = 0
        count, texts, progress = len(parts.texts), len(parts.offsets) - 1, self.progress

        def add(finished: int) -> None:
            nonlocal done, counted
            done += finished
            progress(done * texts // count - counted)
            counted = done * texts // count

        return add

    def _finish(
        self,
        vectors: FloatArray,
        parts: Parts | None = None,
        numbers: Sequence[int] | None = None,
    ) -> FloatArray:
        """Pooled vectors [N, H], or [P, H] of parts → vectors of the same number, [N, D]."""
        if self.pooling.steps:
            vectors = apply_modules(self.pooling.steps, vectors, self.model.config)
        if self.options.truncate_dim is not None:
            vectors = np.ascontiguousarray(vectors[:, : self.options.truncate_dim])
        if self.options.normalize_embeddings:
            vectors = normalize(vectors)
        self.report.check_vectors(vectors, parts, numbers)
        return vectors

    def _answer_parts(self, vectors: FloatArray, parts: Parts) -> FloatArray | PartVectors:
        """The vectors [P, D] of parts as the options want them."""
        if self.gives_parts:
            return PartVectors(vectors, parts)
        from albertkit.tasks.part_vectors import average_parts  # not needed for whole texts

        steps = self.pooling.steps
        has_length_1 = bool(steps) and isinstance(steps[-1], Normalize)
        is_normalized = self.options.normalize_embeddings or (
            has_length_1 and self.options.truncate_dim is None
        )
        return average_parts(vectors, parts, is_normalized=is_normalized)

    def _token_outputs(self, engine: Engine, encodings: Encodings, slots: int) -> list[object]:
        """The token vectors of each text, or a dict of all that there is about it."""
        tokens = compute_token_vectors(
            engine, encodings, slots=slots, progress=self.progress
        )  # [T, H]
        parts = [tokens[begin:end] for begin, end in itertools.pairwise(encodings.offsets.tolist())]
        convert = self.convert or (lambda array: array)
        if self.options.output_value == "token_embeddings":
            return [convert(part) for part in parts]
        pooling = self.pooling.pooling
        if pooling == "pooler":  # has weights, which the engine knows
            pooled = compute_text_vectors(engine, encodings, pooling, slots=slots)
        else:
            pooled = pool(Outputs(tokens=tokens), encodings.offsets, pooling, self.prompt_length)
        return [
            {
                "input_ids": encoding.ids,
                "attention_mask": np.ones(len(encoding), np.int64),
                "token_embeddings": convert(part),
                "sentence_embedding": convert(vector),
            }
            for encoding, part, vector in zip(encodings, parts, self._finish(pooled), strict=True)
        ]


class VectorStream(Iterator[Any]):
    """What `encode` gives for an iterator of texts: an iterator of answers in the same order.

    A window of texts is computed when its first answer is asked for.

    Args:
        call: The call, whose windows of answers these are.
        windows: Vectors [N, D] float32, or lists of other outputs.
        cast: Gives vectors their type.
    """

    def __init__(self, call: EncodeCall, windows: Generator[Any], cast: VectorCast) -> None:
        self._cast = cast
        # a generator that refers to this object would keep it alive
        self._answers = _flatten(call, windows, cast)

    def __iter__(self) -> VectorStream:
        return self

    def __next__(self) -> Any:
        return next(self._answers)

    @property
    def ranges(self) -> npt.NDArray[Any] | None:
        """[2, D] the ranges of int8 and uint8 vectors; None before the first answer."""
        return self._cast.ranges

    def close(self) -> None:
        """Read no more texts, and end the thread that tokenizes them."""
        self._answers.close()


def _flatten(call: EncodeCall, windows: Generator[Any], cast: VectorCast) -> Generator[Any]:
    convert = call.convert or (lambda array: array)
    with closing(windows):
        for window in windows:
            if isinstance(window, PartVectors):
                yield from map(convert, window.parts.split(cast.of(window.vectors)))
            elif call.options.output_value != "sentence_embedding":
                yield from window
            else:
                yield from map(convert, cast.of(window))


def make_progress(show: bool | None, total: int | None) -> ProgressLine | None:
    """A progress bar for `total` texts; show: None: yes on a terminal if the log level is INFO."""
    if show is None:
        show = LOGGER.isEnabledFor(logging.INFO) and sys.stderr.isatty()
    return ProgressLine(total) if show else None


class ProgressLine:
    """A progress bar that counts texts.

    Args:
        total: number of texts; None if it is not known.
        estimate: the number of texts that is estimated so far, if `total` is None.
        done: number of texts that an earlier run finished; they do not count for the speed.
        delay: seconds before the bar is drawn.
        unit: what is counted, with a space before it.
    """

    def __init__(
        self,
        total: int | None,
        *,
        estimate: Callable[[], int | None] = lambda: None,
        done: Callable[[], int] = lambda: 0,
        delay: float = 0,
        unit: str = " texts",
    ) -> None:
        from tqdm import tqdm  # only if progress is shown: 15 ms

        self._total = total
        self._estimate = estimate
        self._done = done
        self._own = 0
        self._bar = tqdm(
            total=total,
            initial=done(),
            unit=unit,
            file=sys.stderr,
            delay=delay,
            dynamic_ncols=True,
            mininterval=INTERVAL,
        )

    def __call__(self, count: int) -> None:
        """Count texts that were just finished."""
        self._own += count
        if self._total is None:
            self._bar.total = self._estimate()
        self._update()

    def clear(self) -> None:
        """Clear the line, so that another line can be printed; the next update draws it anew."""
        self._bar.clear()

    def close(self) -> None:
        """Draw the final count and end the line."""
        self._update()  # what is done of an earlier run may have been an estimate, too
        is_stopped = sys.exception() is not None  # by Ctrl-C or an error: not all texts are done
        if self._total is None and self._own and not is_stopped:
            self._bar.total = self._bar.n
        self._bar.close()

    def _update(self) -> None:
        self._bar.initial = self._done()
        self._bar.update(self._bar.initial + self._own - self._bar.n)
