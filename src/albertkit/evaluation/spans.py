"""Precision, recall and F1 of spans (named entities), from counts that texts add to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from albertkit.errors import InputError
from albertkit.evaluation.classification import LabelCounts
from albertkit.tasks.tag_spans import Scheme, read_spans


class SpanCounts:
    """Counts of a token classifier. A span is right if its label, its start and its end are right.

    Attributes:
        total: tokens in all.
    """

    def __init__(self, *, strict: Scheme | None = None) -> None:
        """Start with no texts.

        Args:
            strict: as for `read_spans`: count only spans that are well formed in this scheme.
        """
        self.strict = strict
        self.total = 0
        self._right_tokens = 0
        self._correct: Counter[str] = Counter()
        self._predicted: Counter[str] = Counter()
        self._actual: Counter[str] = Counter()

    def add(self, references: Sequence[str], predictions: Sequence[str]) -> None:
        """Add a text.

        Args:
            references: the right tag of each token or word: BIO, IOB, BIOES, BILOU or BMES.
            predictions: as many tags.

        Raises:
            InputError: [inputs-shape].
        """
        if len(references) != len(predictions):
            raise InputError(
                "inputs-shape",
                f"there are {len(references)} references and {len(predictions)} predictions",
                why="each token has one tag",
                fix="Give as many of both",
            )
        actual = set(read_spans(references, strict=self.strict))
        predicted = set(read_spans(predictions, strict=self.strict))
        self._actual.update(span.label for span in actual)
        self._predicted.update(span.label for span in predicted)
        self._correct.update(span.label for span in actual & predicted)
        self.total += len(references)
        self._right_tokens += sum(map(str.__eq__, references, predictions))

    @property
    def accuracy(self) -> float:
        """The share of tokens with the right tag; 0 without tokens."""
        return self._right_tokens / self.total if self.total else 0.0

    @property
    def labels(self) -> list[str]:
        """The labels of spans that occur, sorted; the order of `label_counts`."""
        return sorted({*self._actual, *self._predicted})

    def label_counts(self) -> LabelCounts:
        """The counts by label, for precision, recall and F1; the usual figure is the micro F1."""
        return LabelCounts(
            *(
                np.array([counter[label] for label in self.labels], np.int64)
                for counter in (self._correct, self._predicted, self._actual)
            )
        )
