"""`albertkit convert`: write a model of any format in another one."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from albertkit.cli import options
from albertkit.cli.options import FETCH, OVERRIDES, takes_load_options
from albertkit.cli.output import is_quiet, open_standard_output
from albertkit.runtime.options import LoadOptions

FORMATS = ("huggingface", "sentence-transformers", "tfhub", "onnx", "onnx-int8", "tf1", "keras-hub")


def complete_format(incomplete: str) -> list[str]:
    """The formats whose names begin so."""
    return [name for name in FORMATS if name.startswith(incomplete)]


@takes_load_options(*OVERRIDES, *FETCH)
def convert(
    src: Annotated[
        str,
        typer.Argument(
            metavar="SRC", help=options.ANY_MODEL, autocompletion=options.complete_model
        ),
    ],
    dst: Annotated[Path, typer.Argument(metavar="DST", help="The directory to write.")],
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}.",
            autocompletion=complete_format,
        ),
    ],
    dtype: Annotated[
        options.SavedDtype, typer.Option("--dtype", help="Number type of the written weights.")
    ] = "float32",
    load: LoadOptions,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="PART",
            help="Leave out a part that FORMAT does not support: a head by its name, pooler,"
            " vectors, classifier or tokenizer. May be repeated.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the model in DST, with all its files.")
    ] = False,
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance",
            help="Largest allowed difference of an output; default: the rounding error of float32.",
        ),
    ] = None,
) -> None:
    """Write a model in another format, with a parity check.

    The written model is opened and compared with SRC on eight texts. DST is only written if both
    agree.
    """
    from albertkit.conversion import convert as convert_model
    from albertkit.conversion.parity import format_difference

    conversion = convert_model(
        src,
        dst,
        to=to,
        dtype=dtype,
        num_hidden_layers=load.num_hidden_layers,
        num_attention_heads=load.num_attention_heads,
        hidden_act=load.hidden_act,
        revision=load.revision,
        token=load.token,
        cache_dir=load.cache_dir,
        local_files_only=load.local_files_only,
        without=without or (),
        overwrite=overwrite,
        tolerance=tolerance,
    )
    if not is_quiet():
        for note in conversion.notes:
            print(f"{note.severity}: {note.line()}", file=sys.stderr)
    weights, parity = conversion.source.weights, conversion.parity
    differences = ", ".join(
        f"{name} {format_difference(value)}" for name, value in parity.outputs.items()
    )
    with open_standard_output():
        print(f"read: {conversion.source.format}, by {conversion.source.evidence}")
        print(
            f"written: {conversion.format}, {weights.table().count():,} parameters, "
            f"heads: {', '.join(weights.heads) or 'none'}; {parity.weights.line()}"
        )
        print(f"{parity.line()} ({differences})")
