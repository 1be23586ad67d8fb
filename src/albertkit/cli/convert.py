"""`albertkit convert`: a model of any format, written in another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from albertkit.cli import options


def convert(
    src: Annotated[str, typer.Argument(metavar="SRC", help=options.ANY_PLACE)],
    dst: Annotated[Path, typer.Argument(metavar="DST", help="The directory to write.")],
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="huggingface, sentence-transformers, tfhub, onnx, onnx-int8, tf1 or keras-hub.",
        ),
    ],
    dtype: Annotated[
        options.Dtype, typer.Option("--dtype", help="How numbers are stored.")
    ] = options.Dtype.FLOAT32,
    layers: options.Layers = None,
    heads: options.Heads = None,
    activation: options.Activation = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="PART",
            help="Leave out what FORMAT has no place for: a head by its name, pooler, vectors "
            "or tokenizer. May be repeated.",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Exchange DST, a model with all its files, for the new."),
    ] = False,
) -> None:
    """Write a model in another format, with a parity check.

    The written model is opened and compared with SRC on eight texts. DST is only written if both
    agree.
    """
    from albertkit.conversion import convert as run
    from albertkit.conversion.parity import figure

    done = run(
        src,
        dst,
        to=to,
        dtype=dtype.value,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_act=activation,
        without=without or (),
        overwrite=overwrite,
    )
    for note in done.notes:
        print(note.line(), file=sys.stderr)
    kept = done.source.weights
    print(f"read: {done.source.format}, by {done.source.evidence}")
    print(
        f"written: {done.format}, {kept.table().count():,} parameters, "
        f"heads: {', '.join(kept.heads) or 'none'}; {done.parity.weights.line()}"
    )
    each = ", ".join(f"{name} {figure(apart)}" for name, apart in done.parity.outputs.items())
    print(f"{done.parity.line()} ({each})")
