"""`albertkit pretrain`: train a model on a shard, as a recipe says."""

from albertkit.cli.corpus import (
    NewModel,
    OutputDirectory,
    Recipe,
    Threads,
    print_metrics,
    resume_hint,
    use_torch,
)
from albertkit.cli.output import print_status

PLOT = "losses.png"  # in the directory of the model card


def pretrain(
    recipe: Recipe, *, run: OutputDirectory, output: NewModel, threads: Threads = None
) -> None:
    """Pretrain an ALBERT (masked LM, sentence order)."""
    use_torch(threads)
    from albertkit.cli.loss_plot import draw_losses
    from albertkit.pretraining import pretrain as pretraining
    from albertkit.pretraining.export import export
    from albertkit.pretraining.model_card import make_model_card
    from albertkit.pretraining.recipe import read_recipe
    from albertkit.training.devices import is_main_rank
    from albertkit.training.metrics_log import read_metrics

    settings = read_recipe(recipe, pretraining.PretrainingConfig)
    with resume_hint(run):
        weights = pretraining.pretrain(settings, run, print_metrics)
    if is_main_rank():  # of several that torchrun started
        metrics = read_metrics(run)
        plot = draw_losses(metrics)
        files = {} if plot is None else {PLOT: plot}
        if plot is None:
            print_status("no loss plot: it needs matplotlib; pip install 'albertkit[plots]'")
        card = make_model_card(
            settings, run, metrics, name=output.resolve().name, plot=PLOT if files else None
        )
        files["README.md"] = card.encode()
        export(weights, settings.tokenizer(), output, files=files)
