"""`albertkit explain`: what an error code means, and what to do."""

import shutil
from typing import Annotated

import typer

from albertkit.cli.output import open_standard_output


def complete_code(incomplete: str) -> list[str]:
    """The codes that begin so."""
    from albertkit.errors.codes import CODES

    return [code for code in CODES if code.startswith(incomplete)]


def explain(
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="[CODE]",
            help="The code in brackets at the end of a message; without it: a list of all.",
            autocompletion=complete_code,
        ),
    ] = None,
) -> None:
    """Explain an error code or a symptom."""
    from albertkit.doctor.catalogue import explain as explain_code
    from albertkit.errors.explanations import list_codes

    width = min(shutil.get_terminal_size().columns, 100)
    with open_standard_output():
        print(list_codes(width) if code is None else explain_code(code, width))
