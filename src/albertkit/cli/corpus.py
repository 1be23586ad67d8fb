"""Options and text files that the training commands share.

A corpus is UTF-8 text: one paragraph a line, an empty line after each document. "-" is standard
input.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

Corpus = Annotated[
    list[str], typer.Argument(metavar="FILE...", help='Text files; "-" is standard input.')
]
Tokenizer = Annotated[
    str, typer.Option("--tokenizer", "-t", help="A model directory or a SentencePiece model.")
]
NewFile = Annotated[Path, typer.Option("--output", "-o", help="The file to write.")]
NewDirectory = Annotated[Path, typer.Option("--output", "-o", help="The directory to write.")]
Recipe = Annotated[Path, typer.Argument(metavar="RECIPE", help="A TOML file; see recipes/.")]
OutputDirectory = Annotated[
    Path, typer.Option("--run", help="Output directory; an interrupted run continues from it.")
]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="Threads of torch.")]


def read_lines(files: list[str]) -> Iterator[str]:
    """The lines of all files, with an empty line after each file: a document ends with its file."""
    from albertkit.tables import read_texts

    for file in files:
        yield from read_texts(file)
        yield ""


def use_torch(threads: int | None) -> None:
    """Set the number of torch's threads; raises ResourceError [extra-missing] without torch."""
    from albertkit.errors.extras import extra_missing

    if find_spec("torch") is None:
        raise extra_missing("torch", "training")
    if threads is not None:
        from albertkit.training.devices import set_threads

        set_threads(threads)


def print_metrics(metrics: Mapping[str, float | int]) -> None:
    """Print a line of the metrics log for people: name and value."""
    values = (
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value:,}"
        for name, value in metrics.items()
    )
    print("  ".join(values), file=sys.stderr)


@contextmanager
def resume_hint(run: Path) -> Iterator[None]:
    """Say after Ctrl-C that the run can go on."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"Stopped; the same command goes on from {str(run)!r}.", file=sys.stderr)
        raise
