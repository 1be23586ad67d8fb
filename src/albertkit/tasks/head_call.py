"""What the tasks with a head share: the head is looked for, and windows of texts are computed.

A task gives two functions: one that tokenizes a window, run on another thread while the window
before is computed, and one that computes its answers.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from albertkit.errors import InputError
from albertkit.errors.arguments import check_choice
from albertkit.runtime import LoadedModel, LoadKeywords, load
from albertkit.sources.names import BUILTIN
from albertkit.spec.heads import VECTOR_HEAD
from albertkit.tasks.encode import ProgressLine
from albertkit.tasks.inputs import prefetch
from albertkit.tasks.options import TRUNCATION_MODES, TruncationMode
from albertkit.tasks.reports import EncodeReport
from albertkit.tokenization import AlbertTokenizer

W = TypeVar("W")
A = TypeVar("A")
P = TypeVar("P")


class HeadTask:
    """A model with a head.

    Attributes:
        model: The open model.
        head: The name of the head that computes.
        truncation: What to do with texts that are too long.
    """

    def __init__(
        self,
        heads: Sequence[str],
        model: str | Path | None,
        truncation: TruncationMode,
        options: LoadKeywords,
    ) -> None:
        """Open a model that has one of the heads.

        Args:
            heads: Names of heads that do, the preferred first.
            model: As for `load`.
            truncation: "error", "warn" or "off".
            options: The fields of LoadOptions.

        Raises:
            InputError: [option-invalid], [head-missing].
            AlbertKitError: As `load`.
        """
        check_choice("truncation", truncation, TRUNCATION_MODES)
        self.truncation: TruncationMode = truncation
        self.model: LoadedModel = load(model, **options)
        self.head: str = _find_head(self.model, heads)

    @property
    def tokenizer(self) -> AlbertTokenizer:
        """The model's tokenizer; raises FormatError [no-vocabulary] if it has none."""
        return self.model.tokenizer

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the head's classes, in their order."""
        config = self.model.config
        return tuple(config.id2label[number] for number in range(config.num_labels))

    def close(self) -> None:
        """Free the engine's memory; the next call makes it again."""
        self.model.close()

    def new_report(self) -> EncodeReport:
        """Count no texts yet."""
        return EncodeReport(self.model.max_length, self.truncation, has_windows=False)

    def __repr__(self) -> str:
        """The model and its head."""
        return f"{type(self).__name__}({str(self.model.path)!r}, {self.head})"


@dataclass(frozen=True, slots=True)
class HeadCall(Generic[W, P, A]):
    """Computes the answers of one call.

    Attributes:
        prepare: Tokenizes a window; runs on another thread.
        compute: Computes the answers to a window, one a text.
        report: Counts what happens to the texts.
        progress: Called with the number of finished texts.
    """

    prepare: Callable[[W], P]
    compute: Callable[[P], list[A]]
    report: EncodeReport
    progress: ProgressLine | None = None

    def run(self, windows: Iterator[W], *, is_live: bool = False) -> Generator[list[A]]:
        """The answers of `answers`; at the end the progress bar ends and warnings are logged."""
        try:
            yield from self.answers(windows, is_live=is_live)
        finally:
            if self.progress is not None:
                self.progress.close()
            self.report.log()

    def answers(self, windows: Iterator[W], *, is_live: bool = False) -> Generator[list[A]]:
        """The answers, window by window; windows are taken on the caller's thread."""
        for prepared in prefetch(windows, self.prepare, is_live=is_live):
            answers = self.compute(prepared)
            if self.progress is not None:
                self.progress(len(answers))
            yield answers

    def stream(self, windows: Iterator[W]) -> Iterator[A]:
        """The answers one by one; a window is computed when its first answer is asked for."""
        with closing(self.run(windows, is_live=True)) as parts:
            for part in parts:
                yield from part

    def collect(self, windows: Iterator[W]) -> list[A]:
        """All answers."""
        return [answer for part in self.run(windows) for answer in part]


def _find_head(model: LoadedModel, heads: Sequence[str]) -> str:
    """The first of the heads that the model has."""
    own = model.weights.heads
    for name in heads:
        if name in own or (name == VECTOR_HEAD and model.checkpoint.vector_head is not None):
            return name
    wanted = " or ".join(name for name in heads if name != VECTOR_HEAD)
    is_builtin = model.path.parent == BUILTIN
    why = f"its heads are {', '.join(own)}" if own else "it has no head"
    raise InputError(
        "head-missing",
        f"{model.path.name if is_builtin else str(model.path)!r} has no {wanted} head",
        why=f"{why}, and the built-in models are made to be tuned" if is_builtin else why,
        fix="Tune one on your own examples (albertkit finetune examples.csv), or give the"
        " directory of a model that was saved with this head",
    )
