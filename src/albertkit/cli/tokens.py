"""`albertkit tokens`: how a tokenizer reads text."""

from __future__ import annotations

from albertkit.cli import options
from albertkit.cli.input_texts import texts_of
from albertkit.cli.output import check_options, give
from albertkit.sources import WORDS


def tokens(
    texts: options.Texts = None,
    *,
    inputs: options.Inputs = None,
    input_format: options.Kind = None,
    column: options.Column = None,
    model: options.Model = WORDS,
    policy: options.Policy = None,
    form: options.Format = None,
    output: options.Output = None,
) -> None:
    """Show the pieces and ids of each text.

    Also which characters each piece stands for.

    The model may also be a vocabulary file alone: spiece.model, tokenizer.json, vocab.txt.
    """
    check_options(form, output)
    given = texts_of(texts, inputs, column, input_format)
    from albertkit.cli.screen import drawn
    from albertkit.tables import Table
    from albertkit.tokenization import AlbertTokenizer

    tokenizer = AlbertTokenizer.from_pretrained(model, policy=policy)
    encodings = tokenizer.encode_batch(given, offset_mapping=True)
    rows = [
        (number, piece, token, begin, end, text[begin:end])
        for number, (text, encoding) in enumerate(zip(given, encodings, strict=True))
        for piece, token, (begin, end) in zip(
            tokenizer.convert_ids_to_tokens(encoding.ids.tolist()),
            encoding.ids.tolist(),
            encoding.offset_mapping.tolist() if encoding.offset_mapping is not None else [],
            strict=True,
        )
    ]
    names = ("text", "piece", "id", "begin", "end", "characters")
    table = Table({name: [row[at] for row in rows] for at, name in enumerate(names)})

    def on_screen() -> str:
        shown = [name for name in names if name != "text" or len(given) > 1]
        return drawn(Table({name: table.columns[name] for name in shown}))

    give(table, form, output, on_screen=on_screen)
