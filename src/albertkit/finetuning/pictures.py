"""The pictures of a report, drawn by matplotlib (the extra `plots`)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from albertkit.arrays import Int64Array
from albertkit.evaluation import Reliability

MOST_NUMBERED_LABELS = 15  # labels up to which each cell shows its count


def draw_confusion(counts: Int64Array, names: tuple[str, ...]) -> bytes | None:
    """Draw a confusion matrix.

    Args:
        counts: [C, C], right labels by predicted ones.
        names: Of the labels.

    Returns:
        A PNG file; None without matplotlib.
    """
    if find_spec("matplotlib") is None:
        return None
    figure, axes = _create_figure(2 + 0.5 * min(len(names), 30))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    shown = [name if len(name) <= 20 else f"{name[:19]}…" for name in names]
    axes.set_xticks(range(len(names)), shown, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), shown)
    axes.set(xlabel="predicted", ylabel="label")
    if len(names) <= MOST_NUMBERED_LABELS:
        for row, column in np.ndindex(*counts.shape):
            color = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=color)
    return _save(figure)


def draw_reliability(reliability: Reliability) -> bytes | None:
    """Draw accuracy over confidence.

    Args:
        reliability: Counts by bins of confidence.

    Returns:
        A PNG file; None without matplotlib.
    """
    if find_spec("matplotlib") is None:
        return None
    figure, axes = _create_figure(5)
    counts = reliability.counts
    used = counts > 0
    confidence = reliability.confidence_sums[used] / counts[used]
    axes.plot([0, 1], [0, 1], color="gray", linestyle=":", label="calibrated")
    axes.plot(confidence, reliability.correct[used] / counts[used], marker="o", label="this model")
    axes.set(xlabel="score", ylabel="share of right labels", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(f"expected calibration error {reliability.expected_calibration_error:.3f}")
    axes.legend(loc="upper left")
    return _save(figure)


def draw_curve(rows: Sequence[Mapping[str, Any]]) -> bytes | None:
    """Draw loss and accuracy over the steps of a tuning.

    Args:
        rows: At least one, of the table `curve`: step, loss, valid_loss, and (not for regression)
            accuracy, valid_accuracy; None where a step has no such number.

    Returns:
        A PNG file; None without matplotlib.
    """
    if find_spec("matplotlib") is None:
        return None
    from matplotlib.figure import Figure

    measures = [measure for measure in ("loss", "accuracy") if measure in rows[0]]
    figure = Figure(figsize=(5 * len(measures), 4), layout="constrained")
    panels = figure.subplots(1, len(measures), squeeze=False)[0]
    for axes, measure in zip(panels, measures, strict=True):
        for column, label in ((measure, "training rows"), (f"valid_{measure}", "validation rows")):
            points = [(row["step"], row[column]) for row in rows if row[column] is not None]
            if points:
                axes.plot(*zip(*points, strict=True), label=label, marker=".")
        axes.set(xlabel="step", ylabel=measure)
        axes.legend()
    return _save(figure)


def _create_figure(size: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # without pyplot there is no window and no global state

    figure = Figure(figsize=(size, size), layout="constrained")
    return figure, figure.subplots()


def _save(figure: Any) -> bytes:
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    return image.getvalue()
