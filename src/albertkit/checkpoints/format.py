"""The protocol of a checkpoint format: recognise, read, write, and run what was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from albertkit.checkpoints.checkpoint import Checkpoint
from albertkit.checkpoints.config_overrides import NO_OVERRIDES, ConfigOverrides
from albertkit.fileformats.safetensors import SavedDtype

if TYPE_CHECKING:
    from albertkit.engine.protocol import Engine
    from albertkit.spec import Weights


class Format(Protocol):
    """One way to store the weights of an ALBERT."""

    @property
    def name(self) -> str:
        """The name by which a user selects the format."""

    def recognises(self, location: Path) -> str | None:
        """Return the evidence that `location` has this format.

        Args:
            location: a directory, or the prefix of a TensorFlow checkpoint.

        Returns:
            The evidence in words, such as a file's name; None if there is none.
        """

    def read(self, location: Path, overrides: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
        """Read a checkpoint; tensors stay on disk until they are used.

        Args:
            location: a directory, or the prefix of a TensorFlow checkpoint.
            overrides: config values that replace those of the files.

        Raises:
            FormatError: [metadata-missing] if neither the files nor `overrides` have a value
                that is needed, and the errors of the files' readers.
        """

    def write(
        self, checkpoint: Checkpoint, directory: Path, *, dtype: SavedDtype = "float32"
    ) -> None:
        """Write a checkpoint's files into a directory, which is made if it does not exist.

        The write is not atomic. The outermost caller uses `fileformats.atomic.new_directory`.

        Raises:
            InputError: [unsupported-by-format], before anything is written.
            OSError: a file could not be written.
        """

    def engine(self, directory: Path, weights: Weights) -> Engine | None:
        """Return an engine that runs the written files themselves.

        Args:
            directory: what `write` wrote.
            weights: what `read` reads from there.

        Returns:
            None if the format stores weights without a graph.
        """
