"""`albertkit pretrain`: train a model on a shard, as a recipe says."""

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


def pretrain(
    recipe: Recipe, *, run: OutputDirectory, output: NewModel, threads: Threads = None
) -> None:
    """Pretrain an ALBERT (masked LM, sentence order)."""
    use_torch(threads)
    from albertkit.pretraining import pretrain as pretraining
    from albertkit.pretraining.export import export
    from albertkit.pretraining.recipe import read_recipe
    from albertkit.training.devices import is_main_rank

    settings = read_recipe(recipe, pretraining.PretrainingConfig)
    with resume_hint(run):
        weights = pretraining.pretrain(settings, run, print_metrics)
    if is_main_rank():  # of several that torchrun started
        files = make_card_files(settings, run, output.resolve().name)
        export(weights, settings.tokenizer(), output, files=files)
