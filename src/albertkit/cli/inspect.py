"""`albertkit inspect`: what a model's directory holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from albertkit.cli import options
from albertkit.cli.output import check_options, give

if TYPE_CHECKING:
    from albertkit.rows.table import Cell
    from albertkit.runtime import Loaded
    from albertkit.spec.vector_plan import VectorPlan

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
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model's directory, or a built-in name.")
    ],
    *,
    policy: options.Policy = None,
    form: options.Format = None,
    output: options.Output = None,
) -> None:
    """Show what a model's directory holds.

    Its format, sizes, parameters, and how it reads text and why so.
    """
    check_options(form, output)
    from albertkit.checkpoints import format_of
    from albertkit.cli.screen import record
    from albertkit.rows import Table
    from albertkit.runtime import load
    from albertkit.sources import directory_of

    found, evidence = format_of(directory_of(model))
    loaded = load(model, policy=policy)
    facts: dict[str, Cell] = {
        "directory": str(loaded.place),
        "format": found.name,
        "recognised by": evidence,
        **_facts_of_weights(loaded),
        **_facts_of_tokenizer(loaded),
        **(_facts_of_vectors(loaded.vectors, loaded) if loaded.vectors else {}),
        **{f"note {n}": note.line() for n, note in enumerate(loaded.notes, 1)},
    }
    table = Table({name: [value] for name, value in facts.items()})
    give(table, form, output, on_screen=lambda: record(facts.items()))


def _facts_of_weights(loaded: Loaded) -> dict[str, Cell]:
    weights, config = loaded.weights, loaded.config
    return {
        "parameters": weights.table().count(),
        "heads": ", ".join(weights.heads) or "none",
        "pooler": "yes" if weights.has_pooler else "no",
        **{name: getattr(config, name) for name in SIZES},
    }


def _facts_of_tokenizer(loaded: Loaded) -> dict[str, Cell]:
    tokenizer = loaded.tokenizer
    return {
        "pieces": tokenizer.vocab_size,
        "vocabulary fingerprint": tokenizer.fingerprint,
        "text policy": tokenizer.policy.name,
        "policy chosen by": tokenizer.policy_reason,
        "longest text": f"{loaded.max_length} ids",
    }


def _facts_of_vectors(plan: VectorPlan, loaded: Loaded) -> dict[str, Cell]:
    steps = [type(step).__name__.lower() for step in plan.steps]
    prompts = ", ".join(f"{name}: {text!r}" for name, text in plan.prompts.items())
    return {
        "vectors": " → ".join([f"{plan.pooling} pooling", *steps]),
        "numbers in a vector": plan.width(loaded.config.hidden_size),
        "similarity": plan.similarity,
        "prompts": prompts or "none",
    }
