"""A table of similarities as an image, drawn by matplotlib (the extra `plots`)."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

from albertkit.arrays import FloatArray
from albertkit.errors import Diagnostic, InputError, import_extra
from albertkit.fileformats.atomic import create_file

LOGGER = logging.getLogger(__name__)
IMAGE_SUFFIXES = (".png", ".svg", ".pdf")
LONGEST_LABEL = 40
MOST_NUMBERED_TEXTS = 20  # texts; with more, the numbers in the cells would be too small to read
DEFAULT_FONT = "DejaVu Sans"  # comes with matplotlib


def check_plot(path: Path) -> None:
    """Check that an image can be written.

    Raises:
        InputError: [output-format-unknown].
        ResourceError: [extra-missing] without matplotlib.
    """
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        raise InputError(
            "output-format-unknown",
            f"{str(path)!r} ends in {path.suffix or 'nothing'}",
            why=f"images are {', '.join(IMAGE_SUFFIXES)}",
            fix="Give the image a name that ends in one of them",
        )
    import_extra("matplotlib", "--plot")


def write_heatmap(scores: FloatArray, texts: Sequence[str], path: Path) -> None:
    """Draw the similarities with the texts as labels of rows and columns.

    Args:
        scores: [N, N].
        texts: N texts.
        path: the image to write.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure  # without pyplot there is no window and no global state

    labels = [t if len(t) <= LONGEST_LABEL else t[: LONGEST_LABEL - 1] + "…" for t in texts]
    with mpl.rc_context({"font.family": _choose_fonts(labels)}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # one warning of ours for all letters
        size = 3 + 0.6 * len(texts)
        figure = Figure(figsize=(size + 1, size), layout="constrained")
        axes = figure.subplots()
        lowest, highest = float(scores.min()), float(scores.max())
        image = axes.imshow(scores, cmap="YlOrRd", vmin=min(0.0, lowest), vmax=highest)
        axes.set_xticks(range(len(texts)), labels, rotation=45, ha="right", parse_math=False)
        axes.set_yticks(range(len(texts)), labels, parse_math=False)
        if len(texts) <= MOST_NUMBERED_TEXTS:
            middle = (lowest + highest) / 2
            for row, column in ((r, c) for r in range(len(texts)) for c in range(len(texts))):
                score = float(scores[row, column])
                color = "white" if score > middle else "black"
                axes.text(column, row, f"{score:.2f}", ha="center", va="center", color=color)
        figure.colorbar(image, label="similarity")
        with create_file(path) as file:
            figure.savefig(file, format=path.suffix.lower().removeprefix("."))


def _choose_fonts(labels: Sequence[str]) -> list[str]:
    """The default font, and installed fonts that have the letters it lacks."""
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    fonts = [DEFAULT_FONT]
    default_file = font_manager.findfont(DEFAULT_FONT)
    letters = {ord(letter) for label in labels for letter in label if letter.isprintable()}
    missing = letters - FT2Font(default_file).get_charmap().keys()
    for entry in font_manager.fontManager.ttflist if missing else ():
        if entry.name.startswith("Last Resort"):  # has all letters, as boxes
            continue
        has = missing & FT2Font(entry.fname).get_charmap().keys()
        if has:
            fonts.append(entry.name)
            missing -= has
        if not missing:
            break
    if missing:
        LOGGER.warning(
            "%s",
            Diagnostic(
                "font-missing",
                "warning",
                f"no installed font has {len(missing)} letters of the labels, "
                f"such as {chr(min(missing))!r}",
                why="they are drawn as boxes",
                fix="Install a font for this script, such as Noto Sans CJK",
            ).line(),
        )
    return fonts
