"""`albertkit tokens`: how a tokenizer splits texts into pieces."""

from albertkit.cli import options
from albertkit.cli.input_texts import read_texts
from albertkit.cli.options import FETCH, takes_load_options, takes_read_options
from albertkit.cli.output import check_output, write_result
from albertkit.runtime.options import LoadOptions
from albertkit.sources import WORDS
from albertkit.tables.formats import ReadOptions


@takes_read_options
@takes_load_options("policy", *FETCH)
def tokens(
    texts: options.Texts = None,
    *,
    inputs: options.Inputs = None,
    read: ReadOptions,
    column: options.Column = None,
    model: options.Model = WORDS,
    load: LoadOptions,
    print_format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Show the pieces and ids of each text.

    Each piece is shown with the characters of the text that it stands for. The model may also be a
    vocabulary file: spiece.model, tokenizer.json, vocab.txt. Texts are numbered from 1.
    """
    check_output(print_format, output, inputs)
    given_texts = read_texts(texts, inputs, column, read)
    from albertkit.cli.screen import draw_table
    from albertkit.tables import Table
    from albertkit.tokenization import AlbertTokenizer

    tokenizer = AlbertTokenizer.from_pretrained(
        model,
        policy=load.policy,
        revision=load.revision,
        token=load.token,
        cache_dir=load.cache_dir,
        local_files_only=load.local_files_only,
    )
    encodings = tokenizer.encode_batch(given_texts, offset_mapping=True)
    rows = [
        (number, piece, token, begin, end, text[begin:end])
        for number, (text, encoding) in enumerate(zip(given_texts, encodings, strict=True), 1)
        for piece, token, (begin, end) in zip(
            tokenizer.convert_ids_to_tokens(encoding.ids.tolist()),
            encoding.ids.tolist(),
            encoding.offset_mapping.tolist() if encoding.offset_mapping is not None else [],
            strict=True,
        )
    ]
    names = ("row", "piece", "id", "begin", "end", "characters")
    table = Table({name: [row[index] for row in rows] for index, name in enumerate(names)})

    def draw() -> str:
        shown = [name for name in names if name != "row" or len(given_texts) > 1]
        return draw_table(Table({name: table.columns[name] for name in shown}))

    write_result(table, print_format, output, for_people=draw)
