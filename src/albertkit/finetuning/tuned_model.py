"""TunedModel: the winner of a race, to be used in a notebook and to be saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from albertkit.errors import Diagnostic
from albertkit.fileformats.atomic import create_directory
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.race import RaceResult, TrainedModel
from albertkit.finetuning.report import Report
from albertkit.finetuning.scores import choose_labels


class TunedModel:
    """A trained model with its scores.

    Attributes:
        labels: The names of the labels, in the order of the head.
        task: What was learned.
        results: The result of each contender.
        diagnostics: The results of the checks of the data.
        report: Scores, errors and suspected labels of the validation rows.
    """

    def __init__(
        self,
        model: TrainedModel,
        labels: LabelSet,
        report: Report,
        results: Sequence[RaceResult],
        diagnostics: Sequence[Diagnostic],
    ) -> None:
        """Keep the winner of a race; `finetune` makes these."""
        self._model = model
        self._label_set = labels
        self.labels = labels.names
        self.task = labels.task
        self.report = report
        self.results = tuple(results)
        self.diagnostics = tuple(diagnostics)

    def predict(self, texts: Any) -> list[Any]:
        """Predict the labels of texts.

        Args:
            texts: A text, a list of texts, or a list of pairs (tuples); of tagging lists of words.

        Returns:
            For each text a label; a tuple of labels for multi-label; a number for regression; a
            list of tags for tagging.
        """
        items = [texts] if isinstance(texts, str) else list(texts)
        pairs = bool(items) and isinstance(items[0], tuple)
        words = None
        if self.task == "tagging":
            words = [item.split() if isinstance(item, str) else list(item) for item in items]
        examples = Examples(
            self.task,
            [item[0] if pairs else item if isinstance(item, str) else "" for item in items],
            [item[1] for item in items] if pairs else None,
            [],
            np.zeros(len(items), np.int64),
            "texts",
            words=words,
        )
        return choose_labels(self._label_set, self._model.predict(examples))

    def save_pretrained(self, path: str | Path) -> None:
        """Write the model and its report, completely or not at all.

        Args:
            path: The directory; its files of the same names are replaced.

        Raises:
            ResourceError: [write-failed].
        """
        with create_directory(Path(path)) as directory:
            self._model.write(directory, temperature=self.report.temperature)
            self.report.write(directory)

    save = save_pretrained

    def __repr__(self) -> str:
        return f"TunedModel({self.task}, {self.report.contender}, {self.report.score})"
