"""`albertkit fill-mask`: the most likely words for each [MASK]."""

from typing import Annotated, Any

import typer

from albertkit.cli import options
from albertkit.cli.input_texts import read_texts
from albertkit.cli.options import takes_load_options, takes_read_options
from albertkit.cli.output import check_output, write_result
from albertkit.runtime.options import LoadOptions
from albertkit.sources import WORDS
from albertkit.tables.formats import ReadOptions


@takes_read_options
@takes_load_options()
def fill_mask(
    texts: options.Texts = None,
    *,
    inputs: options.Inputs = None,
    read: ReadOptions,
    column: options.Column = None,
    model: options.Model = WORDS,
    top_k: Annotated[int, typer.Option("--top-k", "-k", help="Words for each mask.")] = 5,
    targets: Annotated[
        list[str] | None,
        typer.Option("--target", help="Choose only among these words. May be repeated."),
    ] = None,
    truncation: options.Truncation = "error",
    load: LoadOptions,
    print_format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Predict the word at each [MASK].

    Texts and masks are numbered from 1.
    """
    check_output(print_format, output, inputs)
    masked_texts = read_texts(texts, inputs, column, read)
    from albertkit.cli.screen import draw_table
    from albertkit.tables import Table
    from albertkit.tasks.fill_mask import FillMask

    fill = FillMask(model, truncation=truncation, **load.keywords())
    answers: Any = fill(masked_texts, top_k=top_k, targets=targets or None)
    rows = [
        (text_number, mask_number, word)
        for text_number, answer in enumerate([answers] if len(masked_texts) == 1 else answers, 1)
        for mask_number, words in enumerate([answer] if isinstance(answer[0], dict) else answer, 1)
        for word in words
    ]
    table = Table(
        {
            "row": [text_number for text_number, _, _ in rows],
            "text": [masked_texts[text_number - 1] for text_number, _, _ in rows],
            "mask": [mask_number for _, mask_number, _ in rows],
            **{
                name: [word[name] for _, _, word in rows]
                for name in ("score", "token", "token_str", "sequence")
            },
        }
    )

    def strip_special_pieces(sequence: str) -> str:
        first, last = fill.tokenizer.cls_token, fill.tokenizer.sep_token
        return sequence.removeprefix(first).removesuffix(last).strip()

    def draw() -> str:
        numbers = {
            name: table.columns[name]
            for name in ("row", "mask")
            if any(number != 1 for number in table.columns[name])
        }
        filled = [strip_special_pieces(str(text)) for text in table.columns["sequence"]]
        words = {"score": table.columns["score"], "word": table.columns["token_str"]}
        return draw_table(Table({**numbers, **words, "text": filled}))

    write_result(table, print_format, output, for_people=draw)
