"""`albertkit verify`: whether two models are the same."""

from typing import TYPE_CHECKING, Annotated

import typer

from albertkit.cli import options
from albertkit.cli.options import FETCH, OVERRIDES, takes_load_options
from albertkit.cli.output import check_output, write_result
from albertkit.runtime.options import LoadOptions

if TYPE_CHECKING:
    from albertkit.conversion import Comparison
    from albertkit.runtime import LoadedModel
    from albertkit.tables.table import Cell

DIFFERENT = 1  # the exit status that means "no"


@takes_load_options(*OVERRIDES, *FETCH)
def verify(
    first: Annotated[
        str,
        typer.Argument(metavar="A", help=options.ANY_MODEL, autocompletion=options.complete_model),
    ],
    second: Annotated[
        str,
        typer.Argument(
            metavar="B", help="The model to compare with.", autocompletion=options.complete_model
        ),
    ],
    *,
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance",
            help="Largest difference of an output; default: 1e-4, more for an ONNX file.",
        ),
    ] = None,
    load: LoadOptions,
    tokenizers: Annotated[
        bool, typer.Option("--tokenizers/--no-tokenizers", help="Whether to compare ids too.")
    ] = True,
    print_format: options.Format = None,
    output: options.Output = None,
) -> int:
    """Compare two models of any formats.

    Configs, tensors bit by bit, outputs on eight texts, ids of sample texts. An ONNX file is
    executed; models of other formats are computed by albertkit. The exit status is 0 if the models
    are equal, 1 if they differ.
    """
    check_output(print_format, output)
    from albertkit.cli.screen import draw_record
    from albertkit.conversion import verify as compare_models
    from albertkit.tables import Table

    comparison = compare_models(
        first,
        second,
        tolerance=tolerance,
        num_hidden_layers=load.num_hidden_layers,
        num_attention_heads=load.num_attention_heads,
        hidden_act=load.hidden_act,
        revision=load.revision,
        token=load.token,
        cache_dir=load.cache_dir,
        local_files_only=load.local_files_only,
        tokenizers=tokenizers,
    )
    facts = _describe(comparison, first, second)
    table = Table({name: [value] for name, value in facts.items()})
    write_result(table, print_format, output, for_people=lambda: draw_record(facts.items()))
    return 0 if comparison.is_equal else DIFFERENT


def _describe(comparison: "Comparison", first: str, second: str) -> "dict[str, Cell]":
    reasons = "; ".join(comparison.reasons())
    facts: dict[str, Cell] = {
        "A": _describe_model(first, comparison.first),
        "B": _describe_model(second, comparison.second),
        "configs": "; ".join(map(str, comparison.configs)) or "the same",
        "tensors": comparison.weights.line(),
        "outputs": _describe_outputs(comparison),
        "tokenizers": _describe_tokenizers(comparison),
        "verdict": "equal" if comparison.is_equal else f"different: {reasons}",
    }
    if comparison.outputs:
        facts["largest difference"] = comparison.largest
    return facts


def _describe_model(location: str, loaded: "LoadedModel") -> str:
    return f"{location} ({loaded.format}, by {loaded.evidence})"


def _describe_outputs(comparison: "Comparison") -> str:
    if comparison.outputs is None:
        return "not comparable"
    from albertkit.conversion.parity import format_difference

    outputs = comparison.outputs.items()
    differences = ", ".join(
        f"{name} {format_difference(difference)}" for name, difference in outputs
    )
    largest = format_difference(comparison.largest)
    line = f"on {comparison.inputs}: max |diff| {largest} ({differences})"
    names = [name for name, executed in zip("AB", comparison.executed, strict=True) if executed]
    return f"{line}; executed: the ONNX file of {' and '.join(names)}" if names else line


def _describe_tokenizers(comparison: "Comparison") -> str:
    if comparison.tokenizers is not None:
        return comparison.tokenizers.line()
    models = (("A", comparison.first), ("B", comparison.second))
    names = [name for name, model in models if model.optional_tokenizer]
    return "not compared" if len(names) == 2 else f"only {names[0]} has one" if names else "none"
