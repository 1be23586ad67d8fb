"""`albertkit fill-mask`: the words that fit a [MASK]."""

from typing import Annotated, Any

import typer

from albertkit.cli import options
from albertkit.cli.input_texts import texts_of
from albertkit.cli.model_options import computes
from albertkit.cli.output import check_options, give
from albertkit.sources import WORDS


@computes
def fill_mask(
    texts: options.Texts = None,
    *,
    inputs: options.Inputs = None,
    input_format: options.Kind = None,
    column: options.Column = None,
    model: options.Model = WORDS,
    top_k: Annotated[int, typer.Option("--top-k", "-k", help="Words for each mask.")] = 5,
    targets: Annotated[
        list[str] | None,
        typer.Option("--target", help="Choose only among these words. May be repeated."),
    ] = None,
    truncation: options.Truncation = options.TooLong.ERROR,
    policy: options.Policy = None,
    computing: "dict[str, Any]",
    form: options.Format = None,
    output: options.Output = None,
) -> None:
    """Predict the word at each [MASK]."""
    check_options(form, output)
    given = texts_of(texts, inputs, column, input_format)
    from albertkit.cli.screen import drawn
    from albertkit.tables import Table
    from albertkit.tasks.fill_mask import FillMask

    fill = FillMask(model, truncation=truncation.value, policy=policy, **computing)
    answers = fill(given, top_k=top_k, targets=targets or None)
    rows = [
        (text, mask, word)
        for text, answer in enumerate([answers] if len(given) == 1 else answers)
        for mask, words in enumerate([answer] if isinstance(answer[0], dict) else answer)
        for word in words
    ]
    table = Table(
        {
            "text": [text for text, _, _ in rows],
            "mask": [mask for _, mask, _ in rows],
            **{
                name: [word[name] for _, _, word in rows]
                for name in ("score", "token", "token_str", "sequence")
            },
        }
    )

    def plain(sequence: str) -> str:
        first, last = fill.tokenizer.cls_token, fill.tokenizer.sep_token
        return sequence.removeprefix(first).removesuffix(last).strip()

    def on_screen() -> str:
        columns = {
            "score": table.columns["score"],
            "word": table.columns["token_str"],
            "text": [plain(str(sequence)) for sequence in table.columns["sequence"]],
        }
        several = {
            name: [number + 1 for number in numbers]
            for name, numbers in (
                ("nr", [t for t, _, _ in rows]),
                ("mask", [m for _, m, _ in rows]),
            )
            if any(numbers)
        }
        return drawn(Table({**several, **columns}))

    give(table, form, output, on_screen=on_screen)
