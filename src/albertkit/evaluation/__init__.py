"""Metrics of labels, numbers, spans, answers and probabilities; plain numpy, no downloads."""

from typing import TYPE_CHECKING

from albertkit.lazy_exports import attach

if TYPE_CHECKING:
    from albertkit.evaluation.answers import AnswerScores as AnswerScores
    from albertkit.evaluation.answers import Question as Question
    from albertkit.evaluation.answers import best_threshold as best_threshold
    from albertkit.evaluation.answers import exact_match as exact_match
    from albertkit.evaluation.answers import normalize_answer as normalize_answer
    from albertkit.evaluation.answers import read_squad as read_squad
    from albertkit.evaluation.answers import score_answers as score_answers
    from albertkit.evaluation.answers import token_f1 as token_f1
    from albertkit.evaluation.calibration import Reliability as Reliability
    from albertkit.evaluation.calibration import fit_temperature as fit_temperature
    from albertkit.evaluation.classification import ConfusionMatrix as ConfusionMatrix
    from albertkit.evaluation.classification import LabelCounts as LabelCounts
    from albertkit.evaluation.classification import MultiLabelCounts as MultiLabelCounts
    from albertkit.evaluation.regression import pearson as pearson
    from albertkit.evaluation.regression import spearman as spearman
    from albertkit.evaluation.spans import SpanCounts as SpanCounts
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "answers": (
                "AnswerScores",
                "Question",
                "best_threshold",
                "exact_match",
                "normalize_answer",
                "read_squad",
                "score_answers",
                "token_f1",
            ),
            "calibration": ("Reliability", "fit_temperature"),
            "classification": ("ConfusionMatrix", "LabelCounts", "MultiLabelCounts"),
            "regression": ("pearson", "spearman"),
            "spans": ("SpanCounts",),
        },
    )
