"""`albertkit compare-tokenizers`: the pieces of a text by the rules of several libraries."""

from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albertkit.cli import options
from albertkit.cli.options import FETCH, takes_load_options
from albertkit.cli.output import check_output, write_result
from albertkit.errors import InputError
from albertkit.runtime.options import LoadOptions

if TYPE_CHECKING:
    from albertkit.doctor.tokenizers import TokenizerView
    from albertkit.tables.table import Column
    from albertkit.tokenization import AlbertTokenizer

LISTED_TEXTS = 5  # numbers of texts that are listed


@takes_load_options(*FETCH)
def compare_tokenizers(
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="A text in quotes.")] = None,
    *,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="A model of any format, or a vocabulary.",
            autocompletion=options.complete_model,
        ),
    ] = "small-en",
    load: LoadOptions,
    file: Annotated[
        Path | None,
        typer.Option(
            "--input",
            "-i",
            help="A file of texts (lines, .jsonl, .csv …): count those that differ.",
        ),
    ] = None,
    print_format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Compare tokenizers on a text, or on texts.

    The same vocabulary is read with the rules of the model's own files, of google's reference, of
    Hugging Face and of TF Hub's preprocessor. The others are compared with the first one; what
    differs is in colour on a terminal.
    """
    check_output(print_format, output, [str(file)] if file else [])
    if (text is None) == (file is None):
        raise InputError(
            "usage",
            "one text or one file of texts is needed",
            why="both or neither is given",
            fix='Run: albertkit compare-tokenizers "a text"',
        )
    from albertkit.doctor.tokenizers import compare_text, open_tokenizers
    from albertkit.tables import Table

    tokenizers = open_tokenizers(model, load.fetch_options)
    if file is not None:
        write_result(Table(_count(tokenizers, file)), print_format, output)
        return
    views = compare_text(tokenizers, str(text))
    write_result(Table(_list(views)), print_format, output, for_people=lambda: _draw(views))


def _list(views: "list[TokenizerView]") -> "dict[str, Column]":
    return {
        "tokenizer": [view.name for view in views],
        "differs": ["yes" if view.differs else "" for view in views],
        "normalized": [view.normalized for view in views],
        "pieces": [" ".join(view.pieces) for view in views],
        "ids": [" ".join(map(str, view.ids)) for view in views],
        "offsets": [" ".join(f"{start}:{end}" for start, end in view.offsets) for view in views],
    }


def _draw(views: "list[TokenizerView]") -> str:
    """One block for each tokenizer; what the first one does not have is in colour."""
    from albertkit.cli.screen import format_cell, make_bold, mark

    first = views[0]
    blocks: list[str] = []
    for view in views:
        blocks_of_both = SequenceMatcher(None, first.ids, view.ids, False).get_matching_blocks()
        same = {n for _, start, size in blocks_of_both for n in range(start, start + size)}
        rows = {
            "pieces": map(format_cell, view.pieces),
            "ids": map(str, view.ids),
            "offsets": (f"{start}:{end}" for start, end in view.offsets),
        }
        text = format_cell(view.normalized)
        lines = [
            make_bold(view.name) + ("  differs" if view.differs else ""),
            f"  normalized  {text if view.normalized == first.normalized else mark(text)}",
        ]
        for label, words in rows.items():
            shown = (word if n in same else mark(word) for n, word in enumerate(words))
            lines.append(f"  {label:10}  {' '.join(shown)}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _count(tokenizers: "dict[str, AlbertTokenizer]", file: Path) -> "dict[str, Column]":
    from albertkit.doctor.reading import read_own_texts
    from albertkit.doctor.tokenizers import count_differences

    texts = read_own_texts(file)
    counts = count_differences(tokenizers, texts)
    first = [
        " ".join(map(str, numbers[:LISTED_TEXTS])) + (" …" if len(numbers) > LISTED_TEXTS else "")
        for numbers in counts.values()
    ]
    return {
        "tokenizer": list(counts),
        "texts": [len(texts)] * len(counts),
        "differ": [len(numbers) for numbers in counts.values()],
        "first rows": first,
    }
