"""`albertkit vocabulary`: train a SentencePiece model on a corpus."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from albertkit.cli.corpus import Corpus, SkipInvalid, find_corpus, read_lines
from albertkit.cli.options import Column, takes_read_options
from albertkit.cli.output import print_status
from albertkit.errors.exceptions import count_noun
from albertkit.tables.formats import ReadOptions

MODEL_FILE = ".model"  # the ending of a SentencePiece model
MANY_LINES = 100_000


@takes_read_options
def vocabulary(
    corpus: Corpus,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="A file that ends in .model, or the directory of a tokenizer."
        ),
    ],
    size: Annotated[
        int, typer.Option("--size", min=1, help="Number of pieces, special pieces included.")
    ] = 30_000,
    keep_accents: Annotated[
        bool, typer.Option("--keep-accents", help="Keep accents; default: é is read as e.")
    ] = False,
    cased: Annotated[
        bool, typer.Option("--cased", help="Keep capital letters; default: A is read as a.")
    ] = False,
    sentences: Annotated[
        int,
        typer.Option(
            "--sentences",
            min=1,
            help="Sample at most this many lines; 100,000 paragraphs take about 1 GB.",
        ),
    ] = 10_000_000,
    read: ReadOptions,
    column: Column = None,
    skip_invalid: SkipInvalid = False,
) -> None:
    """Train a SentencePiece vocabulary like ALBERT's.

    With --keep-accents or --cased the output is a directory, which stores these settings too.
    """
    from albertkit.errors import InputError
    from albertkit.fileformats.atomic import check_parent, refuse_files, write_file
    from albertkit.pretraining.vocabulary import train_vocabulary
    from albertkit.tokenization import AlbertTokenizer
    from albertkit.tokenization.policy import REFERENCE
    from albertkit.tokenization.tokenizer_settings import override_policy

    policy = override_policy(
        REFERENCE, REFERENCE, {"do_lower_case": not cased, "keep_accents": keep_accents}
    )
    is_file = output.suffix == MODEL_FILE
    if is_file and policy != REFERENCE:
        raise InputError(
            "option-invalid",
            f"--output is the file {str(output)!r}",
            why="a SentencePiece file does not say that accents or capitals are kept",
            fix=f"Write a directory: --output {output.with_suffix('')}/",
        )
    if is_file:
        check_parent(output)
    else:
        refuse_files(output)
    lines = _announce(
        read_lines(find_corpus(corpus, column, read), column, skip_invalid=skip_invalid)
    )
    model = train_vocabulary(lines, size=size, policy=policy, sentences=sentences)
    if is_file:
        write_file(output, model)
    else:
        files = {"spiece.model": model}
        AlbertTokenizer.from_files(files, policy=policy).save_pretrained(output)
    print_status(f"{size:,} pieces written to {output}")


def _announce(lines: Iterator[str]) -> Iterator[str]:
    """The lines; after the last one, say that the long part begins, which prints nothing."""
    count = 0
    for line in lines:
        count += line != ""
        yield line
    hint = "; for a million it takes minutes and gigabytes (--sentences samples fewer)"
    if count:
        read = f"{count_noun(count, 'line')} read"
        print_status(f"{read}; choosing the pieces{hint if count >= MANY_LINES else ''}")
