"""`albertkit inspect`: what a model's place holds, of any format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albertkit.cli import options
from albertkit.cli.output import check_options, give

if TYPE_CHECKING:
    from albertkit.errors import Diagnostic
    from albertkit.runtime import LoadedModel
    from albertkit.tables.table import Cell

SIZES = (
    "vocab_size",
    "embedding_size",
    "hidden_size",
    "num_hidden_layers",
    "num_hidden_groups",
    "inner_group_num",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "max_position_embeddings",
    "type_vocab_size",
    "layer_norm_eps",
)


def inspect(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=options.ANY_PLACE)],
    *,
    policy: options.Policy = None,
    layers: options.Layers = None,
    heads: options.Heads = None,
    activation: options.Activation = None,
    self_test: Annotated[
        bool,
        typer.Option(
            "--self-test",
            help="Predict masked words with other heads and activations too, and show the figures.",
        ),
    ] = False,
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration", help="Fit int8 to this file of texts, and show what it costs."
        ),
    ] = None,
    form: options.Format = None,
    output: options.Output = None,
) -> None:
    """Describe a model.

    Format, sizes, parameters, tokenizer and its policy, the sources of the configuration, and the
    precision that this machine would compute in.
    """
    check_options(form, output)
    from albertkit.cli.screen import record
    from albertkit.runtime import LoadOptions, open_model
    from albertkit.tables import Table

    options = LoadOptions(
        policy=policy,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_act=activation,
    )
    found = open_model(model, options)
    facts: dict[str, Cell] = {
        "place": str(found.path),
        "format": found.format,
        "recognised by": found.evidence,
        **_facts_of_weights(found),
        **_facts_of_tokenizer(found),
        **_facts_of_vectors(found),
        **_facts_of_precision(found, calibration),
        **{f"note {n}": note.line() for n, note in enumerate(_notes(found), 1)},
        **(_facts_of_self_test(found) if self_test else {}),
    }
    table = Table({name: [value] for name, value in facts.items()})
    give(table, form, output, on_screen=lambda: record(facts.items()))


def _facts_of_weights(found: LoadedModel) -> dict[str, Cell]:
    weights, config = found.weights, found.weights.config
    return {
        "parameters": weights.table().count(),
        "heads": ", ".join(weights.heads) or "none",
        "pooler": "yes" if weights.has_pooler else "no",
        **{name: getattr(config, name) for name in SIZES},
        "activation": config.activation,
    }


def _facts_of_tokenizer(found: LoadedModel) -> dict[str, Cell]:
    tokenizer = found.optional_tokenizer
    if tokenizer is None:
        return {"tokenizer": "none"}
    return {
        "pieces": tokenizer.vocab_size,
        "vocabulary fingerprint": tokenizer.fingerprint,
        "text policy": tokenizer.policy.name,
        "policy chosen by": tokenizer.policy_reason,
        "longest text": f"{found.max_length} ids",
    }


def _facts_of_vectors(found: LoadedModel) -> dict[str, Cell]:
    plan = found.pooling
    if plan is None:
        return {}
    steps = [type(step).__name__.lower() for step in plan.steps]
    prompts = ", ".join(f"{name}: {text!r}" for name, text in plan.prompts.items())
    return {
        "vectors": " → ".join([f"{plan.pooling} pooling", *steps]),
        "numbers in a vector": plan.width(found.weights.config.hidden_size),
        "similarity": plan.similarity,
        "prompts": prompts or "none",
    }


def _facts_of_precision(found: LoadedModel, calibration: Path | None) -> dict[str, Cell]:
    from albertkit.runtime.precision import choose_precision

    facts: dict[str, Cell] = {"precision auto": choose_precision("auto").line()}
    if calibration is None:
        return facts
    fit = found.quantization(calibration)
    return {**facts, "int8": f"{fit.name}: {fit.error.line()}"}


def _notes(found: LoadedModel) -> tuple[Diagnostic, ...]:
    from albertkit.conversion.self_test import doubts

    return found.notes + doubts(found.weights.config)


def _facts_of_self_test(found: LoadedModel) -> dict[str, Cell]:
    from albertkit.conversion.self_test import self_test

    tested = self_test(found)
    return {
        "masked words": tested.words,
        **{f"log-probability {each.name}": each.log_probability for each in tested.candidates},
        "self-test": tested.verdict,
    }
