"""Whether a directory holds a SavedModel, and what its files are called; nothing is read."""

from __future__ import annotations

from pathlib import Path

FILE = "saved_model.pb"
TF1_HUB_FILE = "tfhub_module.pb"  # TensorFlow 1's hub modules have it beside a saved_model.pb
ASSETS = "assets"
VARIABLES = "variables/variables"  # the prefix of the bundle


def is_saved_model(place: Path) -> bool:
    """Whether a directory holds a SavedModel that is no TensorFlow 1 hub module."""
    return (place / FILE).is_file() and not (place / TF1_HUB_FILE).is_file()
