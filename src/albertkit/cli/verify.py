"""`albertkit verify`: do two places hold the same model?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from albertkit.cli import options
from albertkit.cli.output import check_options, give

if TYPE_CHECKING:
    from albertkit.conversion import Comparison
    from albertkit.runtime import LoadedModel
    from albertkit.tables.table import Cell

DIFFERENT = 1  # the exit status that says "no"


def verify(
    first: Annotated[str, typer.Argument(metavar="A", help=options.ANY_PLACE)],
    second: Annotated[str, typer.Argument(metavar="B", help="What it is compared with.")],
    *,
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="How far an answer may differ.")
    ] = 1e-4,
    layers: options.Layers = None,
    heads: options.Heads = None,
    activation: options.Activation = None,
    tokenizers: Annotated[
        bool, typer.Option("--tokenizers/--no-tokenizers", help="Whether ids are compared too.")
    ] = True,
    form: options.Format = None,
    output: options.Output = None,
) -> int:
    """Compare two models of any formats.

    Configs, tensors bit by bit, answers to eight texts, ids of probe texts. The exit status is 0
    where they are equal, 1 where they differ.
    """
    check_options(form, output)
    from albertkit.cli.screen import record
    from albertkit.conversion import verify as run
    from albertkit.tables import Table

    found = run(
        first,
        second,
        tolerance=tolerance,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_act=activation,
        tokenizers=tokenizers,
    )
    facts = _facts(found, first, second)
    table = Table({name: [value] for name, value in facts.items()})
    give(table, form, output, on_screen=lambda: record(facts.items()))
    return 0 if found.is_equal else DIFFERENT


def _facts(found: Comparison, first: str, second: str) -> dict[str, Cell]:
    facts: dict[str, Cell] = {
        "A": _named(first, found.first),
        "B": _named(second, found.second),
        "configs": "; ".join(map(str, found.configs)) or "the same",
        "tensors": found.weights.line(),
        "answers": _answers(found),
        "tokenizers": _tokenizers(found),
        "verdict": "equal" if found.is_equal else f"different: {'; '.join(found.reasons())}",
    }
    if found.outputs:
        facts["largest difference"] = found.largest
    return facts


def _named(given: str, found: LoadedModel) -> str:
    return f"{given} ({found.format}, by {found.evidence})"


def _answers(found: Comparison) -> str:
    if found.outputs is None:
        return "not comparable"
    from albertkit.conversion.parity import figure

    each = ", ".join(f"{name} {figure(apart)}" for name, apart in found.outputs.items())
    return f"on {found.asked}: max |diff| {figure(found.largest)} ({each})"


def _tokenizers(found: Comparison) -> str:
    if found.tokenizers is not None:
        return found.tokenizers.line()
    having = [
        name for name, side in (("A", found.first), ("B", found.second)) if side.optional_tokenizer
    ]
    return "not compared" if len(having) == 2 else f"only {having[0]} has one" if having else "none"
