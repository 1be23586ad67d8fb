"""File names of a SavedModel, for processes that do not read one: the reader costs 1 ms."""

from __future__ import annotations

from pathlib import Path

FILE = "saved_model.pb"
TF1_HUB_FILE = "tfhub_module.pb"  # a TensorFlow 1 hub module has it, besides a saved_model.pb
ASSETS = "assets"
VARIABLES = "variables/variables"  # the prefix of the bundle


def is_saved_model(directory: Path) -> bool:
    """Check whether a directory holds a SavedModel and not a TensorFlow 1 hub module."""
    return (directory / FILE).is_file() and not (directory / TF1_HUB_FILE).is_file()
