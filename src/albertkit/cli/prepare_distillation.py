"""`albertkit prepare-distillation`: tokenize texts, and store a teacher's vectors with them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albertkit.cli.corpus import Corpus, NewDirectory, Tokenizer, read_lines
from albertkit.errors import FormatError, InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def prepare_distillation(
    texts: Corpus,
    *,
    vectors: Annotated[
        Path,
        typer.Option(
            "--vectors", help="The teacher's vectors, one for each line of text: .npy, [N, D]."
        ),
    ],
    tokenizer: Tokenizer,
    output: NewDirectory,
) -> None:
    """Store texts with a teacher's vectors, for distil."""
    from albertkit.pretraining.distillation_dataset import write_lessons
    from albertkit.tokenization import AlbertTokenizer

    targets = _read_vectors(vectors)
    encodings = AlbertTokenizer.from_pretrained(tokenizer).encode_batch(
        [line for line in read_lines(texts) if line]
    )
    write_lessons(output, encodings, targets)


def _read_vectors(path: Path) -> "npt.NDArray[np.floating]":
    """Map the array of a .npy file; raises InputError and FormatError."""
    import numpy as np

    if not path.is_file():
        raise InputError(
            "file-not-found",
            f"there is no file {str(path)!r}",
            why="the teacher's vectors are read from it",
            fix="Check the path; `albertkit embed -i texts.txt -o teacher.npy` makes such a file",
        )
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise FormatError(
            "file-wrong-format",
            f"{str(path)!r} is no .npy file",
            why=str(error).partition("\n")[0].rstrip("."),
            fix="Save the vectors with numpy.save",
        ) from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind != "f":
        shape = f"shape {array.shape}, {array.dtype}" if isinstance(array, np.ndarray) else "a zip"
        raise FormatError(
            "file-wrong-format",
            f"{str(path)!r} holds no vectors: {shape}",
            why="an array [N, D] of floats is expected, one vector for each line of text",
            fix="Save the vectors with numpy.save",
        )
    return array
