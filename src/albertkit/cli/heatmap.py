"""A table of similarities as an image, through matplotlib (the extra `plots`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from albertkit.arrays import FloatArray
from albertkit.errors import InputError, import_extra
from albertkit.fileformats.atomic import new_file

KINDS = (".png", ".svg", ".pdf")
LONGEST_LABEL = 40
WRITTEN_OUT = 20  # texts; of more, the numbers in the squares would be too small to read


def check_plot(place: Path) -> None:
    """Raise InputError [output-format-unknown], ResourceError [extra-missing]."""
    if place.suffix.lower() not in KINDS:
        raise InputError(
            "output-format-unknown",
            f"{str(place)!r} ends in {place.suffix or 'nothing'}",
            why=f"images are {', '.join(KINDS)}",
            fix="Give the image a name that ends in one of them",
        )
    import_extra("matplotlib", "--plot")


def write_heatmap(near: FloatArray, texts: Sequence[str], place: Path) -> None:
    """Draw the similarities [N, N] as a heatmap, with the texts as labels of rows and columns."""
    from matplotlib.figure import Figure  # without pyplot there is no window and no global state

    size = 3 + 0.6 * len(texts)
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(near, cmap="YlOrRd", vmin=min(0.0, float(near.min())), vmax=near.max())
    labels = [t if len(t) <= LONGEST_LABEL else t[: LONGEST_LABEL - 1] + "…" for t in texts]
    axes.set_xticks(range(len(texts)), labels, rotation=45, ha="right", parse_math=False)
    axes.set_yticks(range(len(texts)), labels, parse_math=False)
    if len(texts) <= WRITTEN_OUT:
        middle = (float(near.min()) + float(near.max())) / 2
        for row, column in ((r, c) for r in range(len(texts)) for c in range(len(texts))):
            score = float(near[row, column])
            colour = "white" if score > middle else "black"
            axes.text(column, row, f"{score:.2f}", ha="center", va="center", color=colour)
    figure.colorbar(image, label="similarity")
    with new_file(place) as file:
        figure.savefig(file, format=place.suffix.lower().removeprefix("."))
