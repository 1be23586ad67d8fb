"""The losses of a run as an image, drawn by matplotlib (the extra `plots`)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from albertkit.training.metrics_log import LoggedMetrics

PANELS = {  # title and unit; those that a run logs are drawn
    "masked_loss": ("masked LM", "loss (nats)"),
    "order_loss": ("sentence order", "loss (nats)"),
    "cosine": ("to the teacher's vectors", "mean cosine"),
    "gram": ("cosines in a batch", "mean squared difference"),
}
SOURCES = {"": "training text", "valid_": "held-out text"}


def draw_losses(metrics: Sequence[LoggedMetrics]) -> bytes | None:
    """Draw each loss of the run over its tokens.

    Args:
        metrics: the lines of a metrics log.

    Returns:
        A PNG file; None without matplotlib.
    """
    if find_spec("matplotlib") is None:
        return None
    from matplotlib.figure import Figure  # without pyplot there is no window and no global state

    panels = [key for key in PANELS if any(key in line for line in metrics)] or ["loss"]
    figure = Figure(figsize=(5 * len(panels), 4), layout="constrained")
    for axes, key in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        title, unit = PANELS.get(key, (key, ""))
        for prefix, label in SOURCES.items():
            points = [
                (tokens / 1e6, loss)
                for line in metrics
                if (loss := line.get(prefix + key)) is not None
                and (tokens := line.get("tokens")) is not None
            ]
            if points:
                axes.plot(*zip(*points, strict=True), label=label, marker="." if prefix else "")
        axes.set(title=title, xlabel="million tokens", ylabel=unit)
        if axes.lines:
            axes.legend()
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    return image.getvalue()
