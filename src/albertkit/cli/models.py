"""`albertkit models`: which ALBERT to take."""

from typing import TYPE_CHECKING, Annotated

import typer

from albertkit.cli import options
from albertkit.cli.output import check_output, write_result
from albertkit.errors import InputError
from albertkit.sources.catalogue import NOT_STATED, Purpose, find_model, find_models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from albertkit.sources.catalogue import CatalogueModel
    from albertkit.tables.table import Cell

TITLES: dict[Purpose, str] = {
    "vectors": "Vectors of texts: embed, similarity",
    "words": "Masked words, and fine-tuning: fill-mask, finetune",
}
HINT = (
    "speed: tokens a second, as a multiple of albert-base-v2\n"
    "albertkit models NAME shows licence, scores and the command"
)


def complete_listed(incomplete: str) -> list[str]:
    """The listed models whose names begin so."""
    return [model.name for model in find_models() if model.name.startswith(incomplete)]


def models(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="A model of the list; without it: the whole list.",
            autocompletion=complete_listed,
        ),
    ] = None,
    purpose: Annotated[
        Purpose | None,
        typer.Option("--for", help="Only models for vectors of texts, or for words at a [MASK]."),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            "--language", "-l", metavar="CODE", help="Only models for this language, such as zh."
        ),
    ] = None,
    print_format: options.Format = None,
    output: options.Output = None,
) -> None:
    """List models that you can use.

    The models inside the package and published ones, with purpose, language, size, licence,
    published scores and speed. Any other ALBERT or BERT can be used as well.
    """
    check_output(print_format, output)
    if name and (purpose or language):
        raise InputError(
            "usage",
            "a name and --for or --language are given",
            why="these choose among all models",
            fix="Leave one of them out",
        )
    from albertkit.tables import Table

    listed = (find_model(name),) if name else find_models(purpose, language)
    rows = [_describe_model(model) for model in listed]
    table = Table({key: [row[key] for row in rows] for key in rows[0]})
    write_result(
        table,
        print_format,
        output,
        for_people=lambda: _draw_one(listed[0], rows[0]) if name else _draw_list(listed),
    )


def _describe_model(model: "CatalogueModel") -> "dict[str, Cell]":
    return {
        "model": model.name,
        "for": model.purpose,
        "languages": " ".join(model.languages),
        "parameters": model.parameters,
        "megabytes": model.size,
        "speed": model.speed,
        "licence": model.licence or NOT_STATED,
        "scores": model.scores or NOT_STATED,
        "source of the scores": model.source or NOT_STATED,
        "note": model.note,
        "command": model.command,
    }


def _draw_one(model: "CatalogueModel", facts: "dict[str, Cell]") -> str:
    """A line for each fact."""
    from albertkit.cli.screen import draw_record

    speed = f"{model.short_speed} times albert-base-v2"
    size = NOT_STATED if model.size is None else f"{model.size} MB"
    shown = {**facts, "parameters": model.short_parameters, "megabytes": size, "speed": speed}
    return draw_record((name, value) for name, value in shown.items() if value is not None)


def _draw_list(models: "Sequence[CatalogueModel]") -> str:
    """A table for each purpose."""
    from albertkit.cli.screen import draw_table, make_bold
    from albertkit.tables import Table

    parts = []
    for purpose, title in TITLES.items():
        listed = [model for model in models if model.purpose == purpose]
        if listed:
            table = Table(
                {
                    "model": [model.name for model in listed],
                    "parameters": [model.short_parameters for model in listed],
                    "speed": [model.short_speed for model in listed],
                    "language": [model.short_languages for model in listed],
                }
            )
            parts.append(f"{make_bold(title)}\n{draw_table(table)}")
    return "\n\n".join([*parts, HINT])
