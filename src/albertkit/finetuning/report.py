"""The report of a fine-tuning: scores, labels, errors, suspected labels, calibration, recipe.

Computed on the validation rows alone. Written as JSON, CSV and pictures with the model's files.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from albertkit.arrays import Float64Array, FloatArray, Int64Array
from albertkit.evaluation import (
    ConfusionMatrix,
    MultiLabelCounts,
    Reliability,
    exact_match,
    fit_temperature,
    pearson,
)
from albertkit.evaluation.classification import LabelCounts
from albertkit.finetuning.data.checks import find_suspects
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.race import Race, RaceResult, list_near_scores
from albertkit.finetuning.scores import MEASURES, THRESHOLD, Predictions, Score, choose_labels

if TYPE_CHECKING:
    from albertkit.finetuning.session import FinetuneSession

FOLDER = "report"
SHOWN_ROWS = 20  # errors, and suspected labels
NEAREST_ROWS = 3  # training rows that are shown for an error
TEXT_SHOWN = 300
LEAST_FOR_TEMPERATURE = 30  # validation rows
THRESHOLDS = tuple(round(0.05 * n, 2) for n in range(1, 20))
CURVE_COLUMNS = ("step", "loss", "accuracy", "valid_loss", "valid_accuracy", "learning_rate")
LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What is known of the kept model.

    Attributes:
        contender: Its name.
        score: On the validation rows.
        metrics: All numbers, as metrics.json has them.
        tables: File name → rows of a table: labels, confusion, thresholds, errors, suspects, curve.
        temperature: By which the logits are divided, fitted on the validation rows.
        confusion: [C, C], right labels by predicted ones; None for other tasks.
        reliability: Confidence and accuracy after the temperature; None for other tasks.
        names: Of the labels.
        recipe: Every setting of the run.
        card: The model card as Markdown.
    """

    contender: str
    score: Score
    metrics: Mapping[str, Any]
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    temperature: float
    confusion: Int64Array | None
    reliability: Reliability | None
    names: tuple[str, ...]
    recipe: Mapping[str, Any]
    card: str = field(repr=False, default="")

    def write(self, directory: Path) -> None:
        """Write README.md and the folder `report`; the caller makes that atomic."""
        from albertkit.finetuning.pictures import draw_confusion, draw_curve, draw_reliability

        folder = directory / FOLDER
        folder.mkdir()
        _write_json(folder / "metrics.json", self.metrics)
        _write_json(folder / "recipe.json", self.recipe)
        for name, rows in self.tables.items():
            if rows:
                (folder / f"{name}.csv").write_text(_format_csv(rows), encoding="utf-8")
        pictures = {}
        if self.confusion is not None:
            pictures["confusion.png"] = draw_confusion(self.confusion, self.names)
        if self.reliability is not None:
            pictures["reliability.png"] = draw_reliability(self.reliability)
        if self.tables["curve"]:
            pictures["curve.png"] = draw_curve(self.tables["curve"])
        for name, image in pictures.items():
            if image is not None:
                (folder / name).write_bytes(image)
        (directory / "README.md").write_text(self.card, encoding="utf-8")


def make_report(session: FinetuneSession, winner: RaceResult, race: Race) -> Report:
    """Compute the report of a race's winner."""
    valid = race.valid
    predictions, score = winner.predictions, winner.score
    if predictions is None or score is None:
        raise AssertionError("a winner was scored")
    labels = session.labels
    temperature, calibrated, calibration = _calibrate(labels, valid, predictions)
    confusion = _count_confusion(labels, valid, calibrated)
    train = race.parts[0].train
    metrics = {
        "task": labels.task,
        "contender": winner.name,
        "measure": MEASURES[labels.task],
        **_describe_score(score),
        "within_noise_of_it": list_near_scores(session.results, winner),
        "temperature": round(temperature, 4),
        **calibration.metrics,
        **_compute_more_metrics(labels, valid, calibrated, confusion),
        "rows": {"training": len(train), "validation": len(valid)},
        "race": [
            {
                "contender": result.name,
                **(_describe_score(result.score) if result.score else {"note": result.note}),
                "seconds": round(result.seconds, 2),
                "bytes": result.size,
                "milliseconds_a_text": round(result.milliseconds, 3),
            }
            for result in session.results
        ],
        "diagnostics": [diagnostic.line() for diagnostic in session.diagnostics],
        "fingerprints": {
            "data": _hash_rows(session.examples.texts(), session.examples.labels),
            "split": _hash_rows(map(str, valid.rows.tolist())),
        },
    }
    tables = {
        "labels": _list_label_rows(labels, valid, calibrated, confusion),
        "confusion": _list_confusion_rows(labels, confusion),
        "thresholds": _list_threshold_rows(labels, valid, calibrated),
        "errors": _list_error_rows(labels, race, calibrated),
        "suspects": _list_suspect_rows(labels, race),
        "curve": _list_curve_rows(labels, getattr(winner.model, "log", ())),
    }
    recipe = _describe_run(session, winner)
    report = Report(
        winner.name,
        score,
        metrics,
        tables,
        temperature,
        None if confusion is None else confusion.counts,
        calibration.reliability,
        labels.names,
        recipe,
    )
    from albertkit.finetuning.model_card import make_model_card

    return Report(
        **{name: getattr(report, name) for name in Report.__slots__ if name != "card"},
        card=make_model_card(report, session),
    )


@dataclass(frozen=True, slots=True)
class Calibration:
    """Expected calibration error before and after the temperature."""

    metrics: Mapping[str, float]
    reliability: Reliability | None = None


def _calibrate(
    labels: LabelSet, valid: Examples, predictions: Predictions
) -> tuple[float, Predictions, Calibration]:
    """The temperature, the predictions with it, and what it changes."""
    if labels.task not in ("classification", "multi-label"):
        return 1.0, predictions, Calibration({})
    probabilities = np.clip(
        np.asarray(predictions, np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY
    )
    if labels.task == "multi-label":
        goal: Any = labels.one_hot(valid)
        logits = np.log(probabilities) - np.log1p(-probabilities)
        if len(valid) < LEAST_FOR_TEMPERATURE:
            return 1.0, predictions, Calibration({})
        temperature = fit_temperature(logits, goal)
        return temperature, 1 / (1 + np.exp(-logits / temperature)), Calibration({})
    ids = labels.ids(valid)
    known = ids >= 0
    temperature = 1.0
    if known.sum() >= LEAST_FOR_TEMPERATURE:
        temperature = fit_temperature(np.log(probabilities[known]), ids[known])
    scaled = probabilities ** (1 / temperature)
    scaled /= scaled.sum(1, keepdims=True)
    before, after = (_measure_reliability(rows, ids) for rows in (probabilities, scaled))
    metrics = {
        "calibration_error_before": round(before.expected_calibration_error, 4),
        "calibration_error": round(after.expected_calibration_error, 4),
    }
    return temperature, scaled, Calibration(metrics, after)


def _measure_reliability(probabilities: Float64Array, ids: Int64Array) -> Reliability:
    result = Reliability()
    result.add(np.minimum(probabilities.max(1), 1.0), probabilities.argmax(1) == ids)
    return result


def _count_confusion(
    labels: LabelSet, valid: Examples, predictions: Predictions
) -> ConfusionMatrix | None:
    if labels.task != "classification":
        return None
    ids = labels.ids(valid)
    matrix = ConfusionMatrix(len(labels.names))
    matrix.add(ids[ids >= 0], np.argmax(predictions, axis=1)[ids >= 0])
    return matrix


def _compute_more_metrics(
    labels: LabelSet, valid: Examples, predictions: Predictions, confusion: ConfusionMatrix | None
) -> dict[str, float]:
    """Measures besides the race's: those of GLUE and SQuAD among them."""
    if confusion is not None:
        counts = confusion.label_counts()
        metrics = {"macro_f1": counts.average_f1("macro"), "matthews": confusion.matthews}
        if len(labels.names) == 2:
            metrics["f1"] = float(counts.f1[1])  # of the second label: MRPC's and QQP's measure
    elif labels.task == "regression":
        own = np.asarray(predictions)[:, 0]
        right = np.array(valid.labels, np.float64)
        metrics = {"pearson": pearson(right, own) if len(own) > 1 else 0.0}
    elif labels.task == "question-answering":
        pairs = [
            max(exact_match(text, own) for text in right.texts or ("",))
            for right, own in zip(valid.labels, predictions, strict=True)
        ]
        metrics = {"exact_match": float(np.mean(pairs))}
    else:
        return {}
    return {name: round(float(np.nan_to_num(value)), 4) for name, value in metrics.items()}


def _describe_score(score: Score) -> dict[str, float]:
    return {
        "score": round(score.value, 4),
        "score_low": round(score.low, 4),
        "score_high": round(score.high, 4),
    }


def _list_label_rows(
    labels: LabelSet, valid: Examples, predictions: Predictions, confusion: ConfusionMatrix | None
) -> list[dict[str, Any]]:
    """Precision, recall and F1 of each label."""
    counts: LabelCounts
    if confusion is not None:
        counts = confusion.label_counts()
    elif labels.task == "multi-label":
        several = MultiLabelCounts(len(labels.names))
        several.add(labels.one_hot(valid), np.asarray(predictions) >= THRESHOLD)
        counts = several.label_counts()
    else:
        return []
    columns = (counts.precision, counts.recall, counts.f1, counts.actual)
    return [
        {
            "label": name,
            "precision": round(float(p), 4),
            "recall": round(float(r), 4),
            "f1": round(float(f), 4),
            "rows": int(n),
        }
        for name, p, r, f, n in zip(labels.names, *columns, strict=True)
    ]


def _list_confusion_rows(
    labels: LabelSet, confusion: ConfusionMatrix | None
) -> list[dict[str, Any]]:
    """Right labels by predicted ones, with the number of rows, the most frequent errors first."""
    if confusion is None:
        return []
    counts = [
        {"label": right, "predicted": own, "rows": int(confusion.counts[i, j])}
        for i, right in enumerate(labels.names)
        for j, own in enumerate(labels.names)
        if confusion.counts[i, j] > 0
    ]
    return sorted(counts, key=lambda row: (row["label"] == row["predicted"], -int(row["rows"])))


def _list_threshold_rows(
    labels: LabelSet, valid: Examples, predictions: Predictions
) -> list[dict[str, Any]]:
    """Precision and recall of each label by its threshold; for two labels the second one."""
    is_binary = labels.task == "classification" and len(labels.names) == 2
    if not is_binary and labels.task != "multi-label":
        return []
    right, scores = labels.one_hot(valid) > 0, np.asarray(predictions)
    rows = []
    for number, name in enumerate(labels.names):
        if is_binary and number == 0:
            continue
        for threshold in THRESHOLDS:
            chosen = scores[:, number] >= threshold
            hits = int((chosen & right[:, number]).sum())
            both = int(chosen.sum()) + int(right[:, number].sum())
            rows.append(
                {
                    "label": name,
                    "threshold": threshold,
                    "precision": round(hits / max(1, int(chosen.sum())), 4),
                    "recall": round(hits / max(1, int(right[:, number].sum())), 4),
                    "f1": round(2 * hits / max(1, both), 4),
                }
            )
    return rows


def _list_error_rows(
    labels: LabelSet, race: Race, predictions: Predictions
) -> list[dict[str, Any]]:
    """The most confident or largest errors, each with the training rows most like it."""
    valid = race.valid
    chosen = choose_labels(labels, predictions)
    wrong = [n for n, own in enumerate(chosen) if _differs(labels, valid.labels[n], own)]
    sizes = _measure_errors(labels, valid, predictions)
    wrong.sort(key=lambda n: -sizes[n])
    part = race.parts[0]
    rows = []
    for n in wrong[:SHOWN_ROWS]:
        near = []
        if len(race.parts) == 1 and part.train_vectors.joined.size:
            near = _find_nearest(part.train_vectors.joined, part.valid_vectors.joined[n])
        rows.append(
            {
                "row": int(valid.rows[n]),
                "label": _show(valid.labels[n]),
                "predicted": _show(chosen[n]),
                "score": round(float(sizes[n]), 4),
                "text": valid.texts()[n][:TEXT_SHOWN],
                "nearest_rows": " ".join(str(part.train.rows[k]) for k in near),
                "nearest_labels": " | ".join(_show(part.train.labels[k]) for k in near),
            }
        )
    return rows


def _differs(labels: LabelSet, right: Any, own: Any) -> bool:
    if labels.task == "regression":
        return True  # sorted by the size of the error
    if labels.task == "question-answering":
        return own not in (right.texts or ("",))
    return bool(tuple(right) != tuple(own) if labels.task == "tagging" else right != own)


def _measure_errors(labels: LabelSet, valid: Examples, predictions: Predictions) -> Float64Array:
    """How confident each prediction is; of numbers how far off it is [N]."""
    if labels.task == "regression":
        right = np.array(valid.labels, np.float64)
        return np.asarray(np.abs(np.asarray(predictions)[:, 0] - right))
    if labels.task == "classification":
        return np.asarray(np.max(predictions, axis=1))
    if labels.task == "multi-label":
        return np.asarray(np.abs(np.asarray(predictions) - THRESHOLD).min(1))
    if labels.task == "multiple-choice":
        return np.array([float(np.max(row)) for row in predictions])
    return np.zeros(len(predictions))


def _find_nearest(train: FloatArray, vector: FloatArray) -> list[int]:
    numbers: list[int] = np.argsort(-(train @ vector), kind="stable")[:NEAREST_ROWS].tolist()
    return numbers


def _list_suspect_rows(labels: LabelSet, race: Race) -> list[dict[str, Any]]:
    if labels.task != "classification" or not race.probes:
        return []
    train, probabilities = race.parts[-1].train, race.probes[-1].fold_probabilities
    if len(LabelSet.of(train).names) != len(labels.names):
        return []
    return [
        {
            "row": int(train.rows[n]),
            "label": train.labels[n],
            "predicted": labels.names[int(probabilities[n].argmax())],
            "score": round(float(probabilities[n].max()), 4),
            "text": train.texts()[n][:TEXT_SHOWN],
        }
        for n in find_suspects(train, probabilities)[:SHOWN_ROWS].tolist()
    ]


def _list_curve_rows(labels: LabelSet, log: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the training logged; numbers are neither right nor wrong, so they have no accuracy."""
    columns = [
        name
        for name in CURVE_COLUMNS
        if labels.task != "regression" or not name.endswith("accuracy")
    ]
    return [{name: line.get(name) for name in columns} for line in log]


def _describe_run(session: FinetuneSession, winner: RaceResult) -> dict[str, Any]:
    options = session.options
    return {
        "data": session.table.name,
        "task": session.columns.task,
        "text": [*session.columns.texts, *session.columns.choices],
        "label": session.columns.label,
        "contender": winner.name,
        "model": str(session.base.path.name),
        "folds": options.folds,
        "max_time": options.max_time,
        "class_weights": options.class_weights
        if isinstance(options.class_weights, str)
        else dict(options.class_weights),
        "seed": options.seed,
        "settings": getattr(winner.model, "settings", {}),
    }


def _show(label: Any) -> str:
    if isinstance(label, tuple | list):
        return " ".join(map(str, label))
    return str(getattr(label, "texts", label))


def _hash_rows(*columns: Any) -> str:
    digest = hashlib.sha256()
    for row in zip(*columns, strict=True):
        digest.update(repr(row).encode())
    return digest.hexdigest()[:16]


def _format_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
