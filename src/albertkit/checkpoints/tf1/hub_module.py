"""TF Hub modules of TensorFlow 1: google's variables inside a SavedModel with two graphs.

In: a directory with `tfhub_module.pb`. Out: its weights under canonical names, the configuration
of its assets, and a note that it is such a module. Its graphs are not read: they hold what
google-research/albert computes, with the heads of pretraining.
"""

from __future__ import annotations

from pathlib import Path

from albertkit.checkpoints.format import NO_OVERRIDES, Checkpoint, ConfigOverrides
from albertkit.checkpoints.tf1.format import CONFIG, read_variables
from albertkit.checkpoints.unsupported import ReadOnlyFormat
from albertkit.errors import Diagnostic
from albertkit.fileformats.tensorflow.saved_model_files import ASSETS, TF1_HUB_FILE, VARIABLES
from albertkit.tokenization.vocabulary_files import read_tokenizer_files


class Tf1HubFormat(ReadOnlyFormat):
    """The Format of TensorFlow 1's modules; they are read only."""

    name = "tf1-hub"
    description = "a TF Hub module of TensorFlow 1"
    why_unwritten = "TensorFlow 2 does not write such modules, and opens them only in part"
    alternative = "Write tfhub, or tf1"

    def recognises(self, location: Path) -> str | None:
        """Return the evidence that `location` has this format; None if there is none."""
        return TF1_HUB_FILE if (location / TF1_HUB_FILE).is_file() else None

    def read(self, location: Path, overrides: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
        """Open a module; tensors stay on disk until they are touched.

        Raises as `Tf1Format.read`.
        """
        assets = location / ASSETS
        config = assets / CONFIG
        checkpoint = read_variables(
            location / VARIABLES,
            config if config.is_file() else None,
            read_tokenizer_files(assets),
            overrides,
            str(location),
        )
        return Checkpoint(
            checkpoint.weights,
            checkpoint.tokenizer_files,
            (_is_module(location), *checkpoint.notes),
        )


TF1_HUB = Tf1HubFormat()


def _is_module(location: Path) -> Diagnostic:
    return Diagnostic(
        "tf1-hub-module",
        "note",
        "this is a TF Hub module of TensorFlow 1; its weights are read, not its graph",
        why=f"{TF1_HUB_FILE} says so",
        where=str(location),
    )
