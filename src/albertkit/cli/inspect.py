"""`albertkit inspect`: what a model of any format consists of."""

from typing import TYPE_CHECKING, Annotated

import typer

from albertkit.cli import options
from albertkit.cli.options import FETCH, OVERRIDES, takes_load_options
from albertkit.cli.output import check_output, write_result
from albertkit.runtime.options import LoadOptions

if TYPE_CHECKING:
    from albertkit.errors import Diagnostic
    from albertkit.runtime import LoadedModel
    from albertkit.tables.table import Cell

SHOWN_FIELDS = (
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


@takes_load_options("policy", *OVERRIDES, *FETCH)
def inspect(
    model: options.AnyModel,
    *,
    load: LoadOptions,
    self_test: Annotated[
        bool,
        typer.Option(
            "--self-test",
            help="Predict masked words, also with other numbers of heads and other activations.",
        ),
    ] = False,
    print_format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Describe a model.

    Format, sizes, parameters, tokenizer and its policy, the sources of the configuration, and the
    precision that this machine would compute in.
    """
    check_output(print_format, output)
    from albertkit.cli.screen import draw_record
    from albertkit.runtime import open_model
    from albertkit.runtime.choose_engine import choose_precision
    from albertkit.tables import Table

    loaded = open_model(model, load)
    facts: dict[str, Cell] = {
        "location": str(loaded.path),
        "format": loaded.format,
        "recognised by": loaded.evidence,
        **_describe_weights(loaded),
        **_describe_tokenizer(loaded),
        **_describe_vectors(loaded),
        "precision auto": choose_precision("auto").line(),
        **{f"note {number}": note.line() for number, note in enumerate(_list_notes(loaded), 1)},
        **(_run_self_test(loaded) if self_test else {}),
    }
    table = Table({name: [value] for name, value in facts.items()})
    write_result(table, print_format, output, for_people=lambda: draw_record(facts.items()))


def _describe_weights(loaded: "LoadedModel") -> "dict[str, Cell]":
    weights, config = loaded.weights, loaded.weights.config
    return {
        "parameters": weights.table().count(),
        "heads": ", ".join(weights.heads) or "none",
        "pooler": "yes" if weights.has_pooler else "no",
        **{name: getattr(config, name) for name in SHOWN_FIELDS},
        "activation": config.activation,
    }


def _describe_tokenizer(loaded: "LoadedModel") -> "dict[str, Cell]":
    tokenizer = loaded.optional_tokenizer
    if tokenizer is None:
        return {"tokenizer": "none"}
    return {
        "pieces": tokenizer.vocab_size,
        "vocabulary fingerprint": tokenizer.fingerprint,
        "tokenizer policy": tokenizer.policy.name,
        "policy chosen by": tokenizer.policy_reason,
        "longest text": f"{loaded.max_length} ids",
    }


def _describe_vectors(loaded: "LoadedModel") -> "dict[str, Cell]":
    plan = loaded.pooling
    if plan is None:
        return {}
    steps = [type(step).__name__.lower() for step in plan.steps]
    prompts = ", ".join(f"{name}: {text!r}" for name, text in plan.prompts.items())
    return {
        "vectors": " → ".join([f"{plan.pooling_name} pooling", *steps]),
        "dimensions": plan.width(loaded.weights.config.hidden_size),
        "similarity": plan.similarity,
        "prompts": prompts or "none",
    }


def _list_notes(loaded: "LoadedModel") -> "tuple[Diagnostic, ...]":
    from albertkit.conversion.self_test import check_metadata

    return loaded.notes + check_metadata(loaded.weights.config)


def _run_self_test(loaded: "LoadedModel") -> "dict[str, Cell]":
    from albertkit.conversion.self_test import self_test

    result = self_test(loaded)
    return {
        "masked words": result.words,
        **{
            f"log-probability {candidate.name}": candidate.log_probability
            for candidate in result.candidates
        },
        "self-test": result.verdict,
    }
