"""TF Hub modules of TensorFlow 1: google's variables inside a SavedModel with two graphs.

In: a directory with `tfhub_module.pb`. Out: its weights under canonical names, the configuration
of its assets, and a note that it is such a module. Its graphs are not read: they hold what
google-research/albert computes, with the heads of pretraining.
"""

from __future__ import annotations

from pathlib import Path

from albertkit.checkpoints.config_overrides import NO_OVERRIDES, ConfigOverrides
from albertkit.checkpoints.format import Checkpoint
from albertkit.checkpoints.tf1.format import CONFIG, read_variables, tokenizer_files
from albertkit.errors import Diagnostic, InputError
from albertkit.fileformats.safetensors import SavedDtype

MODULE = "tfhub_module.pb"
VARIABLES = "variables/variables"
ASSETS = "assets"


class Tf1HubFormat:
    """The Format of TensorFlow 1's modules; they are read only."""

    name = "tf1-hub"

    def recognises(self, place: Path) -> str | None:
        return MODULE if (place / MODULE).is_file() else None

    def read(self, place: Path, told: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
        """Open a module; tensors stay on disk until they are touched.

        Raises as `Tf1Format.read`.
        """
        assets = place / ASSETS
        config = assets / CONFIG
        found = read_variables(
            place / VARIABLES,
            config if config.is_file() else None,
            tokenizer_files(assets),
            told,
            str(place),
        )
        return Checkpoint(found.weights, found.tokenizer_files, (_is_module(place), *found.notes))

    def write(self, stored: Checkpoint, place: Path, *, dtype: SavedDtype = "float32") -> None:
        """Refused: raises InputError [unsupported-by-format]."""
        raise InputError(
            "unsupported-by-format",
            f"{str(place)!r} cannot become a TF Hub module of TensorFlow 1",
            why="nothing makes such modules any more, and TensorFlow 2 opens them by halves",
            fix="Write tfhub, or tf1",
        )


TF1_HUB = Tf1HubFormat()


def _is_module(place: Path) -> Diagnostic:
    return Diagnostic(
        "tf1-hub-module",
        "note",
        "this is a TF Hub module of TensorFlow 1; its weights are read, not its graph",
        why=f"{MODULE} says so",
        where=str(place),
    )
