"""`albertkit pretrain`: train a model on a shard, as a recipe says."""

from typing import Annotated

import typer

from albertkit.cli.corpus import (
    NewModel,
    OutputDirectory,
    Recipe,
    Threads,
    make_card_files,
    print_metrics,
    resume_hint,
    use_torch,
)
from albertkit.cli.output import print_status
from albertkit.fileformats.atomic import refuse_files
from albertkit.training.run_directory import is_main_rank


def pretrain(
    recipe: Recipe,
    *,
    run: OutputDirectory,
    output: NewModel,
    best: Annotated[
        bool,
        typer.Option("--best", help="Write the checkpoint with the lowest held-out loss."),
    ] = False,
    threads: Threads = None,
) -> None:
    """Pretrain an ALBERT (masked LM, sentence order)."""
    refuse_files(output)
    from albertkit.pretraining.pretraining_config import PretrainingConfig
    from albertkit.pretraining.recipe import read_recipe

    settings = read_recipe(recipe, PretrainingConfig)  # before torch, whose import takes seconds
    use_torch(threads)
    from albertkit.pretraining import pretrain as pretraining
    from albertkit.pretraining.export import export
    from albertkit.training.state import list_checkpoints, read_progress

    with resume_hint(run):
        weights = pretraining.pretrain(settings, run, print_metrics, _print_start, best=best)
        if not is_main_rank():
            return
        progress = read_progress(list_checkpoints(run)[-1])
        step = progress.best_step if best else progress.step
        files = make_card_files(settings, run, output.resolve().name, step)
        export(weights, settings.tokenizer(), output, files=files)
    print_status(f"Model written to {output}/, the weights of step {step:,}")
    if not best and progress.best_step not in {0, step}:
        print_status(
            f"Step {progress.best_step:,} had a lower loss on the held-out text; the same command "
            "with --best writes it"
        )
    print_status(f'Use it: albertkit fill-mask "a text with a [MASK]" -m {output}')


def _print_start(loss: float) -> None:
    """Print what a run must get below, so that a stuck one is seen."""
    if is_main_rank():
        print_status(
            f"a model that knows only how frequent pieces are has a masked loss of {loss:.2f} and "
            "an order accuracy of 0.5; a run that stays there learns nothing from the context"
        )
