"""The losses of a run as an image, drawn by matplotlib (the extra `plots`)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from albertkit.training.metrics_log import LoggedMetrics

PANELS = {"masked_loss": "masked LM", "order_loss": "sentence order"}
SOURCES = {"": "training text", "valid_": "held-out text"}


def draw_losses(metrics: Sequence[LoggedMetrics]) -> bytes | None:
    """Draw each loss over the tokens of the run.

    Args:
        metrics: the lines of a metrics log.

    Returns:
        A PNG file; None without matplotlib.
    """
    if find_spec("matplotlib") is None:
        return None
    from matplotlib.figure import Figure  # without pyplot there is no window and no global state

    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, (key, title) in zip(figure.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        for prefix, label in SOURCES.items():
            points = [
                (tokens / 1e6, loss)
                for line in metrics
                if (loss := line.get(prefix + key)) is not None
                and (tokens := line.get("tokens")) is not None
            ]
            if points:
                axes.plot(*zip(*points, strict=True), label=label, marker="." if prefix else "")
        axes.set(title=title, xlabel="million tokens", ylabel="loss (nats)")
        if axes.lines:
            axes.legend()
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    return image.getvalue()
