"""`albertkit embed`: a vector for each text."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from albertkit.cli import options
from albertkit.cli.output import check_options, give
from albertkit.cli.sources import texts_of
from albertkit.sources import VECTORS


def embed(
    texts: options.Texts = None,
    *,
    inputs: options.Inputs = None,
    column: options.Column = None,
    model: options.Model = VECTORS,
    pooling: Annotated[
        options.PoolingChoice | None,
        typer.Option("--pooling", help="How token vectors become one; default: the model's own."),
    ] = None,
    normalize: Annotated[
        bool, typer.Option("--normalize", help="Give each vector the length 1.")
    ] = False,
    truncate_dim: Annotated[
        int | None, typer.Option("--truncate-dim", help="Keep so many numbers of each vector.")
    ] = None,
    prompt_name: Annotated[
        str | None, typer.Option("--prompt-name", help="Put this prompt of the model before texts.")
    ] = None,
    truncation: options.Truncation = options.TooLong.WARN,
    policy: options.Policy = None,
    engine: options.Engine = options.EngineChoice.AUTO,
    device: options.Device = None,
    precision: options.Precision = options.PrecisionChoice.FLOAT32,
    calibration: options.Calibration = None,
    form: options.Format = None,
    output: options.Output = None,
) -> None:
    """Give a vector for each text."""
    check_options(form, output)
    given = texts_of(texts, inputs, column)
    from albertkit.rows import Table
    from albertkit.tasks.embed import TextEmbedder

    embedder = TextEmbedder(
        model,
        engine=engine.value,
        device=device,
        precision=precision.value,
        calibration=calibration,
        pooling=pooling.value if pooling else None,
        truncation=truncation.value,
        policy=policy,
    )
    vectors = embedder.encode(
        given,
        prompt_name=prompt_name,
        normalize_embeddings=normalize,
        truncate_dim=truncate_dim,
        show_progress_bar=sys.stderr.isatty() and len(given) >= 1000,
    )
    give(Table({"text": given, "vector": vectors}), form, output)
