"""The errors for what a format cannot represent, with what to do about it."""

from __future__ import annotations

from pathlib import Path

from albertkit.checkpoints.format import Checkpoint
from albertkit.errors import InputError
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.spec import Weights


class ReadOnlyFormat:
    """The methods of a `Format` that is only read; a subclass sets the parts of its message.

    Attributes:
        description: the format, with its article.
        why_unwritten: why it is not written.
        alternative: what to write in its place.
    """

    description: str
    why_unwritten: str
    alternative: str

    def write(
        self, checkpoint: Checkpoint, directory: Path, *, dtype: SavedDtype = "float32"
    ) -> None:
        """Refuse: the format is only read.

        Raises:
            InputError: [unsupported-by-format].
        """
        raise InputError(
            "unsupported-by-format",
            f"{str(directory)!r} cannot become {self.description}",
            why=self.why_unwritten,
            fix=self.alternative,
        )

    def engine(self, directory: Path, weights: Weights) -> None:
        """Return None: the format stores weights without a graph."""


def unsupported_error(target: str, what: str, why: str, part: str = "") -> InputError:
    """Return InputError [unsupported-by-format].

    Args:
        target: the format, with its article.
        what: what it cannot represent.
        why: the reason.
        part: the part without which the model can be written, by its name in `convert`.
    """
    write_another = "Write another format, such as huggingface"
    return InputError(
        "unsupported-by-format",
        f"{target} cannot represent {what}",
        why=why,
        fix=f"Leave it out (--without {part}), or write another format" if part else write_another,
    )
